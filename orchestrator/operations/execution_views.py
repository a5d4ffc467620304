"""Reads an execution with all its nodes, for `engine.executions.get`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson

from orchestrator.definitions.definition import OUTPUT
from orchestrator.execution.model import Execution, MapCounts, NodeState
from orchestrator.operations.results import (
    SHOWN_BYTES,
    SHOWN_FINAL_BYTES,
    SHOWN_TOGETHER_BYTES,
    ExecutionView,
)
from orchestrator.states import PURGEABLE, ExecutionStatus, NodeStatus, WaitingOn
from orchestrator.store.reader import Store
from orchestrator.templates.resolver import BY_HAND


async def read_view(store: Store, execution_id: str, *, is_lean: bool) -> ExecutionView | None:
    """Read an execution with all its nodes; None for an unknown one.

    is_lean  leaves out all outputs and the trigger document; they are not read.
    Raises ExecutionNotFound where it is purged meanwhile.
    """
    # Before all else: what is written while the rest is read is an event behind this one.
    seq = await store.seq(execution_id)
    execution = await store.execution(execution_id)
    if execution is None:
        return None
    definition = await store.definition(execution_id, execution.version)
    states = await store.nodes(execution_id, [node.id for node in definition.nodes])
    nodes = list(states.values())
    counts = await store.items.counts(execution_id, [node.id for node in definition.nodes if node.map])
    final = await store.output_state(execution_id) if definition.output_node else None
    view = ExecutionView(
        execution=execution,
        definition=definition,
        nodes=nodes,
        outputs={},
        counts=counts,
        is_quiesced=await _is_quiesced(store, execution, nodes, counts),
        expires_ms=await _expires_ms(store, execution),
        output_error=None if final is None or final.status is NodeStatus.COMPLETED else final.error,
        seq=seq,
    )
    if not is_lean:
        view = await _with_outputs(store, view, has_output=final is not None)
    await store.check_present(execution)
    return view


async def _with_outputs(store: Store, view: ExecutionView, *, has_output: bool) -> ExecutionView:
    """Add the smaller outputs, that of the whole among them, and the trigger document."""
    execution_id = view.execution.execution_id
    sizes = await store.payloads.sizes(execution_id, [state.node_id for state in view.nodes])
    outputs = await store.payloads.small(
        execution_id, sizes, each_bytes=SHOWN_BYTES, most_bytes=SHOWN_TOGETHER_BYTES
    )
    trigger = await _shown_trigger(store, view.execution)
    view = replace(view, outputs=outputs, sizes=sizes, trigger=trigger)
    if not has_output:
        return view
    size = await store.payloads.sizes(execution_id, [OUTPUT])
    output = await store.payloads.small(
        execution_id, size, each_bytes=SHOWN_FINAL_BYTES, most_bytes=SHOWN_FINAL_BYTES
    )
    return replace(view, output=output.get(OUTPUT), output_bytes=size[OUTPUT])


async def _shown_trigger(store: Store, execution: Execution) -> bytes | None:
    text = await store.payloads.trigger(execution.execution_id)
    return orjson.dumps(dict(BY_HAND)) if text is None and execution.started_ms is not None else text


async def _expires_ms(store: Store, execution: Execution) -> int | None:
    """When it will be purged by itself; None where that is not known yet, or it is not."""
    if execution.status not in PURGEABLE:
        return None
    found_ms = await store.index.expires_ms(execution.execution_id)
    # What has just ended stands there with its end, until the loop knows how long it is kept.
    since_ms = execution.ended_ms or execution.created_ms
    return found_ms if found_ms is not None and found_ms > since_ms else None


async def _is_quiesced(
    store: Store, execution: Execution, states: Sequence[NodeState], counts: Mapping[str, MapCounts]
) -> bool:
    if execution.status is not ExecutionStatus.PAUSED:
        return False
    if any(state.status is NodeStatus.RUNNING for state in states):
        return False
    for state in states:
        if state.waiting_on is WaitingOn.MAP and (found := counts.get(state.node_id)):
            execution_id, node_id = execution.execution_id, state.node_id
            if NodeStatus.RUNNING in await store.items.statuses(execution_id, node_id, found.started):
                return False
    return True
