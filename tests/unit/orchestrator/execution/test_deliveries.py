"""The rhythm of attempts, what an answer means, and what a message says."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from orchestrator.definitions.targets import Target
from orchestrator.execution.deliveries import (
    BODY_BYTES,
    RHYTHM_MS,
    Answer,
    Delivery,
    DeliveryState,
    NextStep,
    attempt_json,
    event_data,
    message_body,
    next_step,
)
from orchestrator.states import ExecutionStatus

S = DeliveryState
REFUSED = Answer(1, 500, error="no")
DELIVERY = Delivery(
    delivery_id="e1.1.0", tenant="default", execution_id="e1", generation=1, status=ExecutionStatus.COMPLETED,
    ended_ms=1_700_000_000_123, target=Target(url="ops"), state=S.PENDING, tries=0, name="Orders",
)  # fmt: skip


def test_the_rhythm_is_that_of_the_specification() -> None:
    seconds = [sum(RHYTHM_MS[: number + 1]) // 1_000 for number in range(len(RHYTHM_MS))]

    hours = [f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}" for at in seconds]
    assert hours == [
        "00:00:00", "00:00:05", "00:05:05", "00:35:05", "02:35:05", "07:35:05", "17:35:05", "31:35:05",
        "51:35:05", "75:35:05",
    ]  # fmt: skip


@pytest.mark.parametrize("tries", range(9))
def test_a_failed_attempt_is_followed_by_the_next_pause(tries: int) -> None:
    pause_ms = RHYTHM_MS[tries + 1]

    assert next_step(REFUSED, tries, lambda: 0.0) == NextStep(S.PENDING, pause_ms)
    assert next_step(REFUSED, tries, lambda: 1.0) == NextStep(S.PENDING, round(pause_ms * 1.1))


@pytest.mark.parametrize(
    ("answer", "tries", "state"),
    [
        (Answer(1, 204), 0, S.DELIVERED),
        (Answer(1, started="e2"), 0, S.DELIVERED),
        (Answer(1, 410, error="gone"), 0, S.GONE),
        (REFUSED, 9, S.FAILED),
        (Answer(1, error="forbidden", is_final=True), 0, S.FAILED),
    ],
)
def test_a_delivery_ends(answer: Answer, tries: int, state: DeliveryState) -> None:
    assert next_step(answer, tries, lambda: 0.0) == NextStep(state)


@pytest.mark.parametrize(("wish_s", "delay_ms"), [(1.0, 5_000), (60.0, 60_000), (1e9, 86_400_000)])
def test_a_wish_delays_an_attempt_by_a_day_at_most(wish_s: float, delay_ms: int) -> None:
    answer = replace(REFUSED, retry_after_s=wish_s)

    assert next_step(answer, 0, lambda: 0.0).delay_ms == delay_ms


def test_the_text_of_an_attempt_is_bounded() -> None:
    kept = orjson.loads(attempt_json(Answer(1, error="x" * 1_000), at_ms=5))

    assert kept == {"at_ms": 5, "duration_ms": 1, "error": "x" * 500}


def test_a_message_names_type_and_time() -> None:
    body = orjson.loads(message_body(DELIVERY, event_data(DELIVERY, output=b'{"sum":3}')))

    assert body == {
        "type": "execution.completed",
        "timestamp": "2023-11-14T22:13:20.123Z",
        "data": {
            "execution_id": "e1",
            "status": "COMPLETED",
            "generation": 1,
            "title": "Orders",
            "version": "",
            "labels": {},
            "ended_at": "2023-11-14T22:13:20.123Z",
            "href": "/v1/executions/e1",
            "output": {"sum": 3},
        },
    }


@pytest.mark.parametrize("own", [None, {"type": "Timeout.Execution", "message": "late", "details": {"a": 1}}])
def test_a_failure_carries_the_error_of_the_execution_or_of_its_node(own: object) -> None:
    failed = replace(DELIVERY, status=ExecutionStatus.FAILED, error=own)
    newest = {"type": "HandlerError", "message": "x" * 5_000, "node_id": "A", "worker": "w"}

    error = event_data(failed, failure=newest)["error"]

    nodes = {"type": "HandlerError", "message": "x" * 1_000, "node_id": "A"}
    assert error == (nodes if own is None else {"type": "Timeout.Execution", "message": "late"})


def test_a_large_output_is_left_out() -> None:
    assert "output" not in event_data(DELIVERY, output=b'"' + b"x" * 9_000 + b'"')


def test_a_message_stays_below_20_kb() -> None:
    # Small as texts, large as JSON.
    wide = replace(DELIVERY, labels={f"{n}": "\u0001" * 3_000 for n in range(2)})

    body = message_body(wide, event_data(wide, output=b'"' + b"x" * 8_000 + b'"'))

    assert len(body) < BODY_BYTES
    assert orjson.loads(body)["data"]["execution_id"] == "e1"


def test_a_message_has_one_id_for_all_its_attempts() -> None:
    assert DELIVERY.message_id == replace(DELIVERY, tries=3).message_id
    assert DELIVERY.message_id != replace(DELIVERY, delivery_id="e1.2.0").message_id
    assert "." not in DELIVERY.message_id
