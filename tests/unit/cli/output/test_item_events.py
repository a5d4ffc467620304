"""Events of the items of a mapped node, as they are watched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cli.output.progress import Progress, plain_line
from clients.headrace.views import Event
from tests.unit.cli.output.test_progress import event, node, view


def item_event(type_: str, index: int, **data: Any) -> Event:
    return replace(event(type_, "A", **data), item=index)


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
