"""What a handler can say while it runs."""

from __future__ import annotations

from typing import Any

import pytest

from workers.context import HEARTBEAT, HandlerContext, Toolbox


class Kept:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def emit(self, type: str, data: dict[str, Any]) -> None:
        self.events.append((type, data))


def make() -> tuple[HandlerContext, Kept]:
    kept = Kept()
    return HandlerContext(execution_id="e1", node_id="A", attempt=3, try_number=2, sink=kept), kept


def test_the_idempotency_key_names_the_work_and_not_the_attempt() -> None:
    context, _ = make()

    assert context.idempotency_key == "e1:A"


def test_what_is_logged_becomes_an_event() -> None:
    context, kept = make()

    context.log("half way", "warning", row=7)

    assert kept.events == [("node.log", {"level": "warning", "message": "half way", "data": {"row": 7}})]


def test_progress_is_kept_between_zero_and_one() -> None:
    context, kept = make()

    context.progress(1.7, "done")
    context.progress(float("nan"))

    assert kept.events[0] == ("node.progress", {"fraction": 1.0, "message": "done", "data": {}})
    assert kept.events[1][1]["fraction"] is None


def test_a_log_line_never_fails_the_attempt() -> None:
    context, kept = make()
    loop: list[Any] = []
    loop.append(loop)

    context.log("x" * 5000, "loud", thing=object(), numbers=float("nan"))  # type: ignore[arg-type]
    context.log("big", blob="y" * 100_000)
    context.log("loop", loop=loop)

    (_, first), (_, second), (_, third) = kept.events
    assert first["message"].shown == "x" * 2000 + "… (5,000 characters)"
    assert (first["level"], first["data"]["numbers"]) == ("info", None)
    assert second["data"]["truncated"] is True
    assert third["data"] == {"unreadable": True}


def test_a_heartbeat_is_a_sign_of_life_and_an_event_only_with_details() -> None:
    context, kept = make()
    context.last_beat_s = 0.0

    context.heartbeat()
    context.heartbeat({"page": 3})

    assert context.last_beat_s > 0
    assert [type for type, _ in kept.events] == [HEARTBEAT, "node.progress"]


@pytest.mark.parametrize(
    ("details", "says"),
    [
        ([1, 2], "must be an object, got a list"),
        ("row 7", "must be an object, got text"),
        ({"a": object()}, "must be JSON"),
        ({"a": "x" * 20_000}, "allowed are 16,384"),
    ],
)
def test_details_that_cannot_be_handed_on_are_refused_and_the_last_ones_stay(details: Any, says: str) -> None:
    context, _ = make()
    context.heartbeat({"row": 7})

    with pytest.raises(ValueError, match=says):
        context.heartbeat(details)

    assert context.beat_details == {"row": 7}


def test_heartbeats_are_shown_once_a_second_and_the_newest_is_kept() -> None:
    context, kept = make()

    for page in range(100):
        context.heartbeat({"page": page})

    assert [data["data"] for type, data in kept.events if type == "node.progress"] == [{"page": 0}]
    assert context.beat_details == {"page": 99}


async def test_cancellation_can_be_asked_for_and_waited_for() -> None:
    context, _ = make()
    assert not context.is_cancelled()

    context.cancelled.set()

    assert context.is_cancelled()
    await context.cancelled.wait()


async def test_a_toolbox_makes_its_clients_once_and_closes_them() -> None:
    tools = Toolbox(environment="production", services={"a": "http://echo:81"})

    client = tools.http

    assert tools.http is client
    assert client.policy.guard.endpoints == {("echo", 81)}
    await tools.aclose()
    await tools.aclose()
