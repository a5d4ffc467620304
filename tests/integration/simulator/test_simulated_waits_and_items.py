"""Simulations of what waits for somebody outside, and of maps whose items are told apart."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.errors import DefinitionInvalid
from tests.dags import node
from workers.simulator.report import Simulation

MINUTE_MS = 60_000


def wait(node_id: str = "W", *, after: list[str] | None = None, **config: Any) -> dict[str, Any]:
    return node(node_id, after=after, handler="wait_for_signal") | {"config": {"name": "go", **config}}


def ask(node_id: str = "A", *, after: list[str] | None = None, **config: Any) -> dict[str, Any]:
    return node(node_id, after=after, handler="approval") | {"config": {"prompt": "Go on?", **config}}


def by_id(simulation: Simulation) -> dict[str, Any]:
    return {each.node_id: each for each in simulation.nodes}


def output(simulation: Simulation, node_id: str) -> Any:
    found = by_id(simulation)[node_id].output
    return None if found is None else orjson.loads(found)


def stubs(**nodes: Any) -> dict[str, Any]:
    return {"nodes": nodes}


async def test_a_signal_comes_when_its_stub_says(play: Any) -> None:
    simulation = await play(
        node("first", handler="delay") | {"config": {"seconds": 60}},
        wait(after=["first"], timeout="1h"),
        node("last", after=["W"], handler="transform") | {"config": {"expression": "{{ W.n + 1 }}"}},
        stubs=stubs(W={"signal": {"payload": {"n": 41}, "after": "5m"}}),
    )

    assert simulation.status == "COMPLETED"
    assert output(simulation, "W") == {"n": 41}
    assert output(simulation, "last") == {"result": 42}
    assert by_id(simulation)["W"].end_ms == simulation.duration_ms == 6 * MINUTE_MS


@pytest.mark.parametrize("stub", [{}, {"signal": "never"}, {"signal": {"after": "2h"}}])
async def test_a_signal_that_never_comes_or_comes_late_leaves_it_to_the_time_limit(
    play: Any, stub: dict[str, Any]
) -> None:
    simulation = await play(wait(timeout="1h", on_timeout="fail"), stubs=stubs(W=stub))

    assert simulation.status == "FAILED"
    waited = by_id(simulation)["W"]
    assert waited.state.reason == "timeout"
    assert waited.state.error["type"] == "Timeout.Signal"
    assert waited.end_ms == 60 * MINUTE_MS


async def test_the_branch_of_a_wait_is_that_of_what_comes(play: Any) -> None:
    waits = wait(timeout="1h", on_timeout="branch", received_branch=["yes"], timeout_branch=["no"])
    nodes = (waits, node("yes", after=["W"]), node("no", after=["W"]))

    in_time = await play(*nodes, stubs=stubs(W={"signal": {"payload": 1, "after": "1m"}}))
    late = await play(*nodes, stubs=stubs(W={"signal": "never"}))

    assert [str(each.state.status) for each in in_time.nodes] == ["COMPLETED", "COMPLETED", "SKIPPED"]
    assert [str(each.state.status) for each in late.nodes] == ["COMPLETED", "SKIPPED", "COMPLETED"]
    assert output(late, "W") == {"timed_out": True}


async def test_a_wait_without_limit_and_signal_is_named(play: Any) -> None:
    simulation = await play(wait(), node("B"), stubs=stubs(W={"signal": "never"}))

    assert simulation.status == "RUNNING"
    assert simulation.waiting == ("W",)


async def test_a_signal_by_the_clock_may_come_before_the_wait(play: Any) -> None:
    simulation = await play(
        node("first", handler="delay") | {"config": {"seconds": 600}},
        wait(after=["first"]),
        wait("V", after=["W"]),
        stubs={
            "signals": [
                {"name": "go", "payload": "early", "at": "1m"},
                {"name": "go", "payload": "in time", "at": "20m"},
                {"name": "go", "payload": "nobody waits", "at": "90m"},
            ]
        },
    )

    assert simulation.status == "COMPLETED"
    assert (output(simulation, "W"), output(simulation, "V")) == ("early", "in time")
    assert simulation.duration_ms == 20 * MINUTE_MS


async def test_one_signal_answers_all_that_wait_for_its_name(play: Any) -> None:
    simulation = await play(
        wait("V"), wait("W"), stubs=stubs(V={"signal": {"payload": 1, "after": 3}}, W={"signal": "never"})
    )

    assert simulation.status == "COMPLETED"
    assert (output(simulation, "V"), output(simulation, "W")) == (1, 1)


async def test_an_approval_is_decided_as_its_stub_says(play: Any) -> None:
    form = {"type": "object", "properties": {"sum": {"type": "integer"}}, "required": ["sum"]}

    simulation = await play(
        ask(form=form, assignees=["ann", "bob"], timeout="1h"),
        stubs=stubs(A={"decision": {"decision": "approve", "by": "bob", "form": {"sum": 3}, "after": "10m"}}),
    )

    assert simulation.status == "COMPLETED"
    decided = output(simulation, "A")
    assert (decided["decision"], decided["by"], decided["form"]) == ("approve", "bob", {"sum": 3})
    assert simulation.duration_ms == 10 * MINUTE_MS


async def test_several_people_make_a_quorum(play: Any) -> None:
    approve = {"decision": "approve"}
    nodes = (ask(quorum=2, assignees=["ann", "bob"], timeout="1h"),)

    two = await play(*nodes, stubs=stubs(A={"decision": [approve, {**approve, "after": "30m"}]}))
    one = await play(*nodes, stubs=stubs(A={"decision": [approve]}))
    denied = await play(*nodes, stubs=stubs(A={"decision": [approve, {"decision": "deny", "after": 1}]}))

    assert [vote["by"] for vote in output(two, "A")["votes"]] == ["ann", "bob"]
    assert two.duration_ms == 30 * MINUTE_MS
    assert by_id(one)["A"].end_ms == 60 * MINUTE_MS
    assert output(denied, "A")["decision"] == "deny"


@pytest.mark.parametrize(("on_timeout", "ends"), [("approve", "COMPLETED"), ("fail", "FAILED")])
async def test_nobody_decides_in_time(play: Any, on_timeout: str, ends: str) -> None:
    simulation = await play(
        ask(timeout="1h", on_timeout=on_timeout), stubs={"handlers": {"approval": {"decision": "never"}}}
    )

    assert simulation.status == ends
    assert simulation.duration_ms == 60 * MINUTE_MS


@pytest.mark.parametrize(
    ("waiting", "stub", "says"),
    [
        (wait(schema={"type": "integer"}), {"signal": {"payload": "x"}}, "the signal for 'W' is not taken"),
        (
            ask("W", assignees=["ann"]),
            {"decision": {"decision": "approve", "by": "eve"}},
            "the decision about 'W' is not taken",
        ),
        (
            ask("W", form={"type": "object", "required": ["sum"]}),
            {"decision": {"decision": "approve", "form": {}}},
            "the decision about 'W' is not taken",
        ),
    ],
)
async def test_an_answer_that_nobody_could_give_is_refused(
    play: Any, waiting: dict[str, Any], stub: dict[str, Any], says: str
) -> None:
    with pytest.raises(DefinitionInvalid) as caught:
        await play(waiting, stubs=stubs(W=stub))

    (problem,) = caught.value.problems
    assert problem.path.startswith("stubs.nodes.W.")
    assert says in problem.message


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"nodes": {"W": {"signal": 5}}}, "stubs.nodes.W.signal"),
        ({"nodes": {"W": {"signal": {"paylod": 5}}}}, "stubs.nodes.W.signal.paylod"),
        ({"nodes": {"W": {"signal": {"after": "soon"}}}}, "stubs.nodes.W.signal.after"),
        ({"nodes": {"W": {"decision": {}}}}, "stubs.nodes.W.decision.decision"),
        ({"nodes": {"W": {"decision": {"decision": "deny", "by": ""}}}}, "stubs.nodes.W.decision.by"),
        ({"nodes": {"W": {"decision": {"decision": "maybe"}}}}, "stubs.nodes.W.decision.decision"),
        ({"nodes": {"W": {"decision": [{"decision": "deny", "by": 5}]}}}, "stubs.nodes.W.decision[0].by"),
        ({"nodes": {"W": {"signal": "never", "decision": "never"}}}, "stubs.nodes.W"),
        ({"signals": {"name": "go"}}, "stubs.signals"),
        ({"signals": [{"payload": 1}]}, "stubs.signals[0].name"),
        ({"nodes": {"W": {"items": [{"fail": 1}]}}}, "stubs.nodes.W.items"),
        ({"nodes": {"W": {"items": [{"match": 1, "fial": 1}]}}}, "stubs.nodes.W.items[0].fial"),
    ],
)
async def test_a_stub_that_makes_no_sense_is_refused_with_its_place(
    play: Any, given: dict[str, Any], path: str
) -> None:
    with pytest.raises(DefinitionInvalid) as caught:
        await play(wait(), stubs=given)

    assert [problem.path for problem in caught.value.problems] == [path]


async def test_items_are_stubbed_by_index_and_by_what_they_are(play: Any) -> None:
    rows: list[Any] = [{"id": 1, "kind": "a"}, {"id": 2, "kind": "b"}, {"id": 3, "kind": "b"}, 7, "7"]
    each = node("M", handler="http", map={"items": rows, "tolerated_failure_count": 2})

    simulation = await play(
        each | {"config": {"url": "https://nowhere.example/{{ index }}"}},
        stubs=stubs(
            **{
                "M": {
                    "output": "rest",
                    "items": [
                        {"match": {"kind": "b"}, "fail": "always", "error": "Http.5xx"},
                        {"match": 7, "output": "seven", "duration": 5},
                    ],
                },
                "M[2]": {"output": "by index"},
            }
        ),
    )

    assert simulation.status == "COMPLETED"
    found = output(simulation, "M")
    assert [row.get("output") for row in found] == ["rest", None, "by index", "seven", "rest"]
    assert found[1]["error"]["type"] == "Http.5xx"
    assert simulation.duration_ms == 5_000
    failed = [unit for _, event, unit in simulation.path if event == "node.failed"]
    assert failed == ["M[1]"]


async def test_every_item_waits_for_its_own_answer(play: Any) -> None:
    each = node("M", handler="approval", map={"items": ["ann", "bob"]})
    asked = {"config": {"prompt": "{{ item }}?", "assignees": ["{{ item }}"], "timeout": "1h"}}

    simulation = await play(
        each | asked,
        stubs=stubs(
            M={
                "items": [{"match": "bob", "decision": {"decision": "deny", "after": "20m"}}],
                "decision": {"decision": "approve", "after": "10m"},
            }
        ),
    )

    assert [(row["decision"], row["by"]) for row in output(simulation, "M")] == [
        ("approve", "ann"),
        ("deny", "bob"),
    ]
    assert simulation.duration_ms == 20 * MINUTE_MS


async def test_a_failure_goes_to_the_node_that_catches_its_type(play: Any) -> None:
    nodes = (
        node(
            "A",
            handler="http",
            config={"url": "https://nowhere.example/"},
            catch=[{"errors": ["Http.*"], "goto": "http_broke"}, {"errors": ["*"], "goto": "broke"}],
        ),
        node("http_broke", after=["A"]),
        node("broke", after=["A"]),
        node("fine", after=["A"]),
    )
    for error, took in (("Http.4xx", "http_broke"), ("HandlerError", "broke")):
        simulation = await play(*nodes, stubs=stubs(A={"fail": "always", "error": error, "retryable": False}))

        assert simulation.status == "COMPLETED"
        ran = [each.node_id for each in simulation.nodes if each.state.status == "COMPLETED"]
        assert ran == [took]
