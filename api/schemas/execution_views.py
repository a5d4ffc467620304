"""An execution with all its nodes as clients see it: whole, or lean, for pages that draw thousands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import orjson

from api.schemas.times import rfc3339
from api.schemas.views import execution_fields, lean_node_fields, node_fields, output_fields
from orchestrator.execution.root_causes import Causes, RootCause, find_causes
from orchestrator.operations.results import ExecutionView
from orchestrator.states import NodeStatus


def view_fields(view: ExecutionView) -> dict[str, Any]:
    """Show an execution with all its nodes, their outputs and what they used."""
    execution_id, causes = view.execution.execution_id, _causes_of(view)
    nodes = [node_fields(execution_id, node) for node in view.node_views]
    return _base_fields(view, causes, nodes) | {
        "inputs": view.execution.inputs,
        "trigger": None if view.trigger is None else orjson.Fragment(view.trigger),
        "output": output_fields(view.output, view.output_bytes, f"/v1/executions/{execution_id}/output"),
    }


def lean_view_fields(view: ExecutionView) -> dict[str, Any]:
    """Show an execution with all its nodes, without anything that handlers or clients gave."""
    definition, counts = view.definition.by_id, view.counts
    nodes = [
        lean_node_fields(definition[state.node_id], state, counts.get(state.node_id)) for state in view.nodes
    ]
    return _base_fields(view, _causes_of(view), nodes)


def _causes_of(view: ExecutionView) -> Causes:
    return find_causes(view.definition, {state.node_id: state for state in view.nodes})


def _base_fields(view: ExecutionView, causes: Causes, nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """Show what both views have. nodes: as they are shown; those that were skipped get their causes."""
    if causes.because_of:
        for node in nodes:
            if (named := causes.because_of.get(node["node_id"])) is not None:
                node["because_of"] = named
    skipped = (state.reason for state in view.nodes if state.status is NodeStatus.SKIPPED)
    return execution_fields(view.execution) | {
        "seq": view.seq,
        "quiesced": view.is_quiesced,
        "expires_at": rfc3339(view.expires_ms),
        "output_error": view.output_error,
        "counts": _counted(state.status for state in view.nodes),
        "reasons": _counted(skipped),
        "waiting": _counted(state.waiting_on for state in view.nodes),
        "root_causes": [_cause_fields(cause) for cause in causes.listed],
        "nodes": nodes,
    }


def _counted(words: Iterable[str | None]) -> dict[str, int]:
    """Count each word; None is none."""
    return {str(word): count for word, count in Counter(words).items() if word is not None}


def _cause_fields(cause: RootCause) -> dict[str, Any]:
    state = cause.state
    return {
        "node_id": state.node_id,
        "error": state.error,
        "attempt": state.attempt,
        "ended_at": rfc3339(state.ended_ms),
        "kept": cause.kept,
    }
