"""The live picture: which nodes are shown, and what it says of each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.output.live_tree import depths, node_words, ordered, render
from cli.output.progress import Progress
from headrace.values import Event
from tests.unit.cli.output.making import event, item_event, node, view


def test_what_is_done_well_makes_room_for_what_is_not() -> None:
    nodes = [node(f"n{i}") for i in range(10)]
    progress = Progress.of(view(*nodes))
    for i in range(8):
        progress.apply(event("node.completed", f"n{i}"))
    progress.apply(event("node.failed", "n3"))

    shown, left_out = ordered(progress, room=4)

    assert [n.node_id for n in shown] == ["n3", "n8", "n9"]
    assert left_out == 7


def test_depth_is_known_whatever_the_order_of_definition() -> None:
    progress = Progress.of(view(node("C", after=("B",)), node("B", after=("A",)), node("A")))

    assert depths(progress) == {"A": 0, "B": 1, "C": 2}


def test_a_chain_of_ten_thousand_is_laid_out_without_going_round_for_each() -> None:
    chain = [node("n9999")] + [node(f"n{i}", after=(f"n{i + 1}",)) for i in range(9998, -1, -1)]

    assert depths(Progress.of(view(*reversed(chain))))["n0"] == 9999


def test_the_picture_names_every_node_and_counts() -> None:
    progress = Progress.of(view(node("fetch"), node("save", after=("fetch",))))
    progress.apply(event("node.completed", "fetch"))

    text = str(render(progress, indent=depths(progress), room=20))

    assert "1/2" in text
    assert "✓ fetch" in text
    assert "  · save" in text


@pytest.mark.parametrize("width", [20, 30, 40, 80, 200])
def test_a_narrow_terminal_has_a_shorter_bar_and_all_the_numbers(width: int) -> None:
    progress = Progress.of(view(node("fetch"), node("save", after=("fetch",))))
    progress.apply(event("node.completed", "fetch"))

    _, bar, *_ = str(render(progress, indent=depths(progress), room=20, width=width)).splitlines()

    assert bar.endswith("1/2  PENDING  0.0 s")
    assert len(bar) <= max(width, len("1/2  PENDING  0.0 s"))
    assert abs(bar.count("━") - bar.count("─")) <= 1


def at(second: float, event: Event) -> Event:
    return replace(event, ts=f"2026-11-20T08:15:{second:06.3f}Z")


def words_of(*events: Event, max_attempts: int = 1) -> str:
    progress = Progress.of(view(node("A", max_attempts=max_attempts)))
    for each in events:
        progress.apply(each)
    return node_words(progress.nodes["A"])


def test_a_mapped_node_takes_from_its_first_start_and_shows_its_items() -> None:
    begun = (
        at(1, event("node.queued", "A")),
        at(1, event("node.started", "A")),
        at(1, event("node.waiting", "A", waiting_on="map", items=4)),
        at(1, item_event("node.started", 0)),
        at(1, item_event("node.started", 1)),
        at(2, item_event("node.completed", 0)),
        at(2, item_event("node.failed", 2)),
    )
    ended = (
        at(9, item_event("node.completed", 1)),
        at(9, item_event("node.completed", 3)),
        at(9, event("node.queued", "A", cause="map", attempt=2)),
        at(9, event("node.started", "A", attempt=2)),
        at(9, event("node.completed", "A", attempt=2)),
    )

    assert words_of(*begun).startswith("waiting  ")
    assert words_of(*begun).endswith("  1 of 4 items, 1 running, 1 failed")
    assert words_of(*begun, *ended) == "completed  8.0 s  3 of 4 items, 1 failed"


def test_an_event_of_an_item_that_comes_again_counts_once() -> None:
    done = item_event("node.completed", 0)

    assert words_of(event("node.waiting", "A", items=2), done, done) == "waiting  1 of 2 items"


def test_the_time_on_a_queue_is_shown_while_and_after_it_is_long() -> None:
    waited = (at(1, event("node.queued", "A")), at(4, event("node.started", "A")))

    assert words_of(event("node.queued", "A")).split()[0] == "queued"
    assert len(words_of(event("node.queued", "A")).split()) > 1
    assert words_of(*waited, at(6, event("node.completed", "A"))) == "completed  2.0 s  queued 3.0 s"


def test_a_lost_worker_is_named_and_charges_no_try() -> None:
    lost = (
        at(1, event("node.started", "A")),
        at(2, event("node.queued", "A", cause="lease_lost", attempt=2)),
        at(2, event("node.started", "A", attempt=2)),
        at(3, event("node.completed", "A", attempt=2)),
    )

    assert words_of(*lost, max_attempts=3) == "completed  2.0 s  lost 1 worker"


def test_a_node_that_a_retry_begins_again_takes_from_there() -> None:
    events = (
        at(1, event("node.started", "A")),
        at(2, event("node.failed", "A")),
        at(20, event("execution.retried", nodes=None)),
        at(21, event("node.queued", "A", attempt=2)),
        at(21, event("node.started", "A", attempt=2)),
        at(24, event("node.completed", "A", attempt=2)),
    )

    assert words_of(*events) == "completed  3.0 s"


def _two_of_three_items() -> tuple[Event, ...]:
    return (
        event("node.waiting", "A", items=3),
        item_event("node.completed", 0),
        item_event("node.failed", 1),
        item_event("node.completed", 2),
        event("node.failed", "A"),
        event("execution.failed"),
    )


@pytest.mark.parametrize("nodes", [["A"], None])
def test_a_retried_map_keeps_the_items_that_are_done(nodes: list[str] | None) -> None:
    retried = (
        event("execution.retried", nodes=nodes),
        event("node.queued", "A", attempt=3),
        event("node.waiting", "A", items=3),
        item_event("node.queued", 1),
    )

    assert words_of(*_two_of_three_items(), *retried) == "waiting  2 of 3 items"
    assert words_of(*_two_of_three_items(), *retried, item_event("node.completed", 1)).endswith(
        "3 of 3 items"
    )


def test_a_map_behind_a_retried_node_makes_its_items_anew() -> None:
    progress = Progress.of(view(node("S"), node("A", after=("S",))))
    for each in (
        *_two_of_three_items(),
        event("execution.retried", nodes=["S", "A"]),
        event("node.waiting", "A", items=2),
    ):
        progress.apply(each)

    assert node_words(progress.nodes["A"]) == "waiting  0 of 2 items"


def test_the_few_of_ten_thousand_are_found_without_looking_at_all() -> None:
    progress = Progress.of(view(*(node(f"n{i}") for i in range(10_000))))
    progress.apply(event("node.started", "n9000"))

    shown, left_out = ordered(progress, room=3)

    assert [each.node_id for each in shown] == ["n0", "n9000"]
    assert left_out == 9_998
    assert "… and 9,998 more: 9,999 pending, 1 running" in str(render(progress, indent={}, room=3))


def test_what_a_handler_says_cannot_move_the_cursor() -> None:
    progress = Progress.of(view(node("A")))
    progress.apply(event("node.started", "A"))
    progress.apply(event("node.log", "A", message="\x1b[2Jgone"))

    assert "\x1b" not in str(render(progress, indent={}, room=3))
