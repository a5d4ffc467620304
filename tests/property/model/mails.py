"""Messages about ends of executions: which there must be, and what must have become of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from tests.property.model.world import Case, World

#: Pauses before the attempts of a message, after the one before, in seconds; without jitter.
PAUSES_S = (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
#: Attempts of which the record keeps the text.
SHOWN = 20
_STATUS = {
    "execution.completed": "COMPLETED",
    "execution.failed": "FAILED",
    "execution.cancelled": "CANCELLED",
}


@dataclass
class Mail:
    """One delivery. due_ms: the next attempt, or the end of the claim under way.

    is_start  it starts a workflow, rather than to send a message.
    """

    delivery_id: str
    tenant: str
    execution_id: str
    is_start: bool
    due_ms: int
    state: str = "pending"
    claim: str = ""
    recorded: str = ""
    attempts: int = 0
    tries: int = 0
    content: bytes | None = None
    calls: list[str] = field(default_factory=list)

    def record(self, claim_id: str, status: int, now_ms: int, *, is_final: bool) -> None:
        """Take note of the answer to an attempt."""
        self.claim, self.recorded = "", claim_id
        self.attempts, self.tries = self.attempts + 1, self.tries + 1
        if 200 <= status < 300:
            self.state = "delivered"
        elif status == 410:
            self.state = "gone"
        elif is_final or self.tries >= len(PAUSES_S):
            self.state = "failed"
        else:
            self.due_ms = now_ms + 1_000 * PAUSES_S[self.tries]

    def fields(self) -> dict[str, str]:
        """Give what must stand in its record."""
        numbers = range(max(1, self.attempts - SHOWN + 1), self.attempts + 1)
        return {
            "tenant": self.tenant,
            "execution_id": self.execution_id,
            "state": self.state,
            "claim": self.claim,
            "attempts": str(self.attempts),
            "tries": str(self.tries),
            "due_ms": str(self.due_ms) if self.state == "pending" else "",
            "numbers": " ".join(map(str, numbers)),
        }


@dataclass
class Mails:
    """All deliveries there must be, by id; claims that are under way or were forgotten."""

    mails: dict[str, Mail] = field(default_factory=dict)
    claims: list[tuple[str, str, int]] = field(default_factory=list)
    #: Ids of all there have ever been.
    known: set[str] = field(default_factory=set)

    def take_in(self, world: World) -> None:
        """Add those that ends have planned since the last look."""
        for case in world.cases:
            for delivery_id, is_start in wanted_of(case):
                if delivery_id not in self.known:
                    self.known.add(delivery_id)
                    self.mails[delivery_id] = Mail(
                        delivery_id, case.tenant, case.execution_id, is_start, world.now_ms
                    )

    def questions(self, world: World) -> list[tuple[Any, ...]]:
        """What to ask Redis for; `broken` takes the answers, in order."""
        asked: list[tuple[Any, ...]] = [("ZRANGE", "workflows:deliveries_due", 0, -1, "WITHSCORES")]
        asked += [("ZRANGE", f"idx:deliveries:{tenant}", 0, -1) for tenant in ("default", "other")]
        asked += [("HGETALL", f"workflows:delivery:{each}") for each in self.mails]
        return asked + [
            ("LRANGE", f"workflow:{case.execution_id}:deliveries", 0, -1) for case in self._telling(world)
        ]

    def broken(self, world: World, answers: list[Any]) -> list[str]:
        """Say what Redis holds of deliveries that it should not; [] when all is well.

        What has ended goes with its execution, what is still to be sent stays.
        """
        broken, found = [], iter(answers)
        due = [part.decode() for part in next(found)]
        listed = {member.decode() for _ in range(2) for member in next(found)}
        for mail in list(self.mails.values()):
            row = _pairs(next(found))
            is_purged = mail.execution_id in world.remains.cases
            if not row and is_purged and mail.state != "pending":
                del self.mails[mail.delivery_id]
            elif (said := _said(row)) != mail.fields():
                broken.append(f"delivery {mail.delivery_id} says {said}, not {mail.fields()}")
        wanted_due = {
            each.delivery_id: each.due_ms for each in self.mails.values() if each.state == "pending"
        }
        if (told := dict(zip(due[::2], map(int, due[1::2]), strict=True))) != wanted_due:
            broken.append(f"deliveries are due {told}, not {wanted_due}")
        if listed != set(self.mails):
            broken.append(f"listed are the deliveries {sorted(listed)}, there are {sorted(self.mails)}")
        for case in self._telling(world):
            own = [each.decode() for each in next(found)]
            if own != [delivery_id for delivery_id, _ in wanted_of(case)]:
                broken.append(f"{case.execution_id} has the deliveries {own}, not {wanted_of(case)}")
        return broken

    def expected_keys(self) -> set[str]:
        keys = {f"workflows:delivery:{each}" for each in self.mails}
        keys |= {f"idx:deliveries:{each.tenant}" for each in self.mails.values()}
        open_ones = [each for each in self.mails.values() if each.state == "pending"]
        keys |= {
            f"idx:deliveries_ended:{each.tenant}" for each in self.mails.values() if each.state != "pending"
        }
        return keys | ({"workflows:deliveries_due"} if open_ones else set())

    def about_to_start(self) -> set[str]:
        """Executions that may have been started by attempts of which nobody has noted the answer."""
        return {started_by(each) for each in self.mails.values() if each.is_start and each.state == "pending"}

    @staticmethod
    def _telling(world: World) -> list[Case]:
        """Executions whose ends have targets."""
        return [case for case in world.cases if case.definition.targets]


def started_by(mail: Mail) -> str:
    """Give the id of the execution that a delivery starts, which its first claim has fixed."""
    return str(orjson.loads(mail.content or b"{}").get("execution_id", ""))


def wanted_of(case: Case) -> list[tuple[str, bool]]:
    """List the deliveries about all ends of an execution, and whether each starts a workflow."""
    if not case.definition.targets or case.seen is None:
        return []
    ends = [_STATUS[type] for type, _, _ in case.now.lines if type in _STATUS]
    by_status = {str(status): targets for status, targets in case.definition.targets.items()}
    return [
        (f"{case.execution_id}.{generation}.{number}", target.workflow is not None)
        for generation, status in enumerate(ends, 1)
        for number, target in enumerate(by_status.get(status, ()))
    ]


def _said(row: dict[str, str]) -> dict[str, str]:
    names = ("tenant", "execution_id", "state", "claim", "attempts", "tries", "due_ms")
    kept = sorted(int(name.removeprefix("attempt|")) for name in row if name.startswith("attempt|"))
    for number in kept:
        assert orjson.loads(row[f"attempt|{number}"])["at_ms"], row
    return {name: row.get(name, "") for name in names} | {"numbers": " ".join(map(str, kept))}


def _pairs(flat: list[bytes]) -> dict[str, str]:
    values = [each.decode() for each in flat]
    return dict(zip(values[::2], values[1::2], strict=True))
