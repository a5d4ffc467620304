"""What the demo's workflow calls: weather, fares and an inbox, kept in the memory of this process. Pure."""

from __future__ import annotations

import random
import zlib
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

#: Executions whose calls are remembered; the oldest are forgotten.
MOST_RUNS = 1_000
MOST_MESSAGES = 50
#: So often the fares of an execution are not to be had, and then it is asked to wait so long.
BUSY_TIMES = 2
RETRY_AFTER_S = 2
#: The city whose weather fails where an execution asks for it.
FAILING_CITY = "Oslo"
#: How long an answer about the weather takes.
SHORTEST_S, LONGEST_S = 0.3, 2.0

Value = TypeVar("Value")

#: Degrees in the cities of the demo's workflow; others have some by their names.
_DEGREES = {
    "Athens": 27, "Bergen": 11, "Cairo": 33, "Dublin": 14, "Funchal": 23, "Lisbon": 24,
    "Malaga": 26, "Naples": 25, "Oslo": 9, "Porto": 20, "Reykjavik": 6, "Valencia": 25,
}  # fmt: skip
_SKIES = ("sunny", "a few clouds", "windy", "light rain", "fog in the morning")


class Unavailable(Exception):
    """What is asked for cannot be had now. retry_after_s: when to ask again; None does not say."""

    def __init__(self, status: int, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class DemoService:
    """Answers as services do: slowly, sometimes not at all, and the same to the same question."""

    chance: random.Random = field(default_factory=random.Random)
    #: Calls for fares by execution.
    _calls: OrderedDict[str, int] = field(default_factory=OrderedDict)
    #: Executions whose failing city was asked for; true once that was mended.
    _failing: OrderedDict[str, bool] = field(default_factory=OrderedDict)
    #: Messages by their id, which is the same however often one comes.
    _inbox: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MOST_MESSAGES))

    def pause_s(self) -> float:
        """Say how long the next answer about the weather takes."""
        return self.chance.uniform(SHORTEST_S, LONGEST_S)

    def weather(self, city: str, run: str, *, fails: bool) -> dict[str, Any]:
        """Give the weather of a city: the same at any time. Raises Unavailable (500).

        fails  whether the failing city fails in this execution, until it is mended.
        """
        if fails and city == FAILING_CITY and not _remembered(self._failing, run, False):
            raise Unavailable(500, f"the weather station of {city} is broken; POST /demo/fix mends it")
        number = zlib.crc32(city.encode())
        degrees = _DEGREES.get(city, 5 + number % 25)
        return {"city": city, "temperature_c": degrees, "sky": _SKIES[number % len(_SKIES)]}

    def fares(self, run: str) -> dict[str, Any]:
        """Give the fares, at the third time an execution asks. Raises Unavailable (503)."""
        calls = self._calls[run] = _remembered(self._calls, run, 0) + 1
        if calls <= BUSY_TIMES:
            message = f"call {calls} of this execution is turned away; the third is answered"
            raise Unavailable(503, message, retry_after_s=RETRY_AFTER_S)
        return {"euros": 129, "calls": calls}

    def fix(self) -> int:
        """Mend the weather of all executions in which it has failed; gives how many there were."""
        broken = [run for run, is_mended in self._failing.items() if not is_mended]
        self._failing.update(dict.fromkeys(broken, True))
        return len(broken)

    def receive(self, headers: Mapping[str, str], body: Any, received_at: str) -> None:
        """Take a message; one that came before is counted, and not kept twice."""
        message_id = headers.get("webhook-id", "")
        for message in self._inbox:
            if message_id and message["webhook_id"] == message_id:
                message["times"] += 1
                return
        self._inbox.appendleft(
            {
                "webhook_id": message_id,
                "is_signed": headers.get("webhook-signature", "") != "",
                "received_at": received_at,
                "times": 1,
                "body": body,
            }
        )

    def inbox(self) -> list[dict[str, Any]]:
        """List the messages, newest first."""
        return list(self._inbox)


def _remembered(kept: OrderedDict[str, Value], run: str, first: Value) -> Value:
    """Give what is kept of an execution, from now on the last one to be forgotten."""
    kept.setdefault(run, first)
    kept.move_to_end(run)
    if len(kept) > MOST_RUNS:
        kept.popitem(last=False)
    return kept[run]
