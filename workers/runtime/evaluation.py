"""Evaluates templates without holding the event loop: on the spot where that is quick, else in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from orchestrator.templates.budget import Budget, TakesLong

Result = TypeVar("Result")


class Evaluation:
    """Where the templates of a worker's attempts are evaluated; all its attempts share one."""

    def __init__(self) -> None:
        # One thread at a time: the event loop waits for the interpreter once in each of its rounds, not once
        # for each evaluation that is under way.
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[[Budget], Result]) -> Result:
        """Do the work, whose only effect is its result; again from its start where it turns out to be long.

        The time it may take is processor time of its own: waiting for its turn costs it nothing.
        """
        try:
            return work(Budget(is_quick=True))
        except TakesLong:
            pass
        async with self._turn:
            return await asyncio.to_thread(lambda: work(Budget()))
