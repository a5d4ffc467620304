"""Where the definition of a child comes from, what is told of it, and children of the items of a map."""

from __future__ import annotations

import pytest

from orchestrator.errors import DefinitionInvalid
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.child_workflows import Nursery, child_of, family, kid, output, parent, state_of
from tests.integration.execution_ends import ended
from tests.makers import Rig, WorkerFleet, node

E, N = ExecutionStatus, NodeStatus


pytestmark = pytest.mark.usefixtures("nursery")


async def test_the_definition_may_be_that_of_another_execution(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    first = await rig.submit(*family()["dag"]["nodes"], name="original", trigger=False)
    version = (await rig.engine.executions.get(first)).execution.version

    execution_id = await rig.submit(parent("S", first, version=version))
    wrong = await rig.submit(parent("S", first, version="0123456789abcdef"))
    unknown = await rig.submit(parent("S", "01a1fd05-faa8-741c-ab43-5500da59f000"))

    assert await ended(rig, execution_id) is E.COMPLETED
    assert (await child_of(rig, execution_id, "S")).name == "original"
    for each, said in ((wrong, f"has the version {version}"), (unknown, "is no execution")):
        assert await ended(rig, each) is E.FAILED
        error = (await state_of(rig, each, "S")).error or {}
        assert error["type"] == "ConfigError"
        assert said in error["message"]


async def test_a_definition_may_be_put_together_at_run_time(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    schema = {"type": "object", "properties": {"plan": {"type": "object"}}}
    good, bad = family(kid("x")), family(node("x", handler="test_kidd"))

    for plan, status in ((good, E.COMPLETED), (bad, E.FAILED)):
        submitted = await rig.engine.executions.submit(
            family(parent("S", "{{ inputs.plan }}"), inputs=schema), inputs={"plan": plan}, trigger=True
        )
        assert await ended(rig, submitted.execution_id) is status

    error = (await state_of(rig, submitted.execution_id, "S")).error or {}
    assert error["type"] == "ConfigError"
    assert "did you mean 'test_kid'?" in error["message"]


async def test_inputs_that_the_child_does_not_take_fail_the_node(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    execution_id = await rig.submit(parent("S", family(inputs=schema), inputs={"n": "{{ 'one' }}"}))

    assert await ended(rig, execution_id) is E.FAILED
    error = (await state_of(rig, execution_id, "S")).error or {}
    assert error["type"] == "ConfigError"
    assert "n" in error["message"]
    assert (await state_of(rig, execution_id, "S")).child is None


async def test_a_large_child_is_written_in_slices(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    nodes = [kid(f"n{i}") for i in range(700)]

    execution_id = await rig.submit(parent("S", family(*nodes)))

    assert await ended(rig, execution_id) is E.COMPLETED
    assert len(await output(rig, execution_id, "S")) == 700
    assert await rig.redis.zcard(rig.transitions.keys.shared("staging")) == 0


async def test_everything_wrong_with_a_child_is_told_with_its_parent(rig: Rig) -> None:
    child = family(node("x", handler="test_kidd"), kid("y", after=["nobody"]))
    deep = family(kid("x"))
    for _ in range(4):
        deep = family(parent("S", deep))

    with pytest.raises(DefinitionInvalid) as wrong:
        await rig.submit(parent("S", child, wait="{{ 1 == 1 }}"), parent("T", deep), parent("U", "Some Name"))

    found = {problem.path: problem for problem in wrong.value.problems}
    at = "dag.nodes[0].config.workflow.dag.nodes"
    assert found[f"{at}[0].handler"].code == "unknown_handler"
    assert found[f"{at}[1].dependencies[0]"].code == "unknown_dependency"
    assert found["dag.nodes[0].config.wait"].code == "bad_value"
    assert [problem.code for path, problem in found.items() if path.startswith("dag.nodes[1]")] == [
        "too_deep"
    ]
    unnamed = found["dag.nodes[2].config.workflow"].message
    assert "the name (a-z 0-9 -) or the id (wf_…)" in unnamed
    assert unnamed.endswith("found 'Some Name'; a workflow of that title has the name 'some-name'")


async def test_the_templates_of_a_child_are_its_own(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    child = family(kid("A"), kid("y", after=["A"], config={"a": "{{ A.of }}", "b": "{{ inputs.k }}"}))

    execution_id = await rig.submit(parent("S", child, inputs={"k": "{{ execution.id }}"}))

    assert await ended(rig, execution_id) is E.COMPLETED
    assert (await output(rig, execution_id, "S"))["y"] == {"of": "y", "a": "A", "b": execution_id}


async def test_an_item_of_a_map_has_a_child_of_its_own(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    child = family(kid("x", config={"n": "{{ inputs.n }}"}))

    execution_id = await rig.submit(
        parent("S", child, map={"items": [5, 6, 7], "max_concurrency": 2}, inputs={"n": "{{ item }}"})
    )

    assert await ended(rig, execution_id) is E.COMPLETED
    assert [each["x"]["n"] for each in await output(rig, execution_id, "S")] == [5, 6, 7]
    children = [(await child_of(rig, execution_id, f"S[{i}]")).execution_id for i in range(3)]
    assert len(set(children)) == 3
    assert await rig.nothing_is_left_behind()


async def test_the_items_whose_children_failed_are_tried_again_alone(
    rig: Rig, fleet: WorkerFleet, nursery: Nursery
) -> None:
    await fleet.start()
    nursery.failing.add("y")
    child = family(kid("x"), kid("y", after=["x"], when="{{ inputs.n == 1 }}"))
    execution_id = await rig.submit(parent("S", child, map={"items": [0, 1]}, inputs={"n": "{{ item }}"}))
    assert await ended(rig, execution_id) is E.FAILED
    nursery.failing.clear()

    await rig.engine.executions.retry(execution_id)

    assert await ended(rig, execution_id) is E.COMPLETED
    assert nursery.calls == {"x": 2, "y": 2}
    assert [(await child_of(rig, execution_id, f"S[{i}]")).generation for i in range(2)] == [1, 2]
