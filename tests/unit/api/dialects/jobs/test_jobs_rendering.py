"""Executions are shown as jobs, and failures are a detail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from api.dialects.jobs.lowering import NO_ORDER, UNRESOLVED
from api.dialects.jobs.rendering import failure_of, result_fields, status_fields, write_failure
from api.error_shapes import Failure
from api.shown_outputs import ShownOutputs
from orchestrator.execution.model import NodeState
from orchestrator.operations.results import ExecutionView
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.unit.api.dialects import shown_executions

JOB = {"run_name": "the run", "inputs": {}, "steps": [{"id": "A", "op": "preprocess"}]}


def view(*states: NodeState, **fields: Any) -> ExecutionView:
    """An execution that was made as a job, unless it says otherwise."""
    return shown_executions.view(
        *states, **{"labels": {"door": "jobs"}, "inputs": JOB, "ended_ms": 9_000, **fields}
    )


def shown(found: ExecutionView, whole: dict[str, bytes | None] | None = None) -> dict[str, Any]:
    outputs = ShownOutputs(found, whole or {})
    fields: dict[str, Any] = orjson.loads(orjson.dumps(status_fields(outputs, "the result")))
    return fields


@pytest.mark.parametrize(
    ("status", "has_begun", "word"),
    [
        (ExecutionStatus.PENDING, False, "queued"),
        (ExecutionStatus.RUNNING, False, "queued"),
        (ExecutionStatus.RUNNING, True, "started"),
        (ExecutionStatus.PAUSED, True, "started"),
        (ExecutionStatus.COMPLETED, True, "finished"),
        (ExecutionStatus.FAILED, True, "failed"),
        (ExecutionStatus.CANCELLED, False, "failed"),
    ],
)
def test_every_status_has_a_word(status: ExecutionStatus, has_begun: bool, word: str) -> None:
    state = NodeState("A", NodeStatus.RUNNING, started_ms=2_000 if has_begun else None)

    assert shown(view(state, status=status))["status"] == word


def test_only_steps_of_the_job_are_shown() -> None:
    done = [NodeState(each, NodeStatus.COMPLETED, started_ms=2_000, ended_ms=3_000) for each in "AB"]

    found = shown(view(*done))["progress"]

    assert found == [
        {"ts": 1.0, "msg": "enqueued"},
        {"ts": 2.0, "msg": "started", "run": "the run"},
        {"ts": 2.0, "msg": "step_start", "step": "A", "op": "preprocess"},
        {"ts": 3.0, "msg": "step_done", "step": "A", "outputs": {}},
    ]


@pytest.mark.parametrize("inputs", [None, {"steps": 1}, {"steps": [1]}, {"steps": [{"id": "A"}]}])
def test_an_execution_whose_inputs_are_no_job_is_shown_by_its_nodes(inputs: Any) -> None:
    done = NodeState("B", NodeStatus.COMPLETED, started_ms=2_000, ended_ms=3_000)

    found = shown(view(done, inputs=inputs))["progress"]

    assert [line.get("op") for line in found] == [None, None, "noop", None]
    assert found[1]["run"] == "title"


def test_steps_that_overlap_are_in_the_order_of_time() -> None:
    slow = NodeState("A", NodeStatus.COMPLETED, started_ms=2_000, ended_ms=5_000)
    quick = NodeState("B", NodeStatus.COMPLETED, started_ms=2_500, ended_ms=3_000)

    found = shown(view(slow, quick, labels={}))["progress"]

    assert [(line["msg"], line.get("step")) for line in found[2:]] == [
        ("step_start", "A"),
        ("step_start", "B"),
        ("step_done", "B"),
        ("step_done", "A"),
    ]


def test_an_output_that_is_too_large_is_shown_by_its_size_and_place() -> None:
    done = NodeState("A", NodeStatus.COMPLETED, started_ms=2_000, ended_ms=3_000)
    found = replace(view(done), sizes={"A": 70_000, "B": 0})

    known = shown(found, {"A": b'{"a":1}'})["progress"][-1]
    unknown = shown(found)["progress"][-1]

    assert known["outputs"] == {"a": 1}
    href = "/v1/executions/x1/nodes/A/output"
    assert unknown["outputs"] == {"truncated": True, "bytes": 70_000, "href": href}


def test_the_result_is_shown_once_it_is_finished() -> None:
    assert shown(view(status=ExecutionStatus.COMPLETED))["result"] == "the result"
    assert shown(view())["result"] is None


def test_without_one_of_its_own_a_result_is_made_of_the_outputs() -> None:
    found = replace(view(), outputs={"A": b"{}"}, sizes={"A": 2, "B": 0})

    made = orjson.loads(orjson.dumps(result_fields(ShownOutputs(found))))

    assert made == {"run_name": "title", "inputs": JOB, "outputs": {"A": {}}, "stores": {}}


def test_the_error_is_what_failed_the_job_and_no_failure_that_was_caught() -> None:
    caught = NodeState("A", NodeStatus.FAILED, ended_ms=4_000, error={"message": "caught"}, caught="B")
    decisive = NodeState("B", NodeStatus.FAILED, ended_ms=5_000, error={"message": "decisive"})
    failed = ExecutionStatus.FAILED
    late = {"message": "too late"}

    assert failure_of(view(caught, decisive, status=failed)) == {"error": "decisive"}
    assert failure_of(view(caught, status=failed, error=late)) == {"error": "too late"}
    assert failure_of(view(status=ExecutionStatus.CANCELLED, reason="no more")) == {"error": "no more"}
    assert failure_of(view(caught)) == {}


def test_a_reference_to_nothing_is_worded_as_documented_and_named_beside() -> None:
    error = {"type": UNRESOLVED, "message": "step 'b' refers to '@ghost'"}
    state = NodeState("A", NodeStatus.FAILED, ended_ms=5_000, error=error)

    found = failure_of(view(state, status=ExecutionStatus.FAILED))

    assert found == {"error": NO_ORDER, "detail": "step 'b' refers to '@ghost'"}


def failure(status: int, code: str = "X", **fields: Any) -> Failure:
    return Failure(status, "Title", "a sentence", code, "/status/x", "r1", **fields)


def test_failures_are_a_sentence_or_a_list_of_mistakes() -> None:
    problems = [
        {"path": "steps.1.op", "code": "wrong_value", "message": "no"},
        {"path": "header.Idempotency-Key", "code": "wrong_value", "message": "no"},
        {"path": "", "code": "bad_json", "message": "no"},
    ]

    assert write_failure(failure(503)) == (503, {"detail": "a sentence"})
    assert write_failure(failure(404, "EXECUTION_NOT_FOUND")) == (404, {"detail": "Job not found"})
    assert write_failure(failure(422, problems=problems)) == (
        422,
        {
            "detail": [
                {"loc": ["body", "steps", 1, "op"], "msg": "no", "type": "wrong_value"},
                {"loc": ["header", "Idempotency-Key"], "msg": "no", "type": "wrong_value"},
                {"loc": ["body"], "msg": "no", "type": "bad_json"},
            ]
        },
    )
