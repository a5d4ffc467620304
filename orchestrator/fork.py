"""What a fork keeps of the execution it begins from, and what it runs again. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import orjson

from orchestrator.counters import Counters, expected_counters, skipped_at_once
from orchestrator.definition import Definition, Node
from orchestrator.execution import NodeState, Snapshot
from orchestrator.graph import topological_order
from orchestrator.layout import SLICE, Field, Reuse, batches, list_fields
from orchestrator.rules import TriggerRule
from orchestrator.states import TABLE, NodeStatus, Reason

#: Ends that a fork can keep. A node that failed or was cancelled has nothing to give to those behind it.
KEPT = frozenset(row.target for row in TABLE if row.verb == "reuse_nodes")


@dataclass(frozen=True, slots=True)
class ForkPlan:
    """How the nodes of a fork begin: each of them is in one of the three.

    kept       as they ended in the source, in definition order.
    again      to be run, in definition order; what becomes of those before them decides, as ever.
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
    has_new_inputs  nodes that refer to the inputs run again.
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
    return foresee(definition, kept, source.not_taken)


def foresee(
    definition: Definition, kept: Mapping[str, NodeState], not_taken: Mapping[str, frozenset[str]]
) -> ForkPlan:
    """Say what becomes of the rest when these nodes are kept."""
    statuses, reasons = _begin(definition, kept)
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


def reuses(plan: ForkPlan) -> Iterator[Reuse]:
    """Put what is kept, and every node's counters, into slices for the scripts."""
    counters = expected_counters(plan.definition, *_begin(plan.definition, plan.kept), plan.not_taken)
    for nodes in batches(plan.definition.nodes, SLICE):
        kept = [(node.id, str(plan.kept[node.id].status)) for node in nodes if node.id in plan.kept]
        fields: list[Field] = []
        for node in nodes:
            fields += _counter_fields(node.id, counters[node.id])
            fields += _kept_fields(node.id, plan)
        if kept or fields:
            yield Reuse(tuple(kept), tuple(fields))


def execution_fields(plan: ForkPlan) -> tuple[Field, ...]:
    """Give the fields in which the fork as a whole differs from an execution that begins with nothing."""
    left = [node for node in plan.definition.nodes if node.id not in plan.kept]
    begin = (
        node.id
        for node in left
        if not node.dependencies
        or node.trigger_rule is TriggerRule.ALWAYS
        or any(other in plan.kept for other in node.dependencies)
    )
    return ("left", len(left), *list_fields("start", begin))


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


def _begin(
    definition: Definition, kept: Mapping[str, NodeState]
) -> tuple[dict[str, NodeStatus], dict[str, Reason | None]]:
    """Give every node's status and reason at the beginning of the fork."""
    statuses = {
        node.id: kept[node.id].status if node.id in kept else NodeStatus.PENDING for node in definition.nodes
    }
    return statuses, {node_id: state.reason for node_id, state in kept.items()}


def _counter_fields(node_id: str, counters: Counters) -> Iterator[Field]:
    found = {
        "ok": counters.ok,
        "bad": counters.bad,
        "skip": counters.skip,
        "gates": counters.gates_done,
        "not_taken": int(counters.not_taken),
    }
    for name, value in found.items():
        if value:
            yield from (f"{name}|{node_id}", value)


def _kept_fields(node_id: str, plan: ForkPlan) -> Iterator[Field]:
    state = plan.kept.get(node_id)
    if state is not None and state.reason is not None:
        yield from (f"reason|{node_id}", str(state.reason))
    if rejects := plan.not_taken.get(node_id):
        yield from (f"rejects|{node_id}", " ".join(sorted(rejects)))
