"""Simulations of random families against two oracles that know nothing of them: interpreter and planner.

Nodes have children, which have children; they fail differently on each try, run into limits of time, and the
whole puts out what some of them did.
"""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

import workers.handlers  # noqa: F401  registers what conditions are
from tests.dags import ScriptedDag, compiled
from tests.examples import examples
from tests.families import documents_by_input, families
from tests.interpreter import Scripted, nodes_of
from tests.interpreting_families import Family, children_of, interpret_family
from tests.simulation import simulate
from workers.simulator.report import Simulation
from workers.simulator.simulator import Simulator
from workers.simulator.stubs import Stubs

#: Seconds that a try may take.
DURATIONS = (0, 1, 3, 5)


def stubs_of(scripted: Scripted, prefix: str = "") -> dict[str, Any]:
    """Write what a family does as the simulator takes it, unit by unit."""
    stubs: dict[str, Any] = {}
    for node in nodes_of(scripted.document):
        name, result = prefix + node["id"], scripted.outcome(node)
        units = [(name, result)]
        if not isinstance(result, str) and result[0] == "items":
            units = [(f"{name}[{index}]", each) for index, each in enumerate(result[1])]
        for unit, each in units:
            # A mapped node that fails itself gives no list; what is skipped by its `when` calls nothing.
            if not (each == "fail" and "map" in node and unit == name):
                stubs |= stub_of(node, unit, each)
        for unit, child, _ in children_of(name, result):
            stubs |= stubs_of(child, f"{unit}/")
    return stubs


def stub_of(node: dict[str, Any], unit: str, result: Any) -> dict[str, Any]:
    if result == "fail":
        return {unit: {"fail": "always"}}
    if result == "skip":
        return {} if node["handler"] == "sub_workflow" else {unit: {"skip": "not today"}}
    if not isinstance(result, str) and result[0] == "tries":
        tries, takes_s = result[1]
        failures = [each for each in tries if each != "ok"]
        error = {"error": failures[0]} if failures else {}
        fail = len(failures) if tries[-1] == "ok" else "always"
        return {unit: {"fail": fail, "duration": takes_s, "output": {"of": unit}, **error}}
    return {unit: {"output": {"of": unit}}} if node["handler"] == "noop" else {}


@settings(
    max_examples=examples(20),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(dag=families(durations=DURATIONS), seed=st.integers(0, 2**32), by_input=st.booleans())
async def test_a_simulated_family_ends_as_the_interpreter_and_the_planner_say(
    redis: Redis, dag: ScriptedDag, seed: int, by_input: bool
) -> None:
    family = interpret_family(dag)
    statuses, reasons, status = simulate(compiled(dag.document), dag.outcomes, Random(seed))
    document, inputs = documents_by_input(dag.document) if by_input else (dag.document, {})
    stubs = Stubs.from_dict({"nodes": stubs_of(dag)})

    played = await Simulator(redis, stubs=stubs).run(document, inputs)

    assert played.status == family.statuses[""] == status
    check_ends(family, played)
    assert {node_id: (str(statuses[node_id]), reasons[node_id]) for node_id in statuses} == {
        name: end for name, end in family.ends.items() if "/" not in name
    }
    check_outputs(family, played)
    assert await redis.keys() == []


def check_ends(family: Family, played: Simulation) -> None:
    found = {each.node_id: (str(each.state.status), each.state.reason) for each in played.nodes}
    sure = {name: end for name, end in found.items() if not family.is_open_ended(name)}
    assert sure == {name: end for name, end in family.ends.items() if not family.is_open_ended(name)}
    assert all(each.state.status.is_terminal for each in played.nodes)


def check_outputs(family: Family, played: Simulation) -> None:
    for each in played.nodes:
        if not family.is_open_ended(each.node_id):
            output = orjson.loads(each.output) if each.output is not None else None
            assert output == family.outputs.get(each.node_id), each.node_id
    output = orjson.loads(played.output) if played.output is not None else None
    assert output == family.finals.get("")
