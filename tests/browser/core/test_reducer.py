"""A view and the events after it come to the view that the server gives later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.browser.modules import Module
from tests.browser.stack import Stack
from tests.browser.world import World, plain_world

#: Fields that events say. Why a node failed they say by its error.
SAID = ("status", "reason", "waiting_on", "attempt", "try", "started_at", "ended_at")

#: Applies events to a view and gives what comes of it.
AFTER = """({ runOf, apply }, view, events) => {
    const run = runOf(view);
    const changes = events.map((event) => ({ ...apply(run, event) }));
    return { status: run.execution.status, seq: run.seq, changes, nodes: [...run.nodes.values()],
        counts: Object.fromEntries(run.counts) };
}"""
RECOUNTED = """({ runOf, apply }, view, events) => {
    const run = runOf(view);
    for (const event of events) apply(run, event);
    const again = runOf({ ...view, nodes: [...run.nodes.values()] });
    return [Object.fromEntries(run.counts), Object.fromEntries(again.counts)];
}"""


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    return plain_world(stack)


@pytest.fixture
def reducer(pure: Callable[[str], Module]) -> Module:
    return pure("core/reducer.js")


def node(node_id: str = "a", **fields: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("reason", "waiting_on", "queued_at", "started_at", "ended_at", "due_at", "error"))
    return {"node_id": node_id, "status": "PENDING", "attempt": 0, "try": 0, **empty, **fields}


def view(*nodes: dict[str, Any], seq: int = 0) -> dict[str, Any]:
    return {"status": "RUNNING", "seq": seq, "nodes": list(nodes)}


def event(seq: int, type: str, node_id: str | None = "a", **data: Any) -> dict[str, Any]:
    of = {} if node_id is None else {"node_id": node_id, "attempt": 1}
    return {"seq": seq, "type": type, "ts": "2026-11-29T08:00:00.000Z", "data": data, **of}


@pytest.mark.parametrize("kind", ["completed", "failed", "running"])
def test_all_events_of_a_run_lead_to_its_view(reducer: Module, stack: Stack, world: World, kind: str) -> None:
    execution_id = vars(world)[kind]
    last = stack.call("GET", f"/v1/executions/{execution_id}?view=lean")
    events = stack.events(execution_id, until_seq=last["seq"])
    unborn = {"status": "PENDING", "reason": None, "waiting_on": None, "attempt": 0, "try": 0}
    first = last | {"status": "PENDING", "seq": 0}
    first["nodes"] = [each | unborn | {"started_at": None, "ended_at": None} for each in last["nodes"]]

    found = reducer.run(AFTER, first, events)

    assert found["status"] == last["status"]
    assert found["seq"] == events[-1]["seq"]
    assert _said(found["nodes"]) == _said(last["nodes"])


def test_an_event_that_the_view_contains_changes_nothing(reducer: Module) -> None:
    found = reducer.run(
        AFTER, view(node(status="COMPLETED"), seq=9), [event(9, "node.queued"), event(3, "node.started")]
    )

    assert found["nodes"][0]["status"] == "COMPLETED"
    assert [change["node"] for change in found["changes"]] == [None, None]


def test_what_events_do_not_say_is_read_again(reducer: Module) -> None:
    item = event(2, "node.completed") | {"item": 3}
    events = [item, event(3, "execution.retried", None), event(4, "execution.completed", None)]

    found = reducer.run(AFTER, view(node()), [*events, {"type": "gap", "data": {}}])

    assert found["changes"][0]["staleNode"] == "a"
    assert [change["isStale"] for change in found["changes"]] == [False, True, True, True]


def test_unknown_events_and_nodes_are_passed_over(reducer: Module) -> None:
    events = [
        event(1, "node.completed", "b"),
        event(2, "node.learned", "a"),
        event(3, "execution.sung", None),
    ]

    found = reducer.run(AFTER, view(node()), events)

    assert (found["seq"], found["nodes"][0]["status"]) == (3, "PENDING")
    assert not any(change["node"] or change["isExecution"] for change in found["changes"])


def test_counts_are_those_of_the_nodes(reducer: Module) -> None:
    nodes = [node("a"), node("b"), node("c", status="RUNNING")]
    events = [
        event(1, "node.queued", "a"),
        event(2, "node.started", "a"),
        event(3, "node.waiting", "b", waiting_on="approval", due_ms=None),
        event(4, "node.retrying", "c", delay_ms=10, error={"type": "X", "message": "y"}),
        event(5, "node.skipped", "b", reason="upstream_failed"),
    ]

    running, recounted = reducer.run(RECOUNTED, view(*nodes), events)

    assert running == recounted == {"running": 1, "retrying": 1, "upstream_failed": 1}


def test_streamed_text_grows_until_it_is_begun_again(reducer: Module) -> None:
    tokens = [event(1, "node.token", text="one "), event(2, "node.token", text="two")]

    assert reducer.run(AFTER, view(node()), tokens)["nodes"][0]["text"] == "one two"
    begun_again = [*tokens, event(3, "stream.reset"), event(4, "node.token", text="three")]
    assert reducer.run(AFTER, view(node()), begun_again)["nodes"][0]["text"] == "three"


def _said(nodes: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: each[name] for name in ("node_id", *SAID)}
        | ({"reason": ""} if each["status"] == "FAILED" else {})
        for each in nodes
    ]


def test_what_a_view_contains_is_not_counted_again(reducer: Module) -> None:
    events = [
        event(1, "node.started"),
        event(2, "node.token", text="once"),
        event(3, "node.retrying", delay_ms=10, error={"type": "X", "message": "y"}),
        event(4, "node.queued") | {"attempt": 2},
        event(5, "node.started") | {"attempt": 2},
    ]
    twice = """({ runOf, apply }, view, events) => {
        const first = runOf(view);
        for (const event of events) apply(first, event);
        const again = runOf({ ...view, nodes: [...first.nodes.values()] }, first);
        for (const event of events) apply(again, event);
        return again.nodes.get("a");
    }"""

    found = reducer.run(twice, view(node(status="QUEUED", attempt=1)), events)

    assert (found["status"], found["try"], found["text"]) == ("RUNNING", 2, "once")
