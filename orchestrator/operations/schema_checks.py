"""Checks values by schemas in the event loop, as far as that holds nobody up, and the rest elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from orchestrator.documents.json_schema import (
    IN_A_LOOP,
    Effort,
    compile_schema,
    filled_inputs,
    judge,
)
from orchestrator.errors import InputsInvalid, Problem


class Apart(Protocol):
    """A process of its own that checks values, and can be ended."""

    async def problems(self, schema: dict[str, Any], value: Any, what: str) -> list[Problem]:
        """List what a schema finds wrong with a value, whatever that takes."""
        ...


class SchemaChecks:
    """Checks of what comes from outside.

    apart   takes the checks that are too large for the loop; without it they are refused.
    effort  what a check may cost here.
    """

    def __init__(self, apart: Apart | None = None, *, effort: Effort = IN_A_LOOP) -> None:
        self._apart = apart
        self._effort = effort

    async def problems(self, schema: dict[str, Any], value: Any, what: str) -> list[Problem]:
        """List what a schema finds wrong with a value; `what` begins the path of each problem."""
        if compile_schema(schema):
            # Compiling and checking may take equally long, and others have their turn in between.
            await asyncio.sleep(0)
        verdict = judge(schema, value, what, self._effort)
        if verdict.is_partial and self._apart is not None:
            return await self._apart.problems(schema, value, what)
        return list(verdict.problems)

    async def inputs(self, schema: dict[str, Any] | None, inputs: Any) -> dict[str, Any]:
        """Give the inputs with defaults filled in; raises InputsInvalid with every problem found."""
        filled = filled_inputs(schema, inputs)
        if schema is not None and (problems := await self.problems(schema, filled, "inputs")):
            raise InputsInvalid(problems)
        return filled
