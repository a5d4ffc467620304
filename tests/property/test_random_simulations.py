"""Simulations of random DAGs against two oracles that know nothing of them: the interpreter and the planner.

Nodes fail for good, fail a few times and are retried, take time, are skipped, branch, run once for each item
of a list, and put out what their templates found of the nodes before them.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

import workers.handlers  # noqa: F401  registers what conditions are
from tests.dags import EARLY_RULES, Outcome, ScriptedDag, compiled, scripted_dags
from tests.examples import examples
from tests.interpreter import Ends, handling, in_order, interpret, nodes_of, output_of_items
from tests.simulation import simulate
from workers.simulator.report import Simulation
from workers.simulator.simulator import Simulator
from workers.simulator.stubs import Stubs

WORK = "work"


@dataclass(frozen=True)
class Staged:
    """A DAG as it is simulated, and the tries every node needs."""

    dag: ScriptedDag
    document: dict[str, Any]
    stubs: dict[str, Any]
    tries: dict[str, int]
    #: The values that the items of mapped nodes get, once if the node they are read from has completed.
    items: dict[str, tuple[str | None, list[Any], list[Any]]]


@st.composite
def staged_dags(draw: st.DrawFn) -> Staged:
    """Draw a DAG; give its plain nodes templates and retries, and every node a duration."""
    dag = draw(scripted_dags(max_nodes=60, with_maps=True))
    nodes: list[dict[str, Any]] = []
    stubs: dict[str, Any] = {}
    tries: dict[str, int] = {}
    items: dict[str, tuple[str | None, list[Any], list[Any]]] = {}
    for node in nodes_of(dag.document):
        made, outcome = dict(node), dag.outcomes[node["id"]]
        stub: dict[str, Any] = {"duration": draw(st.sampled_from((0, 0, 1, 5, 3_600)))}
        fails = draw(st.sampled_from((0, 0, 0, 1, 3)))
        tries[node["id"]] = fails + 1
        made["retry"] = {
            **(node.get("retry") or {}),
            "max_attempts": fails + 1,
            "jitter": draw(st.sampled_from(("full", "none"))),
        }
        if outcome == "fail":
            stub |= {"fail": "always", "error": "Mine.Broken"}
        elif outcome == "skip":
            stub |= {"skip": "not today"}
            tries[node["id"]] = 1
        else:
            stub["fail"] = fails
        if node["handler"] == "noop":
            made["handler"] = WORK
            made["config"] = {
                "name": node["id"],
                "seen": {d: f"{{{{ {d}.config.name | default('-') }}}}" for d in node["dependencies"]},
            }
        elif fails and outcome != "fail":
            stub["fail"], tries[node["id"]] = 0, 1  # A stub that fails stands in for the condition itself.
        nodes.append(made)
        stubs[node["id"]] = stub
        if "map" in node:
            items[node["id"]] = stage_map(made, stub, stubs, outcome, {n["id"]: n for n in nodes})
            tries[node["id"]] = 1
    document = {**dag.document, "dag": {"nodes": nodes}}
    return Staged(dag, document, {"nodes": stubs, "handlers": {WORK: {}}}, tries, items)


def stage_map(
    made: dict[str, Any],
    stub: dict[str, Any],
    stubs: dict[str, Any],
    outcome: Outcome,
    nodes: dict[str, dict[str, Any]],
) -> tuple[str | None, list[Any], list[Any]]:
    """Let a mapped node read its items from a dependency, and give each of them a stub of its own."""
    for name in ("fail", "error", "skip"):
        stub.pop(name, None)
    if isinstance(outcome, str):
        made["map"] = {**made["map"], "items": "{{ 5 }}"}
        return None, [], []
    made["config"]["item"] = "{{ item }}"
    count = len(outcome[1])
    there, otherwise = [f"row {i}" for i in range(count)], list(range(count))
    sources = [d for d in made["dependencies"] if nodes[d]["handler"] == WORK and "map" not in nodes[d]]
    source = sources[0] if sources else None
    if source is not None:
        nodes[source]["config"][f"rows_of_{made['id']}"] = there
        read = f"{source}.config.rows_of_{made['id']}"
        made["map"] = {**made["map"], "items": f"{{{{ {read} | default({otherwise}) }}}}"}
    for index, end in enumerate(outcome[1]):
        each: dict[str, Any] = {"duration": stub["duration"]}
        if end == "fail":
            each |= {"fail": "always", "error": "Mine.Broken"}
        elif end == "skip":
            each |= {"skip": "not today"}
        else:
            each["fail"] = made["retry"]["max_attempts"] - 1
        stubs[f"{made['id']}[{index}]"] = each
    return source, there, otherwise


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(staged=staged_dags(), seed=st.integers(0, 2**32))
async def test_a_simulation_ends_as_the_interpreter_and_the_planner_say(
    redis: Redis, staged: Staged, seed: int
) -> None:
    dag = staged.dag
    ends, execution_status = interpret(dag.document, dag.outcome)
    planned_statuses, planned_reasons, planned_end = simulate(
        compiled(dag.document), dag.outcomes, Random(seed)
    )

    played = await Simulator(redis, stubs=Stubs.from_dict(staged.stubs)).run(staged.document)

    found = {each.node_id: (str(each.state.status), each.state.reason) for each in played.nodes}
    assert found == ends
    assert {each.node_id: each.state.status for each in played.nodes} == planned_statuses
    assert {each.node_id: each.state.reason for each in played.nodes} == planned_reasons
    assert played.status == execution_status == planned_end
    check_tries(staged, played, ends)
    check_outputs(staged, played, ends)
    check_times(staged, played)
    assert await redis.keys() == []


def check_tries(staged: Staged, played: Simulation, ends: dict[str, tuple[str, str | None]]) -> None:
    for each in played.nodes:
        status, reason = ends[each.node_id]
        ran = status in ("COMPLETED", "FAILED") or reason in ("condition_false", "handler_skipped")
        if reason == "condition_false":
            assert each.state.tries == 1
        else:
            assert each.state.tries == (staged.tries[each.node_id] if ran else 0)


def check_outputs(staged: Staged, played: Simulation, ends: dict[str, tuple[str, str | None]]) -> None:
    """A node saw the outputs of those that had completed; an early rule may run before they have."""
    nodes = {node["id"]: node for node in nodes_of(staged.document)}
    works = {node_id for node_id, node in nodes.items() if node["handler"] == WORK}
    plain = works - staged.items.keys()
    for each in played.nodes:
        node = nodes[each.node_id]
        status = ends[each.node_id][0]
        is_handled = status == "FAILED" and handling(node) != "nothing"
        assert (each.output is not None) == (status == "COMPLETED" or is_handled)
        if (
            each.output is None
            or status != "COMPLETED"
            or each.node_id not in works
            or node.get("trigger_rule") in EARLY_RULES
        ):
            continue
        seen = {d: d if ends[d][0] == "COMPLETED" and d in plain else "-" for d in node["dependencies"]}
        config = {**node["config"], "name": each.node_id, "seen": seen}
        if each.node_id in staged.items:
            check_items(staged, each.node_id, orjson.loads(each.output), config, ends)
        else:
            assert orjson.loads(each.output) == {"status": "ok", "config": config}


def check_items(staged: Staged, node_id: str, output: Any, config: dict[str, Any], ends: Ends) -> None:
    """Every item got its own value, and the node's output is made of theirs."""
    outcome = staged.dag.outcomes[node_id]
    source, there, otherwise = staged.items[node_id]
    values = there if source is not None and ends[source][0] == "COMPLETED" else otherwise
    outputs = [{"status": "ok", "config": {**config, "item": value}} for value in values]
    for row in output:
        if isinstance(row, dict) and row.get("error"):
            assert row.pop("error")["type"] == "Mine.Broken"
            row["error"] = "Mine.Broken"
    (node,) = [each for each in nodes_of(staged.dag.document) if each["id"] == node_id]
    assert output == output_of_items(node, list(outcome[1]), outputs, "Mine.Broken")


def check_times(staged: Staged, played: Simulation) -> None:
    """Nothing starts before what it waits for, and nothing ends sooner than its tries take."""
    nodes = {node["id"]: node for node in nodes_of(staged.document)}
    times = {each.node_id: each for each in played.nodes}
    for node_id in in_order(nodes):
        each, node = times[node_id], nodes[node_id]
        assert each.end_ms is not None
        if each.start_ms is None:
            continue
        if node.get("trigger_rule") not in EARLY_RULES:
            for dependency in node["dependencies"]:
                ended_ms = times[dependency].end_ms
                assert ended_ms is not None
                assert ended_ms <= each.start_ms
        if node_id not in staged.items and each.state.reason != "condition_false":
            duration_ms = staged.stubs["nodes"][node_id]["duration"] * 1_000
            assert each.end_ms - each.start_ms >= duration_ms * each.state.tries
    assert played.duration_ms == max(each.end_ms or 0 for each in played.nodes)
