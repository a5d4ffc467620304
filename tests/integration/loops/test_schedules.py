"""Schedules start what they are due for: each slot once, as their policies say."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from orchestrator.errors import StoreFull
from orchestrator.operations.origin import starter_label
from orchestrator.store.requests import NewSchedule, Slot
from tests.integration.registered_workflows import register
from tests.integration.scheduled import DAY, HOUR, MINUTE, NOON, SECOND, Clockwork, at, loop_of
from tests.makers import node


async def test_each_slot_starts_one_execution_with_its_inputs_and_its_time(clock: Clockwork) -> None:
    await clock.add(cron="*/5 * * * *", inputs={"region": "eu"})

    early = await clock.run(5 * MINUTE - 1)
    at_time = await clock.run(1)
    await clock.end()
    later = await clock.run(5 * MINUTE)

    assert (early, at_time, later) == (0, 1, 1)
    assert await clock.slots() == at("12:05:00", "12:10:00")
    execution = await clock.rig.engine.executions.get((await clock.executions())[0])
    assert execution.execution.inputs == {"region": "eu"}
    trigger = orjson.loads(execution.trigger or b"null")
    assert (trigger["source"], trigger["schedule"]) == ("schedule", "clock")
    record = await clock.get()
    assert record.runs == 2
    starter = starter_label("schedule", record.schedule_id)
    listed = (await clock.rig.engine.executions.list(labels=[starter])).items
    assert {row.execution_id for row in listed} == set(await clock.executions())


async def test_any_number_of_orchestrators_start_a_slot_once(clock: Clockwork) -> None:
    await clock.add(every="1s", overlap_policy="allow_all")
    loops = [loop_of(clock.rig) for _ in range(4)]

    for _ in range(30):
        clock.rig.transitions.now_ms = clock.rig.now_ms + SECOND
        await asyncio.gather(*(loop.run_once(clock.rig.now_ms) for loop in loops))

    slots = await clock.slots()
    assert len(slots) == len(set(slots)) == 30


async def test_a_slot_stays_dealt_with_when_its_execution_is_purged(clock: Clockwork) -> None:
    record = await clock.add(every="1m")
    await clock.run(MINUTE)
    await clock.end()
    (execution_id,) = await clock.executions()
    await clock.rig.engine.executions.purge(execution_id)

    # An orchestrator that has read the schedule before, and comes late.
    workflow = await clock.rig.engine.workflows.get("orders")
    late = Slot("default", record.schedule_id, record.turn, "slot", NOON + MINUTE, NOON + 2 * MINUTE, 0)
    word = await clock.loop.fire(record, workflow, late)

    assert word == "stale"
    assert await clock.executions() == []


CATCHUPS = {
    # after half an hour without an orchestrator
    "none": ["12:30:00"],
    "latest": ["12:30:00"],
    "all": [f"12:{minute:02}:00" for minute in range(1, 31)],
}


@pytest.mark.parametrize("policy", CATCHUPS)
async def test_what_was_missed_is_caught_up_as_its_policy_says(clock: Clockwork, policy: str) -> None:
    await clock.add(every="1m", catchup_policy=policy, overlap_policy="allow_all")

    await clock.run(30 * MINUTE)

    assert await clock.slots() == at(*CATCHUPS[policy])
    assert (await clock.get()).missed == 30 - len(CATCHUPS[policy])


async def test_a_slot_that_is_too_late_for_none_is_let_go_and_latest_starts_it(clock: Clockwork) -> None:
    await clock.add(every="1m", name="never", catchup_policy="none")
    await clock.add("others", every="1m", name="newest")
    await register(clock.rig, "others")

    started = await clock.run(MINUTE + 30 * SECOND)

    assert started == 1
    assert (await clock.get("never")).missed == 1
    assert (await clock.get("newest")).last_slot_ms == NOON + MINUTE


async def test_what_is_older_than_the_window_is_never_caught_up(clock: Clockwork) -> None:
    await clock.add(every="10m", catchup_policy="all", catchup_window="30m", overlap_policy="allow_all")

    await clock.run(5 * HOUR)

    assert await clock.slots() == at("16:30:00", "16:40:00", "16:50:00", "17:00:00")


async def test_an_outage_of_a_year_costs_a_few_steps(clock: Clockwork) -> None:
    await clock.add(every="1s", catchup_policy="all", catchup_window="5s", overlap_policy="allow_all")

    started = await clock.run(365 * DAY)

    assert 5 <= started <= 12


async def test_it_begins_ends_and_counts_as_it_says(clock: Clockwork) -> None:
    await clock.add(
        every="1m", start_at="2026-06-01T12:02:30Z", end_at="2026-06-01T12:04:30Z", overlap_policy="allow_all"
    )
    await clock.add(every="1m", name="thrice", max_runs=3, overlap_policy="allow_all")

    await clock.run(10 * MINUTE, step_ms=10 * SECOND)

    window, thrice = await clock.get(), await clock.get("thrice")
    # `every` counts from its beginning.
    assert (window.runs, window.last_slot_ms) == (3, NOON + 4 * MINUTE + 30 * SECOND)
    assert (thrice.runs, thrice.is_finished, window.is_finished) == (3, True, True)


async def test_jitter_moves_a_slot_always_by_the_same_and_never_its_time(clock: Clockwork) -> None:
    record = await clock.add(every="1h", jitter="10m")
    due = [record.spec.due_ms(record.schedule_id, NOON + n * HOUR) - (NOON + n * HOUR) for n in range(1, 50)]

    await clock.run(HOUR + due[0] - 1)
    before = await clock.slots()
    await clock.run(1)

    assert before == []
    assert await clock.slots() == at("13:00:00")
    assert 0 <= min(due) < 2 * MINUTE
    assert 8 * MINUTE < max(due) <= 10 * MINUTE


async def test_a_failure_pauses_it_where_it_asks_for_that(clock: Clockwork) -> None:
    await clock.add(every="1m", pause_on_failure=True)
    await clock.run(MINUTE)
    (execution_id,) = await clock.executions()
    await clock.end(failing=("A",))

    await clock.run(10 * MINUTE, step_ms=SECOND)
    paused = await clock.get()
    await clock.rig.engine.schedules.resume("clock")
    await clock.run(MINUTE)

    assert (paused.is_paused, paused.paused_reason) == (True, f"execution {execution_id} failed")
    assert len(await clock.executions()) == 2
    assert (await clock.get()).is_paused is False


async def test_what_passes_while_it_is_paused_is_not_caught_up(clock: Clockwork) -> None:
    await clock.add(every="1m", catchup_policy="all")
    await clock.rig.engine.schedules.pause("clock", by="me", reason="maintenance")

    nothing = await clock.run(30 * MINUTE + 30 * SECOND)
    await clock.rig.engine.schedules.resume("clock")
    await clock.run(30 * SECOND)

    assert nothing == 0
    assert await clock.slots() == at("12:31:00")


async def test_it_sleeps_while_its_workflow_is_paused(clock: Clockwork) -> None:
    await clock.add(every="1m", catchup_policy="all")
    await clock.rig.engine.workflows.change("orders", is_active=False)

    nothing = await clock.run(30 * MINUTE + 30 * SECOND, step_ms=20 * SECOND)
    await clock.rig.engine.workflows.change("orders", is_active=True)
    await clock.run(30 * SECOND)

    assert nothing == 0
    assert await clock.slots() == at("12:31:00")
    assert (await clock.get()).missed == 0


async def test_it_starts_the_newest_version(clock: Clockwork) -> None:
    await clock.add(every="1m")
    await register(clock.rig, "orders", node("A"), node("B", after=["A"]))

    await clock.run(MINUTE)

    (execution_id,) = await clock.executions()
    assert (await clock.rig.engine.executions.get(execution_id)).execution.workflow_version == 2


async def test_a_slot_whose_inputs_fit_no_more_is_let_go_with_the_reason(clock: Clockwork) -> None:
    await clock.add(every="1m", inputs={"region": "eu"})
    schema = {"type": "object", "properties": {"region": {"type": "integer"}}}
    await register(clock.rig, "orders", inputs=schema)

    await clock.run(MINUTE)

    record = await clock.get()
    assert await clock.executions() == []
    assert (record.failed, record.next_ms) == (1, NOON + 2 * MINUTE)
    assert "inputs.region" in record.last_error


async def test_a_store_that_is_full_lets_nothing_pass_for_good(
    clock: Clockwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clock.add(every="1m")

    def full(*_: Any, **__: Any) -> Any:
        raise StoreFull

    with monkeypatch.context() as context:
        context.setattr(type(clock.rig.transitions), "fire_schedule", full)
        with pytest.raises(StoreFull):
            await clock.run(MINUTE)

    assert await clock.run(SECOND) == 1


async def test_a_damaged_schedule_holds_up_no_other(clock: Clockwork) -> None:
    damaged = await clock.add(every="1m", name="damaged")
    await clock.add(every="1m", name="sound", overlap_policy="allow_all")
    await clock.rig.redis.hset(f"workflows:schedule:default:{damaged.schedule_id}", "spec", "no rule")

    assert await clock.run(MINUTE) == 1


async def test_a_large_workflow_is_started_whole(clock: Clockwork) -> None:
    await register(clock.rig, "large", *(node(f"N{n}") for n in range(450)))
    await clock.add("large", every="1m")

    await clock.run(MINUTE)

    assert await clock.end() == 450


async def test_removing_a_workflow_removes_its_schedules_and_no_key_stays(clock: Clockwork) -> None:
    before = await clock.rig.dump()
    await clock.add(every="1m")
    await clock.add(every="2m", name="second")

    await clock.rig.engine.workflows.remove("orders")

    assert await clock.rig.dump() == before


async def test_a_rule_that_was_put_late_starts_no_slot_again(clock: Clockwork) -> None:
    record = await clock.add(every="1m", overlap_policy="allow_all")
    slot = str(NOON + MINUTE)
    wanted = NewSchedule(
        record.schedule_id, "clock", {"spec": '{"every":"1m"}', "next_ms": slot, "due_ms": slot}
    )
    await clock.run(MINUTE)

    await clock.rig.transitions.put_schedule(
        "default", record.workflow_id, wanted, call_id="late", revision=1
    )
    await clock.run(SECOND)

    assert await clock.slots() == at("12:01:00")
    assert (await clock.get()).next_ms == NOON + 2 * MINUTE


async def test_a_rule_that_was_put_late_lets_no_slot_wait_twice(clock: Clockwork) -> None:
    record = await clock.add(every="1m", overlap_policy="buffer_all")
    await clock.run(2 * MINUTE, step_ms=MINUTE)
    slot = str(NOON + 2 * MINUTE)
    wanted = NewSchedule(
        record.schedule_id, "clock", {"spec": '{"every":"1m"}', "next_ms": slot, "due_ms": slot}
    )

    word, _ = await clock.rig.transitions.put_schedule(
        "default", record.workflow_id, wanted, call_id="late", revision=1
    )
    await clock.run(SECOND)

    assert word == "stale"
    assert (await clock.get()).buffer == (NOON + 2 * MINUTE,)


async def test_a_finished_schedule_goes_on_by_a_rule_that_was_put_as_it_ended(
    clock: Clockwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    await clock.add(every="1m", max_runs=1)
    put = clock.rig.transitions.put_schedule
    words: list[str] = []

    async def put_after_a_slot(*args: Any, **named: Any) -> Any:
        if not words:
            await clock.run(MINUTE)
        answer = await put(*args, **named)
        words.append(answer[0])
        return answer

    monkeypatch.setattr(clock.rig.transitions, "put_schedule", put_after_a_slot)
    await clock.rig.engine.schedules.put("clock", {"every": "1m", "max_runs": 2}, if_match=["*"])
    await clock.end()
    await clock.run(2 * MINUTE, step_ms=MINUTE)

    assert words == ["stale", "ok"]
    assert await clock.slots() == at("12:01:00", "12:02:00")


async def test_one_that_sleeps_is_left_alone_until_its_next_slot(clock: Clockwork) -> None:
    await clock.add(every="24h")
    await clock.rig.engine.workflows.change("orders", is_active=False)
    before = (await clock.get()).turn

    await clock.run(MINUTE, step_ms=SECOND)

    assert (await clock.get()).turn - before <= 1
