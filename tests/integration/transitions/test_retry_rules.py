"""Lists of retry rules in the engine: counts travel with the claim, and last as long as the tries do."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.retry import RetryPolicy
from orchestrator.errors import DefinitionInvalid, NodeError
from orchestrator.lint.lint import lint
from orchestrator.states import ExecutionStatus, NodeStatus, Reason, WaitingOn
from orchestrator.store.replies import Claim
from tests.dags import workflow
from tests.makers import Rig, held_by, node
from workers.handlers import Catalogue
from workers.outcome import Failed
from workers.runtime.recording import end_call

N = NodeStatus
RULES: list[dict[str, Any]] = [
    {"errors": ["Http.5xx"], "max_attempts": 3, "initial_interval": 1, "jitter": "none"},
    {"errors": ["Timeout.*"], "max_attempts": 2, "initial_interval": 10, "jitter": "none"},
]


async def fail_with(rig: Rig, error_type: str, *, retry_after_ms: int | None = None) -> Claim:
    """Claim what is queued and let its attempt fail as a worker would; gives the claim."""
    (task,) = await rig.worker.read()
    claim = await rig.worker.claim(task)
    assert isinstance(claim, Claim)
    failed = Failed(NodeError(error_type, "no", retryable=False), retry_after_ms)
    spec = orjson.loads(claim.spec)
    ended = await end_call(rig.transitions, claim, spec, failed, output_max_bytes=1_000, claiming=None)
    assert ended.word == "ok"
    return claim


async def due_in(rig: Rig, execution_id: str, unit: str = "A") -> int:
    """Milliseconds until the next try."""
    state = (await rig.engine.nodes.get(execution_id, unit)).state
    assert (state.status, state.waiting_on) == (N.WAITING, WaitingOn.BACK_OFF)
    assert state.due_ms is not None
    return state.due_ms - rig.now_ms


async def test_each_rule_counts_its_own_tries(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry=RULES))
    waits = []

    for error_type in ("Http.5xx", "Timeout.StartToClose", "Http.5xx"):
        await fail_with(rig, error_type)
        waits.append(await due_in(rig, execution_id))
        await rig.advance(waits[-1])
    claim = await fail_with(rig, "Http.5xx")

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert waits == [1_000, 10_000, 2_000]
    assert (claim.counts, claim.references) == ((2, 1), ())
    assert (state.status, state.reason, state.tries) == (N.FAILED, Reason.ERROR, 4)
    assert [entry.node_id for entry in (await rig.engine.dead_letters.list()).items] == ["A"]


async def test_an_error_no_rule_names_is_not_tried_again(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry=RULES))

    await fail_with(rig, "HandlerError")

    assert await rig.nodes(execution_id) == {"A": N.FAILED}
    assert (await rig.engine.dead_letters.list()).items == []


async def test_the_first_rule_that_names_the_error_decides(rig: Rig) -> None:
    rules = [{"errors": ["Http.4xx"], "max_attempts": 1}, {"errors": ["Http.*"], "max_attempts": 9}]
    execution_id = await rig.submit(node("A", retry=rules))

    await fail_with(rig, "Http.4xx")

    assert await rig.nodes(execution_id) == {"A": N.FAILED}


@pytest.mark.parametrize(("respects", "wait_ms"), [(True, 30_000), (False, 1_000)])
async def test_a_rule_waits_as_long_as_the_far_side_asks(rig: Rig, respects: bool, wait_ms: int) -> None:
    execution_id = await rig.submit(node("A", retry=[{**RULES[0], "respect_retry_after": respects}]))

    await fail_with(rig, "Http.5xx", retry_after_ms=30_000)

    assert await due_in(rig, execution_id) == wait_ms


async def test_what_follows_in_the_end_is_said_beside_the_rules(rig: Rig) -> None:
    retry = {"rules": RULES, "on_exhausted": "continue"}
    execution_id = await rig.submit(node("A", retry=retry), node("B", after=["A"]))

    await fail_with(rig, "HandlerError")

    assert await rig.nodes(execution_id) == {"A": N.FAILED, "B": N.QUEUED}


async def test_lost_and_released_attempts_leave_the_counts_alone(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry=RULES))
    await fail_with(rig, "Http.5xx")
    await rig.advance(1_000)

    await rig.transitions.release_node(await rig.worker.start_one("A"))
    await rig.worker.start_one("A")
    await rig.advance(60_000)

    assert (await fail_with(rig, "Http.5xx")).counts == (1, 0)
    assert await due_in(rig, execution_id) == 2_000


async def test_a_time_limit_its_worker_does_not_keep_counts_for_its_rule(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry=RULES, start_to_close_timeout=5))

    for _ in range(2):
        held = await rig.worker.start_one("A")
        rig.transitions.now_ms = rig.now_ms + 6_000
        await rig.transitions.renew_leases([held], lease_ms=60_000)
        await rig.tick()
        await rig.advance(10_000)

    state = (await rig.engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.reason) == (N.FAILED, Reason.TIMEOUT)
    assert [entry.node_id for entry in (await rig.engine.dead_letters.list()).items] == ["A"]


async def test_a_retry_in_place_begins_to_count_anew(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry=[{**RULES[0], "max_attempts": 2}]))
    await fail_with(rig, "Http.5xx")
    await rig.advance(1_000)
    await fail_with(rig, "Http.5xx")

    await rig.engine.executions.retry(execution_id)
    claim = await fail_with(rig, "Http.5xx")

    assert claim.counts == ()
    assert await rig.nodes(execution_id) == {"A": N.WAITING}


async def test_an_operator_who_resumes_lets_them_count_anew(rig: Rig) -> None:
    retry = {"rules": [{**RULES[0], "max_attempts": 2}], "on_exhausted": "pause"}
    execution_id = await rig.submit(node("A", retry=retry))
    await fail_with(rig, "Http.5xx")
    await rig.advance(1_000)
    await fail_with(rig, "Http.5xx")
    assert await rig.status(execution_id) is ExecutionStatus.PAUSED

    await rig.engine.executions.resume(execution_id, request_id="1")

    assert (await fail_with(rig, "Http.5xx")).counts == ()
    assert await due_in(rig, execution_id) == 1_000


async def test_items_of_a_map_count_each_by_itself(rig: Rig) -> None:
    retry = [{**RULES[0], "max_attempts": 2}]
    execution_id = await rig.submit(node("A", map={"items": [1, 2], "max_concurrency": 1}, retry=retry))
    (task,) = await rig.worker.read()
    claim = await rig.worker.claim(task)
    assert isinstance(claim, Claim)
    await rig.transitions.map_node(held_by(claim), [b"1", b"2"], tolerated=2, stops=False)

    for _ in range(4):
        await fail_with(rig, "Http.5xx")
        await rig.advance(1_000)

    items = (await rig.engine.nodes.items(execution_id, "A", limit=10)).items
    assert [(item.state.status, item.state.tries) for item in items] == [(N.FAILED, 2), (N.FAILED, 2)]


async def test_the_number_of_tries_shown_is_what_all_rules_allow(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", retry=RULES))
    await rig.worker.start_one("A")

    (told,) = await rig.engine.executions.explain(execution_id)

    assert "try 1 of 4" in told.waiting_for


def test_a_policy_of_rules_is_written_as_it_is_read() -> None:
    policy = RetryPolicy.from_dict({"rules": RULES, "on_exhausted": "continue"})

    assert RetryPolicy.from_dict(policy.to_dict()) == policy
    assert RetryPolicy.from_dict(RULES).rules == policy.rules


@pytest.mark.parametrize(
    ("retry", "path", "code"),
    [
        ([], "retry", "wrong_type"),
        ([3], "retry[0]", "wrong_type"),
        ([{"max_attempts": 3}], "retry[0].errors", "missing"),
        ([{"errors": []}], "retry[0].errors", "bad_value"),
        ([{"errors": ["*"], "max_attempts": 0}], "retry[0].max_attempts", "bad_value"),
        ([{"errors": ["*"]}, {"errors": ["*"], "retry_on": ["*"]}], "retry[1].retry_on", "unknown_field"),
        ({"rules": {}}, "retry.rules", "wrong_type"),
        ({"rules": [{"errors": ["*"]}], "max_attempts": 3}, "retry.max_attempts", "unknown_field"),
        ({"rules": [{"errors": ["*"]}], "on_exhausted": "stop"}, "retry.on_exhausted", "bad_value"),
        ([{"errors": ["*"]}] * 33, "retry", "wrong_type"),
    ],
)
def test_what_is_wrong_with_rules_is_named(retry: Any, path: str, code: str) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        RetryPolicy.from_dict(retry)

    assert [(problem.path, problem.code) for problem in refused.value.problems] == [(path, code)]


def test_the_nearest_field_is_named() -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        RetryPolicy.from_dict([{"errors": ["*"], "max_attempt": 3}])

    assert refused.value.problems[0].hint == "did you mean 'max_attempts'?"


@pytest.mark.parametrize(
    ("retry", "extras", "expected"),
    [
        (RULES, {}, []),
        (RULES, {"execution_timeout": 12}, [("dag.nodes[0].retry", "retries_outlast_execution")]),
        (
            [{"errors": ["Http.*"]}, {"errors": ["Http.5xx"]}],
            {},
            [("dag.nodes[0].retry[1]", "rule_never_matches")],
        ),
        (
            {"rules": [{"errors": ["*"], "initial_interval": 90}]},
            {},
            [("dag.nodes[0].retry.rules[0]", "interval_cut")],
        ),
    ],
)  # fmt: skip
def test_rules_that_cannot_be_meant_are_warned_of(
    retry: Any, extras: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    definition = compile_definition(workflow(node("A", retry=retry), **extras), handlers=Catalogue())

    assert [(warning.path, warning.code) for warning in lint(definition)] == expected
