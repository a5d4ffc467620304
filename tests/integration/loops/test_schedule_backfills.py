"""Slots of the past, started some at a time, over restarts too"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.documents.times import parse_time_ms
from orchestrator.errors import BackfillUnderWay, ProblemsFound
from tests.integration.scheduled import DAY, MINUTE, NOON, SECOND, Clockwork, loop_of


async def test_a_backfill_of_a_year_goes_on_after_a_kill(clock: Clockwork) -> None:
    await clock.add(cron="@daily", name="daily")
    schedules = clock.rig.engine.schedules
    start, end = parse_time_ms("2025-01-01T00:00:00Z"), parse_time_ms("2025-12-31T23:59:59Z")

    preview = await schedules.backfill("daily", start_ms=start, end_ms=end, is_dry_run=True)
    assert await clock.executions() == []
    begun = await schedules.backfill("daily", start_ms=start, end_ms=end, most=25)
    with pytest.raises(BackfillUnderWay):
        await schedules.backfill("daily", start_ms=start, end_ms=end)
    most = 0
    for _ in range(100):
        clock.loop = loop_of(clock.rig)  # another process than before
        await clock.run(SECOND)
        active = await clock.rig.redis.scard("workflows:active")
        most = max(most, active)
        if not active:
            break
        await clock.end()

    slots = await clock.slots()
    assert len(preview.slots) == len(begun.slots) == len(slots) == len(set(slots)) == 365
    assert (slots[0], slots[-1]) == ("2025-01-01T00:00:00.000Z", "2025-12-31T00:00:00.000Z")
    assert most <= 25
    record = await clock.get("daily")
    assert record.backfill is not None
    assert (record.backfill.runs, record.backfill.next_ms, record.runs) == (365, None, 0)
    assert record.backfilled == 365
    trigger = await clock.rig.redis.hget(f"workflow:{(await clock.executions())[0]}:runtime", "trigger")
    assert orjson.loads(trigger)["backfill_id"] == begun.backfill_id


async def test_a_backfill_can_be_stopped(clock: Clockwork) -> None:
    await clock.add(cron="@daily", name="daily")
    schedules = clock.rig.engine.schedules
    await schedules.backfill("daily", start_ms=NOON - 100 * DAY, end_ms=NOON, most=5)
    await clock.run(SECOND)

    await schedules.stop_backfill("daily")
    await clock.end()
    await clock.run(MINUTE)

    assert len(await clock.executions()) == 5


async def test_the_same_call_sent_again_starts_nothing_again(clock: Clockwork) -> None:
    record = await clock.add(cron="@daily", name="daily")
    wanted: dict[str, Any] = {"call_id": "one", "first_ms": NOON - NOON % DAY, "end_ms": NOON, "most": 5}
    for _ in range(2):
        word = await clock.rig.transitions.backfill_schedule("default", record.schedule_id, **wanted)
        await clock.run(SECOND)
        await clock.end()
        await clock.run(SECOND)

    assert word == "ok"
    assert len(await clock.executions()) == 1


async def test_a_time_that_has_not_come_is_not_filled_back(clock: Clockwork) -> None:
    await clock.add(cron="@daily", name="daily")

    with pytest.raises(ProblemsFound, match="must be in the past"):
        await clock.rig.engine.schedules.backfill("daily", start_ms=NOON, end_ms=NOON + 2 * DAY)
