"""How a fork is laid out beside what any execution of its definition is: what it keeps, where it begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.definitions.trigger_rules import TriggerRule
from orchestrator.execution.counters import Counters, expected_counters
from orchestrator.execution.fork import ForkPlan, starting_states
from orchestrator.store import layout
from orchestrator.store.layout import Field, batches, list_fields


@dataclass(frozen=True, slots=True)
class Reuse:
    """Nodes that a fork keeps from its source, as one script takes them.

    nodes   (node id, status) of what is kept.
    fields  runtime fields and values in turn, those of nodes that run again too.
    """

    nodes: tuple[tuple[str, str], ...]
    fields: tuple[Field, ...]

    def arguments(self) -> tuple[Field, ...]:
        return (len(self.nodes), *(word for pair in self.nodes for word in pair), *self.fields)

    def after(self, count: int) -> Reuse:
        """Give what is left when the first `count` nodes and the fields are written."""
        return Reuse(self.nodes[count:], ())


def reuses(plan: ForkPlan) -> Iterator[Reuse]:
    """Put what is kept, and every node's counters, into slices for the scripts."""
    counters = expected_counters(
        plan.definition, *starting_states(plan.definition, plan.kept), plan.not_taken
    )
    for nodes in batches(plan.definition.nodes, layout.SLICE):
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


def _counter_fields(node_id: str, counters: Counters) -> Iterator[Field]:
    if counters != Counters():
        numbers = (counters.ok, counters.bad, counters.skip, counters.gates_done, int(counters.not_taken))
        yield from (f"c|{node_id}", " ".join(map(str, numbers)))


def _kept_fields(node_id: str, plan: ForkPlan) -> Iterator[Field]:
    state = plan.kept.get(node_id)
    if state is not None and state.reason is not None:
        yield from (f"reason|{node_id}", str(state.reason))
    if rejects := plan.not_taken.get(node_id):
        yield from (f"rejects|{node_id}", " ".join(sorted(rejects)))
