"""Orchestrators, API processes and workers that may die in the middle of what they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from random import Random
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from orchestrator.documents.limits import Limits
from orchestrator.errors import StoreUnavailable
from orchestrator.loops import schedules as schedule_loop
from orchestrator.operations import chained_starts, submissions
from orchestrator.operations.incoming import IncomingWebhooks
from orchestrator.operations.registered import Registered
from orchestrator.operations.schema_checks import SchemaChecks
from orchestrator.operations.submissions import Submissions
from orchestrator.store.reader import Store
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from tests.property.model.drawn_dag import HANDLERS

if TYPE_CHECKING:
    from tests.property.model.world import World

#: Where ids of executions are minted.
MINTING = (schedule_loop, submissions, chained_starts)
#: How a process fares: it dies before or after one of its calls, or sends each call twice.
FATES = ("lives", "lives", "dies before", "dies after", "repeats")


class Frail(Transitions):
    """The scripts, as one process that may die calls them."""

    def __init__(self, of: Transitions) -> None:
        # All it has is that of the others: their connection, and their library.
        vars(self).update(vars(of))
        self.fate, self.calls_left = "lives", 0

    def meet(self, fate: str, *, after: int) -> None:
        """Say how it fares, and at which of its calls it dies."""
        self.fate, self.calls_left = fate, after

    async def call_all(self, calls: Sequence[Call[Any]], *, are_apart: bool = False) -> list[Any]:
        is_last = self.calls_left == 0
        self.calls_left -= 1
        if is_last and self.fate == "dies before":
            raise StoreUnavailable("the process died")
        answers = await super().call_all(calls, are_apart=are_apart)
        if is_last and self.fate == "dies after":
            raise StoreUnavailable("the process died")
        if self.fate == "repeats":
            return await super().call_all(calls, are_apart=are_apart)
        return answers


class Process:
    """One process, with what it remembers of workflows and layouts."""

    def __init__(self, store: Store, transitions: Transitions) -> None:
        self.transitions = Frail(transitions)
        registered, checks = Registered(store), SchemaChecks()
        self.schedules = schedule_loop.Schedules(store, self.transitions, registered, checks)
        made = Submissions(
            store, self.transitions, catalogue=lambda _, cards: HANDLERS, limits=Limits(), checks=checks
        )
        self.incoming = IncomingWebhooks(store, self.transitions, made, registered)
        self.starts = chained_starts.ChainedStarts(
            store, self.transitions, catalogue=lambda _, cards: HANDLERS, limits=Limits()
        )


def drawn_process(world: World, dice: Random) -> Process:
    """Draw one of the processes, and how it fares next."""
    process = dice.choice(world.processes)
    process.transitions.now_ms = world.now_ms
    process.transitions.meet(dice.choice(FATES), after=dice.choice((0, 0, 1, 2)))
    return process


@contextmanager
def minting(world: World) -> Iterator[list[str]]:
    """Have executions numbered as those of the world are; gives the ids that were minted."""
    minted: list[str] = []

    def mint() -> str:
        minted.append(world.next_id())
        return minted[-1]

    with ExitStack() as stack:
        for module in MINTING:
            stack.enter_context(patch.object(module, "mint_execution_id", mint))
        yield minted


async def came_to_be(world: World, minted: Sequence[str]) -> list[str]:
    """Say which executions exist; of the others nothing may be left when their staging is given up."""
    known = {*(case.execution_id for case in world.cases), *world.remains.cases}
    fresh = [each for each in minted if each not in known]
    found = [each for each in fresh if await world.redis.exists(f"workflow:{each}:status")]
    given_up = [each for each in fresh if each not in found and each not in world.staged]
    # One that was started for a message may have been staged by an attempt before.
    world.staged = [each for each in (*world.staged, *given_up) if each not in found]
    return found
