"""The process that plays simulations, as the routes see it.

Templates are evaluated in it, which the API never does itself. It is started at the first question and stays.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from api.line_process import LineProcess, ProcessBusy, ProcessFailed
from api.problems import SimulationFailed, SimulatorBusy
from orchestrator.documents import exact_json

#: Real time of one simulation; and what it may take beyond that until it has noticed.
PLAYING_S = 10.0
PATIENCE_S = PLAYING_S + 5
#: A few wait their turn for a while; one client must not keep all others waiting.
TURN_S = 10.0
MOST_WAITING = 4


class SimulatorProcess(LineProcess):
    """Plays one simulation at a time; what a killed one leaves behind is deleted by the next process."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, patience_s: float = PATIENCE_S
    ) -> None:
        super().__init__(
            command, environment, patience_s=patience_s, turn_s=TURN_S, most_waiting=MOST_WAITING
        )
        self._namespace = ""
        self._left_behind: list[str] = []

    async def play(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Give the answer to a question, as the process words it. Raises SimulationFailed, SimulatorBusy."""
        try:
            async with self._my_turn():
                self._namespace = uuid.uuid4().hex
                try:
                    answer = await self._ask(self._worded(question))
                finally:
                    await self._forget()
        except ProcessBusy as error:
            raise SimulatorBusy(f"the process that plays simulations is busy: {error}") from None
        except ProcessFailed as error:
            raise SimulationFailed(f"the process that plays simulations gave up: {error}") from error
        found: dict[str, Any] = exact_json.loads(answer)
        return found

    def _worded(self, question: Mapping[str, Any]) -> bytes:
        return exact_json.dumps({**question, "namespace": self._namespace, "patience_s": PLAYING_S})

    async def _forget(self) -> None:
        """Have the keys deleted that simulations have left behind which were killed."""
        if self._left_behind:
            await self._ask(exact_json.dumps({"forget": self._left_behind}))
            self._left_behind = []

    async def _stop(self) -> bool:
        is_clean = await super()._stop()
        if not is_clean and self._namespace:
            self._left_behind.append(self._namespace)
        self._namespace = ""
        return is_clean
