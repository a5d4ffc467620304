"""Says what is wrong with the counts of a node that waits for its items. Pure."""

from dataclasses import dataclass

from orchestrator.definition import Node
from orchestrator.execution import MapSight
from orchestrator.states import NodeStatus


@dataclass(frozen=True, slots=True)
class Remap:
    """Correct the counts of a mapped node, and start or end what they say ought to be."""

    node_id: str
    live: int
    completed: int
    failed: int
    skipped: int


def map_repairs(
    node: Node, sight: MapSight, *, may_start: bool = True, is_cancelling: bool = False
) -> list[Remap]:
    """Count the items of a waiting node anew; also where nothing would start the next one or end the wait,
    and where the node does not say that it waits for them.

    may_start      False while the execution is paused: that nothing starts the next one is no fault then.
    is_cancelling  nothing is to be started, and what ends the wait is the planner's to find.
    """
    counts = sight.counts
    begun = sight.statuses[: counts.started]
    kept = sight.statuses[counts.started :]
    live = len(sight.live)
    completed, skipped = (
        sum(status == wanted for status in sight.statuses)
        for wanted in (NodeStatus.COMPLETED, NodeStatus.SKIPPED)
    )
    # Beyond the next one to be started, what failed did so in an earlier generation.
    failed = sum(status == NodeStatus.FAILED for status in begun)
    most = node.map.live if node.map else 0
    is_stuck = live == 0 if counts.is_halted or not kept else may_start and live < most
    found = (live, completed, failed, skipped)
    is_counted = found == (counts.live, counts.completed, counts.failed, counts.skipped)
    if sight.is_named and is_counted and (is_cancelling or not is_stuck):
        return []
    return [Remap(node.id, *found)]
