"""The process that checks values by schemas too large for the event loop, as the engine sees it."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from api.line_process import LineProcess, ProcessBusy, ProcessFailed
from orchestrator.documents import exact_json
from orchestrator.errors import Problem, TooBusy

#: A check that takes longer is refused.
PATIENCE_S = 10.0
TURN_S = 10.0
MOST_WAITING = 8


class SchemaProcess(LineProcess):
    """Checks one value at a time, in a process that is ended when it takes too long or too much memory."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, patience_s: float = PATIENCE_S
    ) -> None:
        super().__init__(
            command, environment, patience_s=patience_s, turn_s=TURN_S, most_waiting=MOST_WAITING
        )

    async def problems(self, schema: Mapping[str, Any], value: Any, what: str) -> list[Problem]:
        """List what a schema finds wrong with a value. Raises TooBusy."""
        try:
            answer = await self.ask(exact_json.dumps({"schema": schema, "value": value, "what": what}))
        except ProcessBusy as error:
            raise TooBusy(f"the {what} cannot be checked now: {error}; try again") from None
        except ProcessFailed:
            message = f"the schema asks for too many checks of this {what}"
            return [Problem(what, "too_complex", message)]
        return [Problem(**each) for each in orjson.loads(answer)]
