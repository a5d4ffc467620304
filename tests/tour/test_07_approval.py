"""An `approval` node asks people to decide, and waits for their answer without a worker.

`/v1/approvals` lists what is open. A decision names who made it, and carries the hash of what was shown, so
that nobody can approve something that has changed meanwhile. A denial is an answer, not a failure: the
nodes behind look at the decision. With a `timeout`, `on_timeout` may decide.
"""

from __future__ import annotations

from tests.tour.headrace import Headrace

REFUND = """
name: refund
inputs: {type: object, properties: {amount: {type: number}}}
nodes:
  - id: ask
    handler: approval
    config: {prompt: "Refund {{ inputs.amount }}?", assignees: [jane, bob], timeout: 1h, on_timeout: deny}
  - {id: pay, handler: noop, dependencies: [ask], when: "{{ ask.decision == 'approve' }}"}
  - {id: decline, handler: noop, dependencies: [ask], when: "{{ ask.decision == 'deny' }}"}
"""


async def decide(headrace: Headrace, execution_id: str, decision: str, by: str) -> None:
    """Look at the question, then answer it."""
    asked = await headrace.get(f"/v1/approvals/{execution_id}/ask")
    await headrace.post(
        f"/v1/executions/{execution_id}/approvals/ask", decision=decision, by=by, shown=asked["shown"]
    )


async def test_what_waits_for_a_decision_is_listed(headrace: Headrace) -> None:
    execution_id = await headrace.start(REFUND, amount=250)
    await headrace.node_is(execution_id, "ask", "WAITING")

    (asked,) = (await headrace.get("/v1/approvals"))["items"]

    assert (asked["execution_id"], asked["node_id"]) == (execution_id, "ask")
    assert (asked["prompt"], asked["assignees"]) == ("Refund 250?", ["jane", "bob"])


async def test_an_approval_lets_the_work_go_on(headrace: Headrace) -> None:
    execution_id = await headrace.start(REFUND, amount=250)
    await headrace.node_is(execution_id, "ask", "WAITING")

    await decide(headrace, execution_id, "approve", by="jane")

    assert await headrace.ended(execution_id) == "COMPLETED"
    assert (await headrace.outputs(execution_id))["ask"]["by"] == "jane"
    assert (await headrace.statuses(execution_id))["pay"] == "COMPLETED"


async def test_a_denial_is_an_answer_and_no_failure(headrace: Headrace) -> None:
    execution_id = await headrace.start(REFUND, amount=250)
    await headrace.node_is(execution_id, "ask", "WAITING")

    await decide(headrace, execution_id, "deny", by="bob")

    assert await headrace.ended(execution_id) == "COMPLETED"
    assert await headrace.statuses(execution_id) == {
        "ask": "COMPLETED", "pay": "SKIPPED", "decline": "COMPLETED",
    }  # fmt: skip


async def test_when_time_is_up_the_definition_decides(headrace: Headrace) -> None:
    execution_id = await headrace.start(REFUND, amount=250)
    await headrace.node_is(execution_id, "ask", "WAITING")

    await headrace.let_pass(minutes=60)

    assert await headrace.ended(execution_id) == "COMPLETED"
    decision = (await headrace.outputs(execution_id))["ask"]
    assert (decision["decision"], decision["by"], decision["timed_out"]) == ("deny", None, True)
