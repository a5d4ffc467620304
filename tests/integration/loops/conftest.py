"""A clock for schedules that only the tests move."""

from __future__ import annotations

import pytest

from orchestrator.store.reader import Store
from tests.integration.scheduled import NOON, Clockwork, loop_of
from tests.makers import Rig


@pytest.fixture
def clock(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Clockwork:
    """A workflow's clock at noon, and the loop of one orchestrator."""
    rig.transitions.now_ms = NOON

    async def now_ms(_: Store) -> int:
        return rig.now_ms

    monkeypatch.setattr(Store, "now_ms", now_ms)
    return Clockwork(rig, loop_of(rig))
