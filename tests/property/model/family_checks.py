"""Executions and the children their units started: what they must agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.units import node_of
from tests.property.model.snapshots import ENDED

if TYPE_CHECKING:
    from tests.property.model.snapshots import ExecutionSnapshot
    from tests.property.model.world import Case, World

#: Of a parent that did not end well.
BADLY = ("FAILED", "CANCELLED")


def of_family(world: World, case: Case, before: ExecutionSnapshot | None) -> list[str]:
    """Hold one execution against those it started, and against the one that started it."""
    broken = _of_record(case) + _of_waits(world, case)
    if before is not None:
        broken += _of_leaving(world, case, before) + _of_close(world, case, before)
    return broken + _of_child(world, case)


def _of_record(case: Case) -> list[str]:
    """Every call that started a child started one; units know their last; one wait wakes once."""
    now, broken = case.now, []
    if list(now.children) != case.started:
        broken.append(f"started are {now.children}, its calls were told {case.started}")
    for unit, child_id in {unit: child_id for child_id, unit in now.children}.items():
        has_let_go = node_of(unit) in case.let_go and not now.of("child", unit)
        if now.of("child", unit) != child_id and not has_let_go:
            broken.append(f"the child of {unit} is {now.of('child', unit)!r}, started last was {child_id}")
    for _, unit, child_id in dict.fromkeys(now.told):
        waits = now.told.count(("node.waiting", unit, child_id))
        wakes = sum(
            (word, unit, child_id) in now.told and now.told.count((word, unit, child_id)) for word in WAKES
        )
        if wakes > waits:
            broken.append(f"{unit} waited {waits} times for {child_id} and was woken {wakes} times")
    return broken


#: How a unit goes on when its child has ended.
WAKES = ("node.queued", "node.held")


def _of_waits(world: World, case: Case) -> list[str]:
    """Whoever waits for a child has one that has not ended."""
    now, broken = case.now, []
    for unit in waiting_units(now):
        child = world.child_of(case, unit)
        if child is None or (child.now.has_ended and not world.is_faulty):
            broken.append(f"{unit} waits for {now.of('child', unit)}, which is {child and child.now.status}")
    return broken


def _of_leaving(world: World, case: Case, before: ExecutionSnapshot) -> list[str]:
    """Whoever waits no longer has asked a child that goes on to end; within a grace it waits."""
    now, broken = case.now, []
    for unit in waiting_units(before):
        child = world.child_of(case, unit)
        policy = policy_of(case, unit)
        if child is None or child.now.has_ended or policy == "abandon":
            continue
        if now.units[unit] in ENDED and not child.now.runtime.get("cancelling"):
            broken.append(f"{unit} is {now.units[unit]}, and its child {child.execution_id} goes on")
        until_ms = int(now.runtime.get("grace_ms") or 0) if now.runtime.get("cancelling") == "user" else 0
        if policy != "request_cancel" or until_ms <= world.now_ms:
            continue
        if now.units[unit] == "CANCELLED":
            broken.append(f"{unit} is CANCELLED before its child {child.execution_id}")
        # Asked by this very call, it has the time that its parent has.
        is_first = not before.runtime.get("cancelling") and child.asked_in == world.states
        if is_first and child.now.runtime["grace_ms"] != now.runtime["grace_ms"]:
            broken.append(f"the grace of {child.execution_id} is not that of its parent")
    return broken


def waiting_units(now: ExecutionSnapshot) -> list[str]:
    """Units that wait for what they started."""
    words = now.units.items()
    return [unit for unit, word in words if word == "WAITING" and now.of("waiting_on", unit) == "child"]


def parents(world: World) -> list[Case]:
    """Executions under way of which a unit waits for its child."""
    return [case for case in world.cases if not case.now.has_ended and waiting_units(case.now)]


def _of_close(world: World, case: Case, before: ExecutionSnapshot) -> list[str]:
    """One that has just ended otherwise than well has asked its children to end, as their policies say."""
    now = case.now
    if before.has_ended or now.status not in BADLY:
        return []
    broken = []
    for child_id, unit in now.children:
        child = next(each for each in world.cases if each.execution_id == child_id)
        policy = policy_of(case, unit)
        if policy == "abandon" or child.now.has_ended:
            continue
        is_ending = child.now.worklist or child.now.runtime.get("worklist") == "1"
        if not child.now.runtime.get("cancelling") or (policy == "terminate" and not is_ending):
            broken.append(f"ended {now.status}, and {child_id} of {unit} ({policy}) goes on")
    return broken


def _of_child(world: World, case: Case) -> list[str]:
    """A child stands where it was started; one that is to be left alone is not asked to end."""
    if not case.parent:
        return []
    now, broken = case.now, []
    parent = world.case_of(case.parent)
    if now.runtime.get("depth") != str(case.depth):
        broken.append(f"depth {now.runtime.get('depth')}, {case.depth} levels below its root")
    if now.runtime.get("parent", f"{case.parent} {case.parent_unit}") != f"{case.parent} {case.parent_unit}":
        broken.append(
            f"its parent is {now.runtime['parent']}, started it has {case.parent} {case.parent_unit}"
        )
    if policy_of(parent, case.parent_unit) == "abandon":
        is_asked = now.runtime.get("cancel_request", "").startswith("parent:")
        is_swept = now.runtime.get("cancelling") == "fail_fast" and not case.definition.fail_fast
        if is_asked or is_swept:
            broken.append("its parent asked it to end, and was to leave it alone")
    return broken


def policy_of(case: Case, unit: str) -> str:
    nested = case.node(unit).sub_workflow
    assert nested is not None
    return nested.policy
