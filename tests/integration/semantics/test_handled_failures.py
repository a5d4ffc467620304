"""Failures that a workflow foresees: a successor takes over, or the execution goes on."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.engine import Engine
from orchestrator.errors import DefinitionInvalid
from orchestrator.execution.counters import is_handled
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.makers import WorkerFleet, node, until, workflow

E, N = ExecutionStatus, NodeStatus


def shaky(node_id: str, fail_times: int = 9, **fields: Any) -> dict[str, Any]:
    return node(node_id, handler="unreliable_handler", **fields) | {"config": {"fail_times": fail_times}}


async def ended(
    engine: Engine, document: dict[str, Any]
) -> tuple[ExecutionStatus, dict[str, tuple[NodeStatus, Reason | None]], Any]:
    """Run a document to its end: status, ends of the nodes, outputs."""
    execution_id = (await engine.executions.submit(document, trigger=True)).execution_id

    async def has_ended() -> bool:
        return (await engine.executions.status(execution_id)).is_terminal

    await until(has_ended)
    view = await engine.executions.get(execution_id)
    outputs = {
        name: orjson.loads(text or b"null")
        for name, text in (await engine.executions.results(execution_id)).items()
    }
    return view.execution.status, {s.node_id: (s.status, s.reason) for s in view.nodes}, outputs


def caught_by(target: str, *errors: str) -> dict[str, Any]:
    return {"catch": [{"errors": list(errors), "goto": target}]}


def charge(fail_times: int, *errors: str) -> dict[str, Any]:
    """`charge` may fail; `refund` takes over then, `ship` goes on otherwise, `close` joins them."""
    refund = node("refund", after=["charge"], handler="transform")
    return workflow(
        shaky("charge", fail_times, **caught_by("refund", *errors)),
        refund | {"config": {"expression": "{{ charge.error.type }}"}},
        node("ship", after=["charge"]),
        node("close", after=["refund", "ship"], trigger_rule="all_done_min_one_success"),
    )


async def test_on_a_match_goto_takes_over_and_the_others_are_upstream_failed(
    engine: Engine, fleet: WorkerFleet
) -> None:
    await fleet.start()
    status, ends, outputs = await ended(engine, charge(9, "Http.*", "Handler*"))

    assert status is E.COMPLETED
    assert ends == {
        "charge": (N.FAILED, Reason.ERROR),
        "refund": (N.COMPLETED, None),
        "ship": (N.SKIPPED, Reason.UPSTREAM_FAILED),
        "close": (N.COMPLETED, None),
    }
    assert outputs["refund"] == {"result": "HandlerError"}


async def test_on_success_goto_is_not_taken(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()
    status, ends, _ = await ended(engine, charge(0, "*"))

    assert status is E.COMPLETED
    assert ends["refund"] == (N.SKIPPED, Reason.BRANCH_NOT_TAKEN)
    assert ends["ship"] == ends["close"] == (N.COMPLETED, None)


async def test_an_error_of_another_type_is_not_caught(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()
    status, ends, _ = await ended(engine, charge(9, "Http.*", "Handler.Error"))

    assert status is E.FAILED
    assert ends["refund"] == ends["ship"] == (N.SKIPPED, Reason.UPSTREAM_FAILED)


async def test_a_node_that_goes_on_counts_as_completed_and_its_error_is_its_output(
    engine: Engine, fleet: WorkerFleet
) -> None:
    await fleet.start()
    policy = {"max_attempts": 2, "initial_interval": 0.001, "on_exhausted": "continue"}
    after = node("after", after=["A"], handler="transform")
    document = workflow(
        shaky("A", retry=policy), after | {"config": {"expression": "{{ A.error.message }}"}}, fail_fast=True
    )
    status, ends, outputs = await ended(engine, document)

    assert status is E.COMPLETED
    assert ends == {"A": (N.FAILED, Reason.ERROR), "after": (N.COMPLETED, None)}
    assert outputs["after"]["result"] == outputs["A"]["error"]["message"]
    assert not (await engine.dead_letters.list()).items


async def test_a_retry_leaves_what_was_handled_alone(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()
    document = charge(9, "*")
    document["dag"]["nodes"].append(shaky("other"))
    execution_id = (await engine.executions.submit(document, trigger=True)).execution_id

    async def has_failed() -> bool:
        return await engine.executions.status(execution_id) is E.FAILED

    await until(has_failed)
    preview = await engine.executions.retry(execution_id, preview=True)

    assert preview.nodes == ("other",)
    view = await engine.executions.get(execution_id)
    charged = next(s for s in view.nodes if s.node_id == "charge")
    assert charged.caught == "refund" and is_handled(view.definition.node("charge"), charged)


@pytest.mark.parametrize(
    ("catch", "path", "code"),
    [
        ([{"errors": ["*"], "goto": "nowhere"}], "dag.nodes[0].catch[0].goto", "unknown_branch"),
        ([{"errors": ["*"], "goto": "far"}], "dag.nodes[0].catch[0].goto", "not_successor"),
        ([{"errors": ["no spaces"], "goto": "near"}], "dag.nodes[0].catch[0].errors", "bad_value"),
        ([{"errors": ["*"]}], "dag.nodes[0].catch[0].goto", "missing"),
        ({"goto": "near"}, "dag.nodes[0].catch", "wrong_type"),
    ],
)
async def test_a_catch_that_cannot_be_meant_is_refused(
    engine: Engine, catch: Any, path: str, code: str
) -> None:
    document = workflow(node("A", catch=catch), node("near", after=["A"]), node("far", after=["near"]))
    with pytest.raises(DefinitionInvalid) as refused:
        await engine.executions.submit(document)

    assert [(problem.path, problem.code) for problem in refused.value.problems] == [(path, code)]
