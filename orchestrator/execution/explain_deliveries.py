"""Explains the messages about an end that have still to be delivered. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.execution.deliveries import RHYTHM_MS, Delivery, DeliveryState
from orchestrator.execution.explanation import Explanation


def explain_deliveries(deliveries: Sequence[Delivery]) -> list[Explanation]:
    """Say of each that is pending which attempt is next, and why the last one failed."""
    return [_explain(each) for each in deliveries if each.state is DeliveryState.PENDING]


def _explain(delivery: Delivery) -> Explanation:
    attempt = f"attempt {delivery.tries + 1} of {len(RHYTHM_MS)}"
    last = delivery.attempts[-1].error if delivery.attempts else None
    why = f"; the last one failed: {last}" if last else ""
    if delivery.is_claimed:
        wakes = "the worker that makes it or, should it be gone, another one at the end of its claim"
    else:
        wakes = "a worker, when its time has come"
    return Explanation(
        None,
        delivery.status,
        f"{attempt} to deliver {delivery.event} to {delivery.target.place}{why}",
        delivery.due_ms,
        wakes,
        {"delivery_id": delivery.delivery_id},
    )
