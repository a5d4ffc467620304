"""Explanations of nodes that have ended: why they did as they did, and what would run them again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.execution.explain_ended import explain_ended
from orchestrator.execution.explanation import Explanation
from orchestrator.execution.model import NodeState
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, Reason
from tests.dags import node, workflow
from tests.snapshots import CHAIN, DIAMOND, FORK, done, given_states, skipped

N = NodeStatus
ENDED = "1970-01-01T00:00:09.000Z"
ERROR = {"type": "Http.5xx", "message": "503 from example.org"}
CONTINUES = {"max_attempts": 1, "on_exhausted": "continue"}


def failed(node_id: str, **fields: Any) -> NodeState:
    return NodeState(
        node_id, N.FAILED, Reason.ERROR, attempt=1, tries=1, ended_ms=9_000, error=ERROR, **fields
    )


def explained(document: dict[str, Any], node_id: str, *states: NodeState, **fields: Any) -> Explanation:
    """Explain one node where these states are given."""
    snapshot = given_states(document, *states, **fields)
    return explain_ended(snapshot, snapshot.definition.node(node_id), snapshot.nodes[node_id])


def test_a_completed_node_waits_for_nothing() -> None:
    found = explained(CHAIN, "A", replace(done("A"), ended_ms=9_000, tries=1))

    assert found.waiting_for == f"nothing: it completed at {ENDED}"
    assert found.wakes == "nothing; this status is final"
    assert (found.node_id, found.status, found.until_ms) == ("A", N.COMPLETED, None)


def test_a_completed_node_names_its_try_only_after_others() -> None:
    document = workflow(node("A", retry={"max_attempts": 3}))

    found = explained(document, "A", replace(done("A"), ended_ms=9_000, tries=2))

    assert found.waiting_for == f"nothing: it completed at {ENDED} in try 2 of 3"


def test_a_reused_node_names_where_it_ran() -> None:
    snapshot = given_states(CHAIN, replace(done("A"), reused=True))
    forked = replace(snapshot, execution=replace(snapshot.execution, forked_from="x0"))

    found = explain_ended(forked, forked.definition.node("A"), forked.nodes["A"])

    assert found.waiting_for == "nothing: it completed in execution x0, of which this one is a fork"


def test_a_failed_node_says_when_in_which_try_and_with_which_error() -> None:
    found = explained(CHAIN, "A", failed("A"))

    assert found.waiting_for == (
        f"nothing: it failed at {ENDED} in try 1 of 1 with Http.5xx: 503 from example.org"
    )
    assert (found.details["error"], found.details["reason"]) == (ERROR, "error")
    assert "actions" not in found.details


TWICE = {"max_attempts": 2}


@pytest.mark.parametrize(
    ("retry", "error", "first", "last"),
    [
        (TWICE, {"retryable": False}, "in try 1", "this error is not retryable"),
        (
            TWICE | {"non_retryable": ["Http.*"]},
            {"retryable": True},
            "in try 1",
            "its retry policy leaves this error out",
        ),
        (TWICE, {"retryable": True}, "in try 1 of 2", None),
        ({"max_attempts": 1}, {"retryable": False}, "in try 1 of 1", None),
    ],
)
def test_a_failure_before_the_last_try_says_why_it_was_the_last(
    retry: Any, error: Any, first: str, last: str | None
) -> None:
    state = replace(failed("A"), error={**ERROR, **error})

    found = explained(workflow(node("A", retry=retry)), "A", state)

    words = f"nothing: it failed at {ENDED} {first} with Http.5xx: 503 from example.org"
    assert found.waiting_for == words + (
        f"; not tried again, though 2 tries are allowed: {last}" if last else ""
    )


def test_a_mapped_node_names_its_failed_items_and_no_try_of_its_own() -> None:
    document = workflow(node("A", map={"items": [1, 2, 3]}, retry=TWICE))
    below = {"failed": 2, "first": [{"index": 0, "error": ERROR}, {"index": 2, "error": ERROR}]}
    error = {"type": "ItemsFailed", "message": "2 of 3", "retryable": False, "details": below}

    found = explained(document, "A", replace(failed("A"), error=error))

    assert found.waiting_for == f"nothing: it failed at {ENDED} with ItemsFailed: 2 of 3"
    assert found.details["failed_items"] == [0, 2]


def test_a_node_whose_child_failed_names_the_child() -> None:
    assert explained(CHAIN, "A", failed("A", child="c1")).details["child"] == "c1"


@pytest.mark.parametrize(
    ("extra", "fields", "words"),
    [
        ({"retry": CONTINUES}, {}, "; what depends on it runs all the same"),
        ({"critical": False}, {}, "; it does not fail the execution, since it is not critical"),
        ({"catch": [{"errors": ["*"], "goto": "B"}]}, {"caught": "B"}, "; B took over"),
    ],
)
def test_a_failure_that_was_handled_says_how(extra: Any, fields: Any, words: str) -> None:
    document = workflow(node("A", **extra), node("B", after=["A"]))

    assert explained(document, "A", failed("A", **fields)).waiting_for.endswith(words)


def test_what_a_retry_runs_again_says_so_once_the_execution_has_failed() -> None:
    states = (failed("A"), skipped("B", Reason.UPSTREAM_FAILED), skipped("C", Reason.UPSTREAM_FAILED))

    for node_id in "ABC":
        found = explained(CHAIN, node_id, *states, status=ExecutionStatus.FAILED)

        assert found.wakes == "a retry of the execution, which runs it again"
        assert found.details["actions"] == ["retry"]


def test_what_a_retry_leaves_alone_stays_as_it_is() -> None:
    found = explained(DIAMOND, "B", done("A"), done("B"), failed("C"), status=ExecutionStatus.FAILED)

    assert found.wakes == "nothing; this status is final"


def test_a_skip_behind_failures_names_the_root_and_not_the_neighbour() -> None:
    states = (failed("A"), skipped("B", Reason.UPSTREAM_FAILED), skipped("C", Reason.UPSTREAM_FAILED))

    found = explained(CHAIN, "C", *states)

    assert found.waiting_for == (
        "nothing: it was skipped, since A failed with Http.5xx: 503 from example.org"
    )
    assert found.details["because_of"] == ["A"]


def test_a_skip_with_two_causes_names_both() -> None:
    late = replace(failed("B"), ended_ms=10_000)

    found = explained(DIAMOND, "D", done("A"), late, failed("C"), skipped("D", Reason.UPSTREAM_FAILED))

    assert found.waiting_for.endswith("since C failed with Http.5xx: 503 from example.org; further causes: B")


def test_a_skip_behind_a_cancelled_node_says_so() -> None:
    cancelled = NodeState("A", N.CANCELLED, Reason.CANCELLED)

    found = explained(CHAIN, "B", cancelled, skipped("B", Reason.UPSTREAM_FAILED))

    assert found.waiting_for == "nothing: it was skipped, since A was cancelled"


def test_a_skip_whose_cause_runs_again_says_so() -> None:
    again = NodeState("A", N.RUNNING, attempt=2)

    found = explained(CHAIN, "B", again, skipped("B", Reason.UPSTREAM_FAILED))

    assert "what failed has been retried since" in found.waiting_for


def test_a_branch_that_was_not_taken_names_the_condition() -> None:
    aside = skipped("no", Reason.BRANCH_NOT_TAKEN)

    found = explained(FORK, "no", done("if"), aside, not_taken={"if": frozenset({"no"})})

    assert found.waiting_for == "nothing: this branch was not taken by if (COMPLETED)"
    assert found.details["decided_by"] == ["if"]


def test_what_would_have_taken_over_names_the_node_that_did_not_fail() -> None:
    document = workflow(node("A", catch=[{"errors": ["*"], "goto": "B"}]), node("B", after=["A"]))

    found = explained(document, "B", done("A"), skipped("B", Reason.BRANCH_NOT_TAKEN))

    assert found.details["decided_by"] == ["A"]


@pytest.mark.parametrize(
    ("extra", "reason", "sentence"),
    [
        ({}, Reason.UPSTREAM_SKIPPED, "it was skipped, since these were: A"),
        (
            {"trigger_rule": "all_failed"},
            Reason.TRIGGER_RULE_UNMET,
            "its trigger rule all_failed is not met by A (SKIPPED)",
        ),
        (
            {"when": "inputs.n > 1"},
            Reason.CONDITION_FALSE,
            "it was skipped, since its `when` is false: inputs.n > 1",
        ),
        ({}, Reason.HANDLER_SKIPPED, "its handler skipped it"),
        ({}, Reason.OPERATOR, "an operator skipped it"),
    ],
)
def test_each_reason_of_a_skip_has_its_sentence(extra: Any, reason: Reason, sentence: str) -> None:
    document = workflow(node("A"), node("B", after=["A"], **extra))

    found = explained(document, "B", skipped("A", Reason.HANDLER_SKIPPED), skipped("B", reason))

    assert found.waiting_for == f"nothing: {sentence}"
    assert found.details["reason"] == str(reason)


def test_a_cancelled_node_names_the_cause() -> None:
    cancelled = NodeState("A", N.CANCELLED, Reason.CANCELLED)

    found = explained(CHAIN, "A", cancelled, cancelling=Cancelling.FAIL_FAST)

    assert found.waiting_for == "nothing: it was cancelled with its execution (fail_fast)"
    assert found.details["cause"] == "fail_fast"
