"""The real scripts on a real Redis under random programs: clients, workers, loops, lost replies, lost keys.

After every step everything is read back and held against the promises; at the end, once nothing more is lost,
every execution must end as the semantics say. `HEADRACE_LONG` runs until 100,000 states have been looked at.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from clients.redis_client import connect_commands
from orchestrator.redis_keys import Keys
from orchestrator.scripts import Script, compose_all
from tests.property.model import deeds
from tests.property.model.programs import do, heal, run_program
from tests.property.model.world import World, small_turns

STATES = int(os.environ.get("MODEL_STATES", "100000"))
FIRST_SEED = int(os.environ.get("MODEL_SEED", "1"))

Runner = asyncio.Runner


@pytest.fixture
def small_scripts() -> Iterator[dict[str, Script]]:
    with small_turns(compose_all(Keys())) as changed:
        yield changed


class EngineMachine(RuleBasedStateMachine):
    """Hypothesis chooses the deeds, so that a failing program is made short."""

    redis_url = ""
    scripts: dict[str, Script] | None = None
    is_faulty = True

    def __init__(self) -> None:
        super().__init__()
        self.runner = Runner()
        self.redis = self.runner.run(_connect(self.redis_url))
        self.world = World(self.redis, is_faulty=self.is_faulty, scripts=self.scripts)
        self.runner.run(self.world.open())

    def teardown(self) -> None:
        try:
            self.runner.run(heal(self.world, Random(0)))
        finally:
            self.runner.run(self.redis.aclose())
            self.runner.close()

    @initialize(seed=st.integers(0, 2**16))
    def something_to_do(self, seed: int) -> None:
        self.runner.run(do(self.world, deeds.submit, seed))

    @rule(deed=st.sampled_from([d for d, n in deeds.WEIGHTS.items() for _ in range(n)]), seed=st.integers(0, 2**16))
    def something_happens(self, deed: deeds.Deed, seed: int) -> None:
        self.runner.run(do(self.world, deed, seed))

    @rule(seed=st.integers(0, 2**16))
    def bad_luck(self, seed: int) -> None:
        if self.is_faulty and seed % 6 == 0:
            self.runner.run(do(self.world, deeds.lose_something, seed))


async def _connect(url: str) -> object:
    return connect_commands(url)
