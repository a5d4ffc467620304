"""An `output` that is the output of one node as it is: the end of the execution copies it, no worker does."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.states import ExecutionStatus
from tests.integration.handler_steps import act
from tests.makers import Rig, node

E = ExecutionStatus
OUTPUT = "$output"


def gives(node_id: str, n: int, **fields: Any) -> dict[str, Any]:
    """A node whose output is {"result": n}."""
    return node(node_id, handler="transform", config={"output": n}, **fields)


async def output(rig: Rig, execution_id: str) -> Any:
    text = (await rig.engine.executions.get(execution_id)).output
    return None if text is None else orjson.loads(text)


@pytest.mark.parametrize("given", ["{{ A }}", "{{A}}", '{{ steps["A"].output }}', "{{ steps.A.output }}\n"])
async def test_the_output_of_one_node_as_it_is_takes_no_worker(rig: Rig, given: str) -> None:
    execution_id = await rig.submit(gives("A", 1), gives("B", 2, after=["A"]), output=given)

    ran = await act(rig)

    view = await rig.engine.executions.get(execution_id)
    assert ran == ["A", "B"]
    assert (view.execution.status, view.output) == (E.COMPLETED, b'{"result":1}')
    assert (await rig.events(execution_id))[-2:] == [f"node.completed:{OUTPUT}", "execution.completed"]
    assert await rig.nothing_is_left_behind()


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        pytest.param("{{ A.result }}", {}, id="a part of it"),
        pytest.param("so {{ A }}", {}, id="with a text"),
        pytest.param("{{ A | tojson }}", {}, id="with a filter"),
        pytest.param("{{ A }}", {"interface": {"stop": {"schema": {"type": "object"}}}}, id="to be checked"),
        pytest.param("{{ inputs }}", {}, id="no node's"),
    ],
)
async def test_what_is_not_the_whole_output_of_a_node_is_rendered(
    rig: Rig, given: str, fields: dict[str, Any]
) -> None:
    execution_id = await rig.submit(gives("A", 1), output=given, **fields)

    assert await act(rig) == ["A", OUTPUT]
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_node_that_has_not_completed_is_not_copied(rig: Rig) -> None:
    skipped = await rig.submit(gives("A", 1), node("B", when="false"), output="{{ B }}")
    await act(rig)
    failed = await rig.submit(node("C", critical=False), output="{{ C }}")
    await rig.worker.fail(await rig.worker.start_one("C"))
    await act(rig)

    for execution_id in (skipped, failed):
        view = await rig.engine.executions.get(execution_id)
        assert (view.execution.status, view.output) == (E.FAILED, None)
        assert view.output_error is not None


async def test_a_copy_is_made_anew_with_a_retry(rig: Rig) -> None:
    tolerant = {"items": [0, 1], "tolerated_failure_count": 1}
    halves = node("A", handler="transform", config={"output": "{{ 1 / item }}"}, map=tolerant)
    execution_id = await rig.submit(halves, output="{{ A }}")
    await act(rig)
    first = await output(rig, execution_id)

    await rig.engine.executions.retry(execution_id, nodes=["A"])
    while_it_runs = await output(rig, execution_id)
    await act(rig)

    again = await output(rig, execution_id)
    assert [row["status"] for row in first] == ["FAILED", "COMPLETED"]
    assert while_it_runs is None
    assert (first[0]["error"]["attempt"], again[0]["error"]["attempt"]) == (1, 2)
    assert await rig.status(execution_id) is E.COMPLETED


async def test_a_paused_execution_copies_it_once_it_goes_on(rig: Rig) -> None:
    execution_id = await rig.submit(gives("A", 1), output="{{ A }}")
    held = await rig.worker.start_one("A")
    await rig.engine.executions.pause(execution_id, request_id="wait")
    await rig.worker.complete(held, {"n": 1})
    before = await output(rig, execution_id)

    await rig.engine.executions.resume(execution_id, request_id="go")
    await act(rig)

    assert before is None
    assert await output(rig, execution_id) == {"n": 1}
    assert await rig.status(execution_id) is E.COMPLETED
