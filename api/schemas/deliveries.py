"""Answers of `/v1/deliveries`."""

from typing import Any

from pydantic import BaseModel, Field

from api.schemas.times import rfc3339
from orchestrator.execution.deliveries import Attempt, Delivery, DeliveryState


class DeliveryAttempt(BaseModel):
    """One attempt that was recorded."""

    number: int
    at: str
    duration_ms: int
    status_code: int | None = Field(description="Of the answer; null where none came.")
    error: str | None = Field(description="Null for a success.")
    started: str | None = Field(description="The execution that it has started.")


class DeliveryView(BaseModel):
    """A message about one end of an execution to one target."""

    delivery_id: str
    message_id: str = Field(description="`webhook-id` of the message, the same at every attempt.")
    execution_id: str
    generation: int
    type: str = Field(description="`execution.completed`, `execution.failed` or `execution.cancelled`.")
    target: dict[str, Any] = Field(description="As the definition or the start has it.")
    state: DeliveryState
    ended_at: str = Field(description="When the execution ended.")
    next_attempt_at: str | None = Field(description="Null once it has ended.")
    closed_at: str | None = Field(description="When it was delivered or given up.")
    tries: int = Field(description="Attempts since it was made, or sent again by hand; 10 at most.")
    last_attempt: DeliveryAttempt | None


class DeliveryDetail(DeliveryView):
    """One message with its last attempts, at most 20, oldest first."""

    attempts: list[DeliveryAttempt]


class DeliveryPage(BaseModel):
    items: list[DeliveryView]
    next_cursor: str | None


def delivery_fields(delivery: Delivery) -> dict[str, Any]:
    """Show a delivery in a list."""
    last = delivery.attempts[-1] if delivery.attempts else None
    return {
        "delivery_id": delivery.delivery_id,
        "message_id": delivery.message_id,
        "execution_id": delivery.execution_id,
        "generation": delivery.generation,
        "type": delivery.event,
        "target": delivery.target.to_dict(),
        "state": str(delivery.state),
        "ended_at": rfc3339(delivery.ended_ms),
        "next_attempt_at": rfc3339(delivery.due_ms),
        "closed_at": rfc3339(delivery.closed_ms),
        "tries": delivery.tries,
        "last_attempt": _attempt_fields(last) if last else None,
    }


def delivery_detail_fields(delivery: Delivery) -> dict[str, Any]:
    """Show a delivery with its last attempts."""
    return delivery_fields(delivery) | {"attempts": [_attempt_fields(each) for each in delivery.attempts]}


def _attempt_fields(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "at": rfc3339(attempt.at_ms),
        "duration_ms": attempt.duration_ms,
        "status_code": attempt.status_code,
        "error": attempt.error,
        "started": attempt.started,
    }
