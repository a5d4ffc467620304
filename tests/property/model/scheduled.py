"""Schedules of two tenants: put, paused, removed, and taken turns at by processes that may die."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.definitions.schedule_record import ScheduleRecord, schedule_id_of
from orchestrator.documents.times import rfc3339
from orchestrator.errors import StoreUnavailable
from orchestrator.loops import schedules as schedule_loop
from orchestrator.operations.origin import Origin, starter_label
from orchestrator.operations.registrations import rule_fields
from orchestrator.operations.schedule_rules import read_spec, slot_trigger
from orchestrator.store.requests import NewSchedule
from tests.property.model.clock import Clock, Rule
from tests.property.model.drawn_dag import compiled
from tests.property.model.processes import Process, came_to_be, drawn_process, minting
from tests.property.model.registered import register
from tests.property.model.starts import MOST_STARTED, start_one
from tests.property.model.world import Case

if TYPE_CHECKING:
    from tests.property.model.actions import Action
    from tests.property.model.world import World

#: Names of schedules; both tenants use both.
NAMES = ("clock", "alarm")
MOST_CLOCKS = 3
OVERLAPS = ("skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all")
#: How far the time goes on before turns are taken.
STEPS_MS = (0, 1_000, 2_500, 6_000, 15_000)


def drawn_rule(world: World, dice: Random) -> Rule:
    """Draw the rule of a schedule; without jitter."""
    given: dict[str, Any] = {}
    if dice.random() < 0.15:
        given["cron"], period_ms = "* * * * *", 60_000
    else:
        period_ms = dice.choice((1_000, 1_500, 4_000))
        given["every"] = f"{period_ms}ms"
    rule = Rule(given, period_ms, overlap=dice.choice(OVERLAPS))
    given["overlap_policy"] = rule.overlap
    if dice.random() < 0.6:
        rule = replace(rule, catchup=dice.choice(("none", "latest", "all")))
        given["catchup_policy"] = rule.catchup
    if dice.random() < 0.3:
        rule = replace(rule, window_ms=dice.choice((0, 12_000)))
        given["catchup_window"] = f"{rule.window_ms}ms"
    if dice.random() < 0.2:
        start_ms = world.now_ms + dice.choice((-700, 1_300))
        rule = replace(rule, start_ms=start_ms, anchor_ms=0 if "cron" in given else start_ms)
        given["start_at"] = rfc3339(start_ms)
    if dice.random() < 0.15 and "cron" not in given:
        rule = replace(rule, end_ms=world.now_ms + 9_000)
        given["end_at"] = rfc3339(world.now_ms + 9_000)
    if dice.random() < 0.35:
        rule = replace(rule, max_runs=dice.choice((1, 2, 3)))
        given["max_runs"] = rule.max_runs
    if dice.random() < 0.25:
        rule = replace(rule, pauses_on_failure=True)
        given["pause_on_failure"] = True
    return rule


async def put_schedule(world: World, dice: Random) -> None:
    """Add a schedule, or change the rule of one as it was seen now or a while ago."""
    seen = world.clocks.seen
    if seen and (len(world.clocks.clocks) >= MOST_CLOCKS or dice.random() < 0.3):
        await _change(world, dice, dice.choice(seen) if dice.random() < 0.3 else seen[-1])
    elif len(world.clocks.clocks) < MOST_CLOCKS:
        await _add(world, dice, await seen_workflow(world, dice))


async def seen_workflow(world: World, dice: Random) -> WorkflowRecord:
    """Give a workflow as it was seen now or a while ago; there is one afterwards."""
    if not world.registry.workflows:
        await register(world, dice)
        await world.look()
    return dice.choice(world.registry.seen) if dice.random() < 0.2 else world.registry.seen[-1]


async def _add(world: World, dice: Random, of: WorkflowRecord) -> None:
    rule, name, number = drawn_rule(world, dice), dice.choice(NAMES), next(world.numbers)
    schedule_id = schedule_id_of(number.to_bytes(16))
    holder = world.clocks.named(of.tenant, name)
    expected = "unknown" if of.workflow_id not in world.registry.workflows else "taken" if holder else "ok"
    fields = rule_fields(schedule_id, read_spec(rule.given), rule.given, world.now_ms)
    wanted = NewSchedule(schedule_id, name, {**fields, "is_declared": "0"})
    call = world.transitions.put_schedule(of.tenant, of.workflow_id, wanted, call_id=f"put{number}")
    for _ in range(2 if dice.random() < 0.3 else 1):
        word, record = await call
        assert word == expected, (word, expected)
        world.clocks.see(record)
    if expected == "ok":
        made = Clock(schedule_id, of.tenant, of.workflow_id, name, rule, rule.slot_after(world.now_ms))
        made.wake(world.now_ms)
        world.clocks.clocks[schedule_id] = made


async def _change(world: World, dice: Random, seen: ScheduleRecord) -> None:
    known, rule = world.clocks.clocks.get(seen.schedule_id), drawn_rule(world, dice)
    # What sends it may have looked at the clock a while ago.
    computed_ms = world.now_ms - dice.choice((0, 0, 700, 3_000))
    fields = rule_fields(seen.schedule_id, read_spec(rule.given), rule.given, computed_ms)
    wanted = NewSchedule(seen.schedule_id, seen.name, fields)
    call = world.transitions.put_schedule(
        seen.tenant, seen.workflow_id, wanted, call_id=f"put{next(world.numbers)}", revision=seen.revision
    )
    slot = rule.slot_after(computed_ms)
    is_meant = known is not None and known.revision == seen.revision and not known.is_late(slot)
    for _ in range(2 if dice.random() < 0.3 else 1):
        word, record = await call
        assert word == ("ok" if is_meant else "stale"), (word, seen, known)
        world.clocks.see(record)
    if is_meant and known is not None:
        known.put(rule, slot, world.now_ms)


async def pause_schedule(world: World, dice: Random) -> None:
    """Pause a schedule or let it go on, as one who saw it now or a while ago."""
    record = await _looked_up(world, dice)
    if record is None:
        return
    known, is_paused = world.clocks.clocks.get(record.schedule_id), dice.random() < 0.5
    if known is not None and dice.random() < 0.7:
        is_paused = not known.is_paused
    slot = None if is_paused or known is None else known.rule.slot_after(world.now_ms)
    expected = "ok"
    if known is None:
        expected = "unknown"
    elif known.is_paused == is_paused:
        expected = "already"
    elif known.turn != record.turn:
        expected = "stale"
    call = world.transitions.pause_schedule(
        record.tenant, record.schedule_id, turn=record.turn, call_id=f"pause{next(world.numbers)}",
        is_paused=is_paused, by="ann", next_ms=slot, due_ms=slot,
    )  # fmt: skip
    for _ in range(2 if dice.random() < 0.3 else 1):
        word = await call
        assert word == expected, (word, expected, record, known)
    if expected != "ok" or known is None:
        return
    if is_paused:
        known.pause(world.now_ms)
    else:
        known.go_on(slot, statuses_of(world), world.now_ms)


async def remove_schedule(world: World, dice: Random) -> None:
    record = await _looked_up(world, dice)
    if record is None:
        return
    known, revision = world.clocks.clocks.get(record.schedule_id), dice.choice((None, record.revision))
    is_stale = known is not None and revision not in (None, known.revision)
    for _ in range(2 if dice.random() < 0.3 else 1):
        word = await world.transitions.remove_schedule(record.tenant, record.schedule_id, revision=revision)
        assert word == ("stale" if is_stale else "ok"), (word, revision, known)
    if not is_stale:
        world.clocks.clocks.pop(record.schedule_id, None)


async def trigger_schedule(world: World, dice: Random) -> None:
    """Start an execution now, as if a slot were due: the schedule itself knows nothing of it."""
    found = [each for each in world.registry.seen if world.registry.revision(each.workflow_id)]
    clocks = [clock for clock in world.clocks.clocks.values() for each in found if _is_of(clock, each)]
    if not clocks or len(world.cases) >= MOST_STARTED:
        return
    clock = dice.choice(clocks)
    record = next(each for each in reversed(found) if _is_of(clock, each))
    seen = await world.store.schedules.record(clock.tenant, clock.schedule_id)
    assert seen is not None
    if not record.is_active:
        return
    document = world.registry.documents[record.workflow_id, record.version]
    origin = Origin(
        workflow_id=record.workflow_id, workflow_version=record.version,
        trigger=slot_trigger(seen, world.now_ms) | {"by_hand": True},
        starter=starter_of(clock),
    )  # fmt: skip
    await start_one(world, dice, clock.tenant, document, origin, is_started=True, record=record)


def starter_of(clock: Clock) -> tuple[str, str]:
    return starter_label("schedule", clock.schedule_id)


def _is_of(clock: Clock, record: WorkflowRecord) -> bool:
    return clock.workflow_id == record.workflow_id


async def _looked_up(world: World, dice: Random) -> ScheduleRecord | None:
    """A record as it is now, or as a process saw it a while ago."""
    if world.clocks.seen and (dice.random() < 0.2 or not world.clocks.clocks):
        return dice.choice(world.clocks.seen)
    if not world.clocks.clocks:
        return None
    clock = dice.choice(list(world.clocks.clocks.values()))
    record = await world.store.schedules.record(clock.tenant, clock.schedule_id)
    world.clocks.see(record)
    return record


async def take_turns(world: World, dice: Random) -> None:
    """Take some steps of what is due, each by a process that may die on the way."""
    if not world.clocks.clocks:
        await put_schedule(world, dice)
        await world.look()
    world.now_ms += dice.choice(STEPS_MS)
    for _ in range(dice.randint(1, 4)):
        if len(world.cases) >= MOST_STARTED or world.clocks.due(world.now_ms) is None:
            return
        await take_turn(world, drawn_process(world, dice), dice)
        await world.look()


async def take_turn(world: World, process: Process, dice: Random) -> None:
    """Take one step of the schedule that is due first; the model says what must come of it."""
    clock = world.clocks.due(world.now_ms)
    assert clock is not None
    with minting(world) as minted, patch.object(schedule_loop, "MOST_STEPS", 1):
        try:
            await process.schedules.run_once(world.now_ms, limit=1)
        except StoreUnavailable:
            pass  # It died. Whether its script was carried out the record tells.
    record = await world.store.schedules.record(clock.tenant, clock.schedule_id)
    fresh = await came_to_be(world, minted)
    assert record is not None
    world.clocks.see(record)
    if record.turn == clock.turn:
        assert process.transitions.fate.startswith("dies"), f"no turn was taken of {clock}"
        assert fresh == [], fresh
        return
    turn = clock.take_turn(statuses_of(world), world.now_ms, is_active=_is_active(world, clock))
    assert len(fresh) == (turn.slot is not None), (turn, fresh)
    for execution_id in fresh:
        assert turn.slot is not None
        clock.start(turn.slot, execution_id, world.now_ms)
        world.clocks.started[execution_id] = (clock.schedule_id, turn.slot)
        await add_case(world, clock.workflow_id, clock.tenant, execution_id, starter_of(clock))
        await world.drain_worklist(execution_id, True, dice)
    for execution_id in turn.ended:
        if any(case.execution_id == execution_id for case in world.cases):
            await world.drain_worklist(execution_id, True, dice)


async def add_case(
    world: World, workflow_id: str, tenant: str, execution_id: str, starter: tuple[str, str]
) -> None:
    """Get to know an execution of a registered workflow that a process has started."""
    version = int(await world.redis.hget(f"workflow:{execution_id}:runtime", "workflow_version") or 0)
    document = world.registry.documents[workflow_id, version]
    origin = Origin(workflow_id=workflow_id, workflow_version=version, starter=starter)
    world.cases.append(Case(execution_id, document, compiled(document), tenant=tenant, origin=origin))


async def act_on_an_old_turn(world: World, dice: Random) -> None:
    """A process that read a schedule a while ago takes its step now: nothing comes of it."""
    found = [each for each in world.clocks.seen if _turn_of(world, each) != each.turn and not each.is_paused]
    workflows = [each for each in world.registry.seen if each.is_active]
    pairs = [(old, each) for old in found for each in workflows if each.workflow_id == old.workflow_id]
    if not pairs:
        return
    old, workflow = dice.choice(pairs)
    process = world.processes[0]
    process.transitions.now_ms = world.now_ms
    process.transitions.meet("lives", after=0)
    with minting(world) as minted:
        word = await process.schedules._step(old, workflow, world.now_ms)
    assert word in ("stale", "unknown", "moved", "idle", "not started"), word
    assert await came_to_be(world, minted) == []


def _turn_of(world: World, record: ScheduleRecord) -> int | None:
    known = world.clocks.clocks.get(record.schedule_id)
    return known.turn if known else None


def statuses_of(world: World) -> Mapping[str, str]:
    """Statuses of the executions that are there."""
    return {case.execution_id: case.now.status for case in world.cases if case.seen}


def _is_active(world: World, clock: Clock) -> bool:
    return world.registry.workflows[clock.workflow_id].is_active


async def stop_schedules(world: World, dice: Random) -> None:
    """Pause all schedules, so that everything can end."""
    for clock in world.clocks.clocks.values():
        record = await world.store.schedules.record(clock.tenant, clock.schedule_id)
        assert record is not None
        if not clock.is_paused:
            word = await world.transitions.pause_schedule(
                clock.tenant, clock.schedule_id, turn=record.turn, call_id=f"stop{next(world.numbers)}",
                is_paused=True,
            )  # fmt: skip
            assert word == "ok", (word, clock)
            clock.pause(world.now_ms)
    await world.look()


#: How often each is drawn.
SCHEDULES: dict[Action, int] = {
    put_schedule: 2, pause_schedule: 2, remove_schedule: 1, trigger_schedule: 1, take_turns: 6,
    act_on_an_old_turn: 1,
}  # fmt: skip
