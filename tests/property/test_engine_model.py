"""The real scripts on a real Redis under random programs: two tenants, workers, loops, lost replies and keys.

After every step everything is read back and held against the promises; at the end, once nothing more is lost,
every execution must end as the semantics say, and leave no lease, timer or task behind. A program that fails
prints its actions; MODEL_SEED and MODEL_STATES choose the programs of the long run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from redis.asyncio import Redis

from clients.redis_client import connect_commands
from orchestrator.redis_keys import Keys
from orchestrator.store.library import Library
from orchestrator.store.transitions import Transitions
from tests.property.model import actions, faults, stale_reads
from tests.property.model.programs import do, heal, run_program
from tests.property.model.small_turns import small_turns
from tests.property.model.starts import submit
from tests.property.model.world import World

STATES = int(os.environ.get("MODEL_STATES", "100000"))
FIRST_SEED = int(os.environ.get("MODEL_SEED", "1"))
WEIGHTS = {**actions.WEIGHTS, **stale_reads.STALE_READS}
#: Actions as often as they are drawn.
DRAWN = [action for action, share in WEIGHTS.items() for _ in range(share)]


@pytest.fixture
def small_library() -> Iterator[Library]:
    with small_turns() as library:
        yield library


def sender(redis: Redis, library: Library | None = None) -> Transitions:
    transitions = Transitions(redis, Keys())
    if library:
        transitions.library = library
    return transitions


class EngineMachine(RuleBasedStateMachine):
    """Hypothesis chooses the actions, so that a program that fails is made short."""

    url = ""
    library: Library | None = None

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.redis = self.runner.run(self._connect())
        self.world = World(sender(self.redis, self.library), is_faulty=True)
        self.runner.run(self.world.open())

    async def _connect(self) -> Redis:
        return connect_commands(self.url)

    def teardown(self) -> None:
        try:
            self.runner.run(heal(self.world, seed=0))
        finally:
            self.runner.run(self.world.close())
            self.runner.run(self.redis.aclose())
            self.runner.close()

    @initialize(seed=st.integers(0, 2**16))
    def there_is_something_to_do(self, seed: int) -> None:
        self.runner.run(do(self.world, submit, seed))

    @rule(action=st.sampled_from(DRAWN), seed=st.integers(0, 2**16))
    def something_happens(self, action: actions.Action, seed: int) -> None:
        self.runner.run(do(self.world, action, seed))

    @rule(seed=st.integers(0, 2**16))
    def something_may_be_lost(self, seed: int) -> None:
        if seed % 4 == 0:
            self.runner.run(do(self.world, faults.lose_something, seed))


def run_machine(url: str, library: Library | None, *, examples: int) -> None:
    machine: Any = type("Machine", (EngineMachine,), {"url": url, "library": library})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=60,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whatever_is_lost_every_execution_ends_as_the_semantics_say(redis_url: str) -> None:
    run_machine(redis_url, None, examples=5)


def test_saved_worklists_survive_the_same(redis_url: str, small_library: Library) -> None:
    run_machine(redis_url, small_library, examples=5)


@pytest.mark.parametrize("seed", range(5))
async def test_longer_programs_end_as_well(redis: Redis, seed: int) -> None:
    await run_program(World(sender(redis), is_faulty=True), seed, steps=80)


@pytest.mark.parametrize("seed", range(5))
async def test_longer_programs_with_saved_worklists_end_too(
    redis: Redis, small_library: Library, seed: int
) -> None:
    await run_program(World(sender(redis, small_library), is_faulty=True), seed, steps=80)


@pytest.mark.parametrize("seed", range(4))
async def test_while_nothing_is_lost_nothing_is_repaired(redis: Redis, seed: int) -> None:
    await run_program(World(sender(redis), is_faulty=False), seed, steps=80)


@pytest.mark.parametrize("seed", range(4))
async def test_saved_worklists_need_no_repair_either(redis: Redis, small_library: Library, seed: int) -> None:
    await run_program(World(sender(redis, small_library), is_faulty=False), seed, steps=80)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_a_hundred_thousand_states(redis: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    """Programs of all four kinds in turn, until so many states have been looked at."""
    states, programs, seed = 0, 0, FIRST_SEED
    distinct: set[int] = set()
    with small_turns() as library:
        senders = {False: sender(redis), True: sender(redis, library)}
    while states < STATES:
        is_faulty, is_small = seed % 4 != 0, seed % 2 == 0
        with small_turns() if is_small else nullcontext():
            world = World(senders[is_small], is_faulty=is_faulty)
            try:
                await run_program(world, seed, steps=100)
            except BaseException as error:
                error.add_note(f"seed {seed}, is_faulty={is_faulty}, is_small={is_small}")
                raise
        states, programs, seed = states + world.states, programs + 1, seed + 1
        distinct |= world.fingerprints
    with capsys.disabled():
        print(f"\nmodel: {states:,} states, {len(distinct):,} of them distinct, in {programs:,} programs")
