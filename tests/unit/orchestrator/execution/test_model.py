"""The read models: what the defaults say, and that nothing can change them."""

from dataclasses import FrozenInstanceError

import pytest

from orchestrator.execution.inventory import WorkerInfo
from orchestrator.execution.model import Execution, NodeState
from orchestrator.states import ExecutionStatus, NodeStatus


def test_a_node_begins_pending_and_unattempted() -> None:
    state = NodeState("A")

    assert (state.status, state.attempt, state.tries, state.crashes) == (NodeStatus.PENDING, 0, 0, 0)
    assert state.reason is None
    assert state.done == 0


def test_done_counts_every_kind_of_end() -> None:
    assert NodeState("A", ok=3, bad=2, skip=1).done == 6


def test_an_execution_begins_in_its_first_generation() -> None:
    execution = Execution("x1", "orders", "v1", ExecutionStatus.PENDING, left=4, created_ms=1)

    assert (execution.generation, execution.cancelling, execution.failed) == (1, None, 0)
    assert execution.tenant == "default"


def test_states_are_values() -> None:
    assert NodeState("A", ok=1) == NodeState("A", ok=1)
    with pytest.raises(FrozenInstanceError):
        NodeState("A").status = NodeStatus.QUEUED  # type: ignore[misc]


@pytest.mark.parametrize(
    ("handler", "queue", "expected"),
    [("http", "default", True), ("http", "gpu", False), ("llm", "default", False)],
)
def test_a_worker_offers_a_handler_on_the_queues_it_reads(handler: str, queue: str, expected: bool) -> None:
    worker = WorkerInfo("w1", "worker-1", "host", 1, frozenset({"http"}), ("default",), 8, 0, 0, 0)

    assert worker.offers(handler, queue) is expected
