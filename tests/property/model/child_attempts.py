"""What workers do with units that run another definition: start it, wait for it, make its end."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson

from orchestrator.definitions.branches import taker_of
from orchestrator.operations.children import child_id_of
from orchestrator.store import layout
from orchestrator.store.replies import EndReply
from orchestrator.store.requests import AttemptToken, Child, ClaimRequest
from orchestrator.store.script_client import Call
from tests.property.model.drawn_dag import compiled
from tests.property.model.retries import retry_case
from tests.property.model.world import Case, World

#: Levels of children allowed here; one more is drawn.
MOST_LEVELS = 2
#: How an attempt of such a unit may end beside the ends that every unit has: start one, wait for it.
NESTING = "nk"
TOO_DEEP = orjson.dumps({"type": "ConfigError", "message": "too deep", "retryable": False})


def kinds_of_nested(world: World, case: Case, unit: str, calm: str) -> str:
    """How an attempt may end, as the handler decides: by the child it has, and by what woke the unit."""
    child = world.child_of(case, unit)
    if child is None:
        return "nnnnnnnn" + calm + calm.replace("x", "fs")
    if child.now.status == "COMPLETED":
        return "ccccc" + calm
    if not child.now.has_ended:
        return "kkkkkkkk" + calm
    if '"child"' in case.now.of("resume", unit):
        return "ffffrr" + calm if calm else "f"
    # The next try of the unit is one of its child's as well.
    return "kkkkkn" + calm


async def nest(
    world: World, dice: Random, case: Case, token: AttemptToken, kind: str, claiming: ClaimRequest | None
) -> tuple[Call[EndReply], dict[str, Any]]:
    """The call that starts a child, or waits for the one there is, and what becomes of the unit by that."""
    unit = token.node_id
    child = world.child_of(case, unit)
    if kind == "k" and child is not None:
        is_again = child.now.has_ended
        if is_again and await retry_case(world, dice, child):
            await world.look()
        elif is_again:
            return await _start(world, dice, case, token, claiming)
        looks_again = not is_again and bool(child.now.runtime.get("cancelling"))
        call = world.transitions.await_child(
            token, child.execution_id, looks_again=looks_again, claiming=claiming
        )
        return call, {}
    return await _start(world, dice, case, token, claiming)


async def _start(
    world: World, dice: Random, case: Case, token: AttemptToken, claiming: ClaimRequest | None
) -> tuple[Call[EndReply], dict[str, Any]]:
    node, unit = case.node(token.node_id), token.node_id
    assert node.sub_workflow is not None
    document = node.config["workflow"]
    laid = layout.lay_out(compiled(document))
    child_id = child_id_of(case.execution_id, unit, token.attempt)
    child = Child(
        execution_id=child_id,
        definition=orjson.dumps(document),
        last=laid.last,
        extra=("inputs", orjson.dumps({"of": unit})) if dice.random() < 0.3 else (),
        most_levels=MOST_LEVELS,
        too_deep=TOO_DEEP,
        output=orjson.dumps({"execution_id": child_id}),
    )
    for part in laid.staged:
        await world.transitions.stage_execution(child_id, part, tenant=case.tenant)
    is_made = any(each.execution_id == child_id for each in world.cases)
    if not is_made:
        # Nothing of it may be left should the call be refused.
        world.staged.append(child_id)
    record: dict[str, Any] = {}
    # Of a map that has stopped no item starts anything.
    is_ending = case.now.runtime.get("cancelling") or case.now.items.get(node.id, {}).get("halted") == "1"
    if world.expected_word(token) == "ok" and not is_ending:
        if case.depth >= MOST_LEVELS:
            record = {unit: "fail"}
        else:
            case.started.append((child_id, unit))
            world.staged.remove(child_id)
            if node.sub_workflow.is_detached:
                record = {unit: "ok"}
                case.outputs[unit] = child.output
    taker = taker_of(node.catch, "ConfigError")
    return world.transitions.start_child(token, child, deep_taker=taker, claiming=claiming), record
