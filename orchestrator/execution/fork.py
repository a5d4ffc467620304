"""Plans a fork: which nodes keep the results of the source execution, and which run again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson

from orchestrator.definitions.definition import Definition, Node
from orchestrator.definitions.graph import topological_order
from orchestrator.execution.counters import skipped_at_once
from orchestrator.execution.model import NodeState, Snapshot
from orchestrator.states import TABLE, NodeStatus, Reason

#: Ends that a fork can keep. A node that failed or was cancelled has nothing to give to those behind it.
KEPT = frozenset(row.target for row in TABLE if row.verb == "reuse_nodes")


@dataclass(frozen=True, slots=True)
class ForkPlan:
    """How the nodes of a fork begin: each of them is in one of the three.

    kept       as they ended in the source, in definition order.
    again      to be run, in definition order, each as its dependencies end.
    aside      skipped at once, because of what is kept: the rest of a branch not taken, for one.
    not_taken  {condition_id: ids it did not take}, of the conditions that are kept.
    """

    definition: Definition
    kept: Mapping[str, NodeState]
    again: tuple[str, ...]
    aside: tuple[str, ...]
    not_taken: Mapping[str, frozenset[str]]


def plan_fork(
    source: Snapshot, definition: Definition, *, from_node: str | None = None, has_new_inputs: bool = False
) -> ForkPlan:
    """Keep each node that ended, is the same in both definitions, and has nothing before it that is not.

    from_node       runs again in any case.
    has_new_inputs  nodes that refer to the inputs, or may read them, run again.
    """
    kept: dict[str, NodeState] = {}
    for node_id in topological_order({node.id: node.dependencies for node in definition.nodes}):
        node = definition.node(node_id)
        if node_id == from_node or (has_new_inputs and node.uses_inputs):
            continue
        if not _is_same(source.definition.by_id.get(node_id), node):
            continue
        if source.nodes[node_id].status in KEPT and all(other in kept for other in node.dependencies):
            kept[node_id] = source.nodes[node_id]
    return plan_rest(definition, kept, source.not_taken)


def plan_rest(
    definition: Definition, kept: Mapping[str, NodeState], not_taken: Mapping[str, frozenset[str]]
) -> ForkPlan:
    """Complete the plan for a fork that keeps these nodes."""
    statuses, reasons = starting_states(definition, kept)
    rejects = {node_id: ids for node_id, ids in not_taken.items() if node_id in kept}
    aside = skipped_at_once(definition, statuses, reasons, rejects)
    ids = [node.id for node in definition.nodes]
    return ForkPlan(
        definition=definition,
        kept={node_id: kept[node_id] for node_id in ids if node_id in kept},
        again=tuple(node_id for node_id in ids if node_id not in kept and node_id not in aside),
        aside=tuple(node_id for node_id in ids if node_id in aside),
        not_taken=rejects,
    )


def _is_same(old: Node | None, new: Node) -> bool:
    return old is not None and _essence(old) == _essence(new)


def _essence(node: Node) -> tuple[Node, bytes]:
    """Give what a node's result depends on: everything but where, how long and how often it is tried.

    A field that is added to nodes counts until it is taken out here: running too much is the smaller mistake.
    """
    bare = replace(
        node,
        # Compared as text: to Python 1, 1.0 and True are equal, to a handler they are not.
        config={},
        dependencies=tuple(sorted(node.dependencies)),
        retry=None,
        handler_retry=None,
        start_to_close_ms=None,
        schedule_to_start_ms=None,
        schedule_to_close_ms=None,
        heartbeat_ms=None,
        critical=True,
        queue="default",
    )
    return bare, orjson.dumps(node.config, option=orjson.OPT_SORT_KEYS)


def starting_states(
    definition: Definition, kept: Mapping[str, NodeState]
) -> tuple[dict[str, NodeStatus], dict[str, Reason | None]]:
    """Give every node's status and reason at the beginning of the fork."""
    statuses = {
        node.id: kept[node.id].status if node.id in kept else NodeStatus.PENDING for node in definition.nodes
    }
    return statuses, {node_id: state.reason for node_id, state in kept.items()}
