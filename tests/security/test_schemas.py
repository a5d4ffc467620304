"""Hostile schemas through the front door, and through a real worker."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.documents.json_schema import schema_problem, value_problems
from orchestrator.documents.json_types import json_size
from orchestrator.engine import Engine
from orchestrator.errors import DefinitionInvalid, InputsInvalid, PayloadInvalid
from orchestrator.states import NodeStatus
from tests.fake_handlers import ended, start
from tests.makers import WorkerFleet, node, until
from tests.security.schemas import ENDLESS, HUGE, PATTERNS, Case
from workers.library.llm import read_structured

#: Documents have no integers beyond 64 bits.
_IN_JSON = {
    name: case for name, case in ENDLESS.items() if "long number" not in name and "digits" not in name
}


def of_member(case: Case) -> Case:
    """The same for one member of the inputs, whose own references still lead to the right place."""
    schema, value = case
    return {"properties": {"x": {"$id": "https://example.com/x", **schema}}}, {"x": value}


@pytest.mark.parametrize("case", _IN_JSON.values(), ids=_IN_JSON.keys())
async def test_inputs_that_ask_for_endless_checks_are_refused(engine: Engine, case: Case) -> None:
    schema, inputs = of_member(case)
    document = {"name": "probe", "inputs": schema, "nodes": [node("A")]}

    with pytest.raises(InputsInvalid) as refused:
        await engine.executions.submit(document, inputs=inputs, trigger=True)

    assert [problem.code for problem in refused.value.problems] == ["too_complex"]


@pytest.mark.parametrize("schema", HUGE.values(), ids=HUGE.keys())
async def test_schemas_that_take_long_to_compile_are_refused_wherever_they_stand(
    engine: Engine, schema: dict[str, Any]
) -> None:
    places: list[dict[str, Any]] = [
        {"inputs": schema, "nodes": [node("A")]},
        {"nodes": [node("A", handler="llm", config={"prompt": "x", "schema": schema})]},
        {"nodes": [node("A", handler="wait_for_signal", config={"name": "x", "schema": schema})]},
        {"nodes": [node("A", handler="approval", config={"prompt": "x", "form": schema})]},
    ]

    # The config of a node may not be as large as some of these are.
    for place in places if json_size(schema) < 60_000 else places[:1]:
        with pytest.raises(DefinitionInvalid) as refused:
            await engine.executions.submit({"name": "probe", **place})
        assert "too large" in refused.value.problems[0].message


@pytest.mark.parametrize("case", PATTERNS.values(), ids=PATTERNS.keys())
def test_patterns_are_matched_in_linear_time(case: tuple[str, str]) -> None:
    pattern, text = case

    assert schema_problem({"pattern": pattern}) is None
    assert [problem.code for problem in value_problems({"pattern": pattern}, text, "x")] == ["bad_input"]


async def test_signals_that_ask_for_endless_checks_are_refused(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()
    schema, payload = ENDLESS["enum of lists"]
    execution_id = await start(
        engine, node("A", handler="wait_for_signal", config={"name": "go", "schema": schema})
    )

    async def waits() -> bool:
        return (await engine.nodes.get(execution_id, "A")).state.status is NodeStatus.WAITING

    await until(waits)
    with pytest.raises(PayloadInvalid) as refused:
        await engine.signals.send(execution_id, "go", payload)

    assert [problem.code for problem in refused.value.problems] == ["too_complex"]


@pytest.mark.parametrize("case", ENDLESS.values(), ids=ENDLESS.keys())
def test_answers_of_models_are_checked_within_the_same_bounds(case: Case) -> None:
    schema, value = case

    _, complaint = read_structured(str(value).replace("'", '"'), schema)

    assert complaint


async def test_a_worker_refuses_an_endless_schema_of_an_answer_and_goes_on(
    engine: Engine, fleet: WorkerFleet
) -> None:
    await fleet.start()
    schema, _ = ENDLESS["doubling references"]
    execution_id = await start(
        engine, node("A", handler="llm", config={"prompt": "x", "schema": schema}), node("B", handler="noop")
    )

    await ended(engine, execution_id)

    states = {state.node_id: state for state in (await engine.executions.get(execution_id)).nodes}
    assert (states["A"].status, states["B"].status) == (NodeStatus.FAILED, NodeStatus.COMPLETED)
    assert states["A"].error is not None
    assert "too many checks" in str(states["A"].error)
