"""Calls about schedules that are ready to be sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from orchestrator.definitions.schedule_record import ScheduleRecord
from orchestrator.store.layout import lay_out
from orchestrator.store.requests import Idempotency, NewSchedule, Slot
from orchestrator.store.script_client import Call
from tests.dags import compiled
from tests.integration.registered_workflows import registration
from tests.integration.transitions.prepared_calls import Prepare
from tests.makers import Rig, node, workflow

SCHEDULE_ID = "sch_" + 26 * "a"
EXECUTION_ID = "01890000-0000-7000-8000-000000000000"
OTHER_ID = "01890000-0000-7000-8000-000000001000"
WORKFLOW_ID = registration().workflow_id
IDEMPOTENCY = Idempotency("ab", "cd", "call")
MINUTE_MS = 60_000


def schedule(rig: Rig, **fields: str) -> NewSchedule:
    """A schedule whose next slot is a minute from now."""
    slot = str(rig.now_ms + MINUTE_MS)
    given = {
        "spec": '{"every":"1m"}', "overlap": "skip", "pauses_on_failure": "0", "max_runs": "",
        "next_ms": slot, "due_ms": slot, "is_declared": "0",
    }  # fmt: skip
    return NewSchedule(SCHEDULE_ID, "clock", given | fields, other_name="clock-aaaaaa")


async def scheduled(rig: Rig, **fields: str) -> ScheduleRecord:
    """Register a workflow with a schedule."""
    await rig.transitions.register_workflow(registration())
    _, record = await rig.transitions.put_schedule(
        "default", WORKFLOW_ID, schedule(rig, **fields), call_id="put"
    )
    assert record is not None
    return record


async def slot_of(rig: Rig, kind: str = "slot") -> Slot:
    """The next slot of the schedule, as it is now."""
    record = await rig.store.schedules.record("default", SCHEDULE_ID)
    assert record is not None
    backfill = record.backfill.next_ms if record.backfill else None
    at = {
        "slot": record.next_ms,
        "buffered": record.buffer[0] if record.buffer else None,
        "backfill": backfill,
    }
    slot_ms = at[kind] or 0
    then = None if kind == "buffered" else slot_ms + MINUTE_MS
    return Slot("default", SCHEDULE_ID, record.turn, kind, slot_ms, then, then)


async def firing(rig: Rig, kind: str = "slot", execution_id: str = EXECUTION_ID) -> Call[Any]:
    """The call that starts the execution of the next slot."""
    definition = compiled(workflow(node("A")))
    return rig.transitions.fire_schedule(
        execution_id,
        await slot_of(rig, kind),
        b'{"name":"Orders"}',
        lay_out(definition).last,
        workflow_revision=1,
        extra=("tenant", "default"),
    )


def after(
    prepare: Callable[[Rig], Awaitable[Any]], call: Callable[[Rig], Awaitable[Call[Any]]]
) -> Callable[[Rig], Awaitable[Call[Any]]]:
    async def prepared(rig: Rig) -> Call[Any]:
        await prepare(rig)
        return await call(rig)

    return prepared


def overlapping(policy: str) -> Callable[[Rig], Awaitable[Call[Any]]]:
    """A slot that comes while the execution of the one before it runs."""

    async def prepared(rig: Rig) -> Call[Any]:
        await scheduled(rig, overlap=policy)
        await (await firing(rig, execution_id=OTHER_ID))
        return await firing(rig)

    return prepared


async def adding(rig: Rig) -> Call[Any]:
    await rig.transitions.register_workflow(registration())
    return rig.transitions.put_schedule(
        "default", WORKFLOW_ID, schedule(rig), call_id="call", idempotency=IDEMPOTENCY
    )


async def changing(rig: Rig) -> Call[Any]:
    await scheduled(rig)
    wanted = schedule(rig, spec='{"every":"2m"}')
    return rig.transitions.put_schedule("default", WORKFLOW_ID, wanted, call_id="call", revision=1)


async def removing(rig: Rig) -> Call[Any]:
    await scheduled(rig)
    return rig.transitions.remove_schedule("default", SCHEDULE_ID, revision=1)


async def pausing(rig: Rig) -> Call[Any]:
    turn = (await scheduled(rig)).turn
    return rig.transitions.pause_schedule(
        "default", SCHEDULE_ID, turn=turn, call_id="call", is_paused=True, by="me", reason="rest"
    )


async def resuming(rig: Rig) -> Call[Any]:
    await (await pausing(rig))
    turn = (await slot_of(rig)).turn
    then = rig.now_ms + MINUTE_MS
    return rig.transitions.pause_schedule(
        "default", SCHEDULE_ID, turn=turn, call_id="c2", is_paused=False, next_ms=then, due_ms=then
    )


async def letting_go(rig: Rig) -> Call[Any]:
    await scheduled(rig)
    return rig.transitions.tend_schedule(
        await slot_of(rig), call_id="call", is_let_go=True, error="inputs: no"
    )


async def looking(rig: Rig) -> Call[Any]:
    await (await overlapping("buffer_one")(rig))
    await rig.worker.run_all(failing=("A",))
    return rig.transitions.tend_schedule(await slot_of(rig), call_id="call")


async def counting(rig: Rig) -> Call[Any]:
    await scheduled(rig)
    return rig.transitions.count_trigger("default", SCHEDULE_ID, "01890000-0000-7000-8000-000000003000")


async def backfilling(rig: Rig) -> Call[Any]:
    await scheduled(rig)
    return rig.transitions.backfill_schedule(
        "default", SCHEDULE_ID, call_id="call", first_ms=MINUTE_MS, end_ms=9 * MINUTE_MS, most=2
    )


async def stopping(rig: Rig) -> Call[Any]:
    await (await backfilling(rig))
    return rig.transitions.backfill_schedule("default", SCHEDULE_ID, call_id="c2", first_ms=None)


async def firing_what_waited(rig: Rig) -> Call[Any]:
    await (await overlapping("buffer_one")(rig))
    await rig.worker.run_all()
    return await firing(rig, "buffered", "01890000-0000-7000-8000-000000002000")


async def backfilled(rig: Rig) -> Any:
    return await (await backfilling(rig))


async def firing_of_the_past(rig: Rig) -> Call[Any]:
    return await firing(rig, "backfill")


#: Schedules. What is asked to be gone is gone, whoever took it away.
SCHEDULES: dict[str, tuple[Prepare, str]] = {
    "put_schedule": (adding, ""),
    "put_schedule, changing": (changing, ""),
    "remove_schedule": (removing, ""),
    "pause_schedule": (pausing, ""),
    "pause_schedule, resuming": (resuming, ""),
    "tend_schedule, letting go": (letting_go, ""),
    "tend_schedule": (looking, ""),
    "count_trigger": (counting, ""),
    "backfill_schedule": (backfilling, ""),
    "backfill_schedule, stopping": (stopping, ""),
    "fire_schedule": (after(scheduled, firing), ""),
    "fire_schedule, skipped": (overlapping("skip"), ""),
    "fire_schedule, buffered": (overlapping("buffer_all"), ""),
    "fire_schedule, cancelling": (overlapping("cancel_other"), ""),
    "fire_schedule, terminating": (overlapping("terminate_other"), ""),
    "fire_schedule, what waited": (firing_what_waited, ""),
    "fire_schedule, backfill": (after(backfilled, firing_of_the_past), ""),
}
