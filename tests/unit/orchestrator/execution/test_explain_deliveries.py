"""What is still to be delivered is explained: which attempt, when, and why the last one failed."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.definitions.targets import Target
from orchestrator.execution.deliveries import Attempt, Delivery, DeliveryState
from orchestrator.execution.explain_deliveries import explain_deliveries
from orchestrator.states import ExecutionStatus

DELIVERY = Delivery(
    delivery_id="e1.1.0",
    tenant="default",
    execution_id="e1",
    generation=1,
    status=ExecutionStatus.FAILED,
    ended_ms=1,
    target=Target(url="https://receiver.example/s3cret"),
    state=DeliveryState.PENDING,
    tries=2,
    due_ms=5_000,
    attempts=(Attempt(2, 1, 1, 503, "https://receiver.example answered 503"),),
)


def test_a_pending_delivery_names_its_next_attempt() -> None:
    (found,) = explain_deliveries([DELIVERY])

    assert found.waiting_for == (
        "attempt 3 of 10 to deliver execution.failed to https://receiver.example; "
        "the last one failed: https://receiver.example answered 503"
    )
    assert (found.until_ms, found.wakes) == (5_000, "a worker, when its time has come")
    assert found.details == {"delivery_id": "e1.1.0"}


def test_a_claimed_delivery_waits_for_its_worker() -> None:
    (found,) = explain_deliveries([replace(DELIVERY, is_claimed=True, attempts=())])

    assert found.waiting_for.endswith("to https://receiver.example")
    assert found.wakes.startswith("the worker that makes it")


def test_what_has_ended_needs_no_explanation() -> None:
    assert explain_deliveries([replace(DELIVERY, state=state) for state in list(DeliveryState)[1:]]) == []
