"""`engine.health`: whether requests can be served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from orchestrator.execution.inventory import Check
from orchestrator.operations.results import Readiness
from orchestrator.store.transitions import Transitions


class Health:
    """The state of the Redis in use.

    look  gives the findings about its version and settings.
    """

    def __init__(self, look: Callable[[], Awaitable[list[Check]]], transitions: Transitions) -> None:
        self._look = look
        self._transitions = transitions

    async def check(self) -> Readiness:
        """Say whether requests can be served, and what the Redis in use promises. Raises nothing."""
        try:
            checks = await self._look()
            await self._transitions.probe()
        except Exception as error:
            return Readiness(False, [Check("redis", "error", f"{type(error).__name__}: {error}")])
        checks.append(Check("scripts", "ok", "scripts are loaded and Redis takes writes"))
        return Readiness(all(check.level != "error" for check in checks), checks)
