"""Starts: of a definition, or of a workflow by its name; in two tenants, with and without keys and labels."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha1
from random import Random
from typing import Any

import orjson

from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.operations.origin import NO_ORIGIN, Origin
from orchestrator.store import layout
from orchestrator.store.requests import Idempotency, digest_of
from tests.property.model.drawn_dag import compiled, draw_document
from tests.property.model.registered import NAMES
from tests.property.model.tenancy import TENANTS, drawn_origin
from tests.property.model.world import Case, World

#: Executions of one world that clients start, and with those that schedules, webhooks and ends have started.
MOST_CASES = 6
MOST_STARTED = 8


async def submit(world: World, dice: Random) -> None:
    """Submit a definition, perhaps under an idempotency key that was used before."""
    if len(world.cases) >= MOST_CASES:
        return
    request = f"key{dice.randint(0, 3)}" if dice.random() < 0.3 else ""
    body_dice = Random(dice.randint(0, 3)) if request else dice
    tenant, origin = dice.choice(TENANTS), drawn_origin(dice)
    is_started = dice.random() < 0.6
    document = draw_document(body_dice, starts=NAMES)
    await start_one(world, dice, tenant, document, origin, is_started=is_started, request=request)


async def start_by_name(world: World, dice: Random) -> None:
    """Start what a name stands for now, or stood for when an API process saw it last."""
    if len(world.cases) >= MOST_CASES:
        return
    tenant, name = dice.choice(TENANTS), dice.choice(NAMES)
    records = world.store.workflows
    workflow_id = await records.id_of(tenant, name)
    assert workflow_id == world.registry.id_of(tenant, name), (tenant, name, workflow_id)
    record = await records.record(tenant, workflow_id) if workflow_id else None
    if dice.random() < 0.3 and world.registry.seen:
        record = dice.choice(world.registry.seen)
    if record is None or not record.is_active:
        return
    document = world.registry.documents[record.workflow_id, record.version]
    stored = await records.definition(record.tenant, record.workflow_id, record.version)
    is_there = record.workflow_id in world.registry.workflows
    assert stored == (orjson.dumps(document) if is_there else None), (record, stored)
    origin = replace(
        drawn_origin(dice), workflow_id=record.workflow_id, workflow_version=record.version
    )  # fmt: skip
    request = f"named{dice.randint(0, 3)}" if dice.random() < 0.2 else ""
    await start_one(
        world, dice, record.tenant, document, origin, is_started=True, request=request, record=record
    )


async def start_one(
    world: World, dice: Random, tenant: str, document: dict[str, Any], origin: Origin = NO_ORIGIN, *,
    is_started: bool, request: str = "", record: WorkflowRecord | None = None,
) -> None:  # fmt: skip
    """Create an execution as an API process would, perhaps twice, and hold the answer against the model."""
    execution_id = world.next_id()
    definition, body = compiled(document), orjson.dumps(document)
    laid = layout.lay_out(definition)
    for part in laid.staged:
        await world.transitions.stage_execution(execution_id, part, tenant=tenant)
    if dice.random() < 0.05:
        world.staged.append(execution_id)
        return
    digest = sha1(body, usedforsecurity=False).hexdigest()
    holder = world.holder(tenant, origin)
    expected = expected_answer(world, execution_id, tenant, origin, (request, digest), record)
    call = world.transitions.create_execution(
        execution_id, body, laid.last, tenant=tenant, idempotency=Idempotency(request, digest, ""),
        key=origin.key_claim(None), workflow=record, is_started=is_started,
        extra=("tenant", tenant, *origin.fields()),
    )  # fmt: skip
    word, made, more, *left = await call
    assert (word, made) == expected, (word, made, expected)
    if dice.random() < 0.2:
        assert (await call)[:2] == [word, made]
    if word in ("ok", "existing") and request:
        world.keys_used[tenant, request] = (digest, made)
    if word != "ok":
        world.staged.append(execution_id)
        return
    assert left in ([], [holder]), (left, holder)
    world.cases.append(Case(execution_id, document, definition, tenant=tenant, origin=origin))
    if origin.execution_key:
        world.holders[tenant, digest_of(origin.execution_key)] = execution_id
    for terminated in left:
        await world.drain_worklist(terminated, True, dice)
    await world.drain_worklist(execution_id, more, dice)


def expected_answer(
    world: World,
    execution_id: str,
    tenant: str,
    origin: Origin,
    request: tuple[str, str],
    record: WorkflowRecord | None,
) -> tuple[str, str]:
    """The word, and the execution it names: first come repeats, then the workflow, then the key."""
    known = world.keys_used.get((tenant, request[0]))
    if known is not None and any(case.execution_id == known[1] for case in world.cases):
        return "replayed" if known[0] == request[1] else "conflict", known[1]
    if record is not None and world.registry.revision(record.workflow_id) != record.revision:
        return "moved", execution_id
    holder = world.holder(tenant, origin)
    if holder is not None and not world.case_of(holder).now.has_ended:
        if origin.id_conflict_policy == "use_existing":
            return "existing", holder
        if origin.id_conflict_policy in ("fail", None):
            return "taken", holder
    return "ok", execution_id
