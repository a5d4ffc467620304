"""Documents as people write them by hand: free names, beginnings and ends, branches by comparison."""

from __future__ import annotations

from typing import Any

import orjson

from orchestrator.engine import Engine
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.fake_handlers import ended
from tests.makers import WorkerFleet

BRANCHING = {
    "name": "Bestellung prüfen – 注文 (nightly)",
    "dag": {
        "nodes": [
            {"id": "start", "handler": "input", "config": {"answer": "yes", "sum": 7}},
            {
                "id": "is-large",
                "handler": "condition",
                "dependencies": ["start"],
                "config": {"left": "{{ start.sum }}", "operator": ">", "right": "100"},
            },
            {
                "id": "ask",
                "handler": "noop",
                "dependencies": ["is-large"],
                "when": "{{ steps['is-large'].output.result }}",
            },
            {
                "id": "book.it",
                "handler": "transform",
                "dependencies": ["is-large"],
                "when": "{{ not steps['is-large'].output.result }}",
                "config": {"expression": "{{ start.answer }}"},
            },
            {"id": "end", "handler": "output", "dependencies": ["ask", "book.it"]},
        ]
    },
}


async def run(engine: Engine, document: dict[str, Any], inputs: dict[str, Any]) -> Any:
    made = await engine.executions.submit(document, inputs=inputs, trigger=True)
    status = await ended(engine, made.execution_id)
    view = await engine.executions.get(made.execution_id)
    results = await engine.executions.results(made.execution_id)
    return status, view, {node_id: orjson.loads(output) for node_id, output in results.items() if output}


async def test_an_end_gives_what_its_dependencies_have_given(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()

    status, view, results = await run(engine, BRANCHING, {"answer": "no"})

    states = {state.node_id: state for state in view.nodes}
    assert status is ExecutionStatus.COMPLETED
    assert view.execution.name == BRANCHING["name"]
    assert states["ask"].status is NodeStatus.SKIPPED
    assert results["end"] == {"book.it": {"result": "no"}}


async def test_the_other_branch_is_taken_for_a_large_number(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()

    status, _, results = await run(engine, BRANCHING, {"sum": "1e3"})

    assert status is ExecutionStatus.COMPLETED
    assert results["end"] == {"ask": {"status": "ok"}}


async def test_a_definition_fails_where_it_finds_it_cannot_go_on(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()
    stop = {
        "id": "stop",
        "handler": "fail",
        "config": {"message": "no stock for {{ inputs.item }}", "type": "Order.NoStock"},
        "catch": [{"errors": ["Order.*"], "goto": "tell"}],
    }
    tell = {"id": "tell", "handler": "output", "dependencies": ["stop"]}

    status, _, results = await run(engine, {"name": "Stock", "nodes": [stop, tell]}, {"item": 7})

    assert status is ExecutionStatus.COMPLETED
    assert results["tell"]["stop"]["error"]["message"] == "no stock for 7"
