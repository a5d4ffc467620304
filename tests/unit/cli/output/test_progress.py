"""What events make of a picture of an execution."""

from __future__ import annotations

from dataclasses import replace

from cli.output.progress import Progress, note, plain_line
from headrace.values import Event
from tests.unit.cli.output.making import event, item_event, node, view


def test_the_time_shown_is_that_of_the_execution_not_of_the_watching() -> None:
    progress = Progress.of(view(node("A")))
    assert progress.took_s == 0.0

    progress.apply(event("execution.started"))
    progress.apply(replace(event("execution.failed"), ts="2026-11-20T08:15:40.123Z"))
    assert progress.took_s == 10.0

    # A retry in place goes on: the clock runs again, and the time in between does not count.
    progress.apply(replace(event("execution.retried"), ts="2026-11-20T08:16:40.123Z"))
    progress.apply(replace(event("execution.completed"), ts="2026-11-20T08:16:43.123Z"))
    assert (progress.took_s, progress.paused_s) == (13.0, 60.0)


def test_what_a_retry_names_begins_again() -> None:
    progress = Progress.of(view(node("A"), node("B"), node("C", after=("B",))))
    for each in (
        event("node.started", "A"),
        event("node.completed", "A"),
        event("node.started", "B"),
        event("node.failed", "B", error={"type": "Http.4xx", "message": "HTTP 404"}),
        event("node.skipped", "C", reason="upstream_failed"),
        event("execution.failed"),
        event("execution.retried", nodes=["B", "C"]),
    ):
        progress.apply(each)

    assert [n.status for n in progress.nodes.values()] == ["COMPLETED", "PENDING", "PENDING"]
    assert (progress.nodes["B"].try_number, progress.nodes["C"].reason, progress.notes) == (0, None, {})

    progress.apply(event("execution.retried", nodes=None))

    assert progress.done == 1


def test_what_a_fork_has_kept_begins_as_it_is() -> None:
    kept = node("A", status="COMPLETED", reused=True)

    progress = Progress.of(view(kept, node("B", after=("A",), status="QUEUED")))

    assert [n.status for n in progress.nodes.values()] == ["COMPLETED", "PENDING"]


def test_events_move_nodes_and_the_execution() -> None:
    progress = Progress.of(view(node("A"), node("B", after=("A",))))

    for each in (
        event("execution.started"),
        event("node.queued", "A"),
        event("node.started", "A"),
        event("node.completed", "A"),
        event("node.skipped", "B", reason="branch_not_taken"),
        event("execution.completed"),
    ):
        progress.apply(each)

    assert [n.status for n in progress.nodes.values()] == ["COMPLETED", "SKIPPED"]
    assert progress.status == "COMPLETED"
    assert progress.done == 2
    assert progress.nodes["B"].reason == "branch_not_taken"


def test_a_retry_counts_tries_and_shows_the_error() -> None:
    progress = Progress.of(view(node("A", max_attempts=3)))

    progress.apply(event("node.started", "A"))
    progress.apply(event("node.retrying", "A", error={"type": "Http.5xx", "message": "503"}))

    assert progress.nodes["A"].status == "WAITING"
    assert progress.notes["A"] == "Http.5xx: 503"

    progress.apply(event("node.started", "A", attempt=2))

    assert progress.nodes["A"].try_number == 2
    assert "A" not in progress.notes


def test_a_failure_shows_its_error() -> None:
    failed = event("node.failed", "A", error={"type": "Http.4xx", "message": "HTTP 404"})

    assert plain_line(failed).endswith("- Http.4xx: HTTP 404")


def test_an_ended_execution_says_why() -> None:
    assert plain_line(event("execution.failed", reason="timeout")).endswith("- timeout")


def test_a_plain_line_has_time_type_node_and_words() -> None:
    line = plain_line(event("node.log", "A", message="fetched 3 rows", attempt=2))

    assert line.split("  ")[0] == "08:15:30.123"
    assert "A (attempt 2)" in line
    assert line.endswith("- fetched 3 rows")


def test_a_typed_event_is_one_line_of_its_type_and_value() -> None:
    short = event("node.event", "A", type="Step", value={"n": 1, "text": "two\nlines"})
    long = event("node.event", "A", type="Step", value="x" * 500)

    assert plain_line(short).endswith('A  - Step {"n": 1, "text": "two\\nlines"}')
    assert "… (502 characters)" in note(long)
    assert len(note(long)) < 250


# Items of a mapped node


def test_the_end_of_an_item_is_not_the_end_of_its_node() -> None:
    progress = Progress.of(view(node("A")))
    progress.apply(event("node.waiting", "A", waiting_on="map"))

    for each in (item_event("node.started", 0), item_event("node.completed", 0)):
        progress.apply(each)

    assert (progress.nodes["A"].status, progress.nodes["A"].try_number) == ("WAITING", 0)


def test_what_items_stream_is_not_mixed() -> None:
    progress = Progress.of(view(node("A")))

    progress.apply(item_event("node.token", 0, text="one"))
    progress.apply(item_event("node.token", 1, text="two"))

    assert progress.notes["A"] == "[1] two"


def test_a_line_names_the_item() -> None:
    found = item_event("node.completed", 3)

    assert (
        Event.from_json('{"type": "t", "execution_id": "e", "node_id": "A", "item": 3}', default_seq=1).unit
        == "A[3]"
    )
    assert "A[3]" in plain_line(found)
    assert "attempt" in plain_line(item_event("stream.reset", 3, reason="attempt"))
