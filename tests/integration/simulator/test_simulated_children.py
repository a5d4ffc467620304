"""Children run in a simulation as they do elsewhere, on its own clock and with its own stubs."""

from __future__ import annotations

from typing import Any

import orjson

from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.child_workflows import family, parent
from tests.makers import node

E, N = ExecutionStatus, NodeStatus


def fetch(node_id: str, **fields: Any) -> dict[str, Any]:
    return node(node_id, handler="http", config={"url": "http://nowhere"}, **fields)


async def test_a_child_runs_and_its_nodes_are_told_below_their_unit(play: Any) -> None:
    child = family(fetch("x"), node("w", after=["x"], handler="delay", config={"seconds": "1h"}))

    found = await play(
        node("A"),
        parent("S", child, after=["A"]),
        node("B", after=["S"]),
        stubs={"nodes": {"S/x": {"output": {"n": 7}, "duration": "5s"}}},
    )

    assert found.status is E.COMPLETED
    assert found.duration_ms == 3_605_000
    played = {each.node_id: each for each in found.nodes}
    assert list(played) == ["A", "S", "B", "S/x", "S/w"]
    assert (played["S/x"].start_ms, played["S/x"].end_ms) == (0, 5_000)
    assert orjson.loads(played["S"].output or b"")["x"] == {"n": 7}
    ends = [name for _, event, name in found.path if event == "node.completed"]
    assert ends == ["A", "S/x", "S/w", "S", "B"]
    assert found.path == tuple(sorted(found.path, key=lambda step: step[0]))


async def test_a_stub_may_stand_for_the_child_as_a_whole(play: Any) -> None:
    found = await play(parent("S", family(fetch("x"))), stubs={"nodes": {"S": {"output": {"made": "up"}}}})

    assert [each.node_id for each in found.nodes] == ["S"]
    assert orjson.loads(found.nodes[0].output or b"") == {"made": "up"}


async def test_a_failure_in_a_child_and_its_retry_in_place(play: Any) -> None:
    child = family(fetch("x"), fetch("y", after=["x"], retry={"max_attempts": 1}))

    found = await play(
        parent("S", child, retry={"max_attempts": 2, "jitter": "none"}),
        stubs={"nodes": {"S/y": {"fail": "always"}}},
    )

    assert found.status is E.FAILED
    ran = [name for _, event, name in found.path if event == "node.started" and name != "S"]
    assert ran == ["S/x", "S/y", "S/y"]
    assert found.nodes[0].state.error["type"] == "ChildFailed"


async def test_items_with_children_and_one_that_nobody_waits_for(play: Any) -> None:
    child = family(fetch("x"))
    later = family(node("w", handler="delay", config={"seconds": "1h"}))

    found = await play(
        parent("M", child, map={"items": [1, 2]}),
        parent("D", later, wait=False),
        stubs={"nodes": {"M/x": {"output": 1}, "M[1]/x": {"output": 2}}},
    )

    assert (found.status, found.duration_ms) == (E.COMPLETED, 0)
    played = {each.node_id: each for each in found.nodes}
    assert orjson.loads(played["M"].output or b"") == [{"x": 1}, {"x": 2}]
    assert played["D/w"].state.status is N.COMPLETED
    assert played["D/w"].end_ms == 3_600_000


async def test_what_a_child_waits_for_is_told(play: Any) -> None:
    child = family(node("go", handler="wait_for_signal", config={"name": "go"}))

    found = await play(parent("S", child))

    assert found.status is E.RUNNING
    assert found.waiting == ("S", "S/go")


async def test_a_stub_answers_what_a_child_waits_for(play: Any) -> None:
    child = family(node("go", handler="wait_for_signal", config={"name": "go"}))

    found = await play(
        parent("S", child), stubs={"nodes": {"S/go": {"signal": {"payload": 7, "after": "5s"}}}}
    )

    assert (found.status, found.duration_ms) == (E.COMPLETED, 5_000)
    assert orjson.loads(found.nodes[0].output or b"") == {"go": 7}
