"""A `wait_for_signal` node waits for a message from outside, for as long as it takes, without a worker.

A signal has a name and a payload, which becomes the output of the node. It may come before anything waits
for it: then it is kept for the first node that will. With a `timeout`, the wait may fail, go on, or take
another branch.
"""

from __future__ import annotations

from tests.tour.headrace import Headrace

PAYMENT = """
name: payment
nodes:
  - id: paid
    handler: wait_for_signal
    config: {name: paid, timeout: 1h, on_timeout: branch, received_branch: [ship], timeout_branch: [remind]}
  - {id: ship, handler: transform, dependencies: [paid], config: {expression: "{{ paid.sum }}"}}
  - {id: remind, handler: noop, dependencies: [paid]}
"""


async def test_the_payload_of_the_signal_becomes_the_output_of_the_node(headrace: Headrace) -> None:
    execution_id = await headrace.start(PAYMENT)
    await headrace.node_is(execution_id, "paid", "WAITING")

    sent = await headrace.post(f"/v1/executions/{execution_id}/signals/paid", payload={"sum": 250})

    assert (sent["nodes"], sent["kept"]) == (1, False)
    assert await headrace.ended(execution_id) == "COMPLETED"
    outputs = await headrace.outputs(execution_id)
    assert (outputs["paid"], outputs["ship"]) == ({"sum": 250}, {"result": 250})


async def test_a_signal_that_comes_first_is_kept(headrace: Headrace) -> None:
    made = await headrace.post("/v1/executions", definition=PAYMENT)
    execution_id = made["execution_id"]

    sent = await headrace.post(f"/v1/executions/{execution_id}/signals/paid", payload={"sum": 99})
    await headrace.post(f"/v1/executions/{execution_id}/trigger")

    assert (sent["nodes"], sent["kept"]) == (0, True)
    assert await headrace.ended(execution_id) == "COMPLETED"
    assert (await headrace.outputs(execution_id))["ship"] == {"result": 99}


async def test_when_no_signal_comes_in_time_the_other_branch_is_taken(headrace: Headrace) -> None:
    execution_id = await headrace.start(PAYMENT)
    await headrace.node_is(execution_id, "paid", "WAITING")

    await headrace.let_pass(minutes=60)

    assert await headrace.ended(execution_id) == "COMPLETED"
    assert await headrace.statuses(execution_id) == {
        "paid": "COMPLETED", "ship": "SKIPPED", "remind": "COMPLETED",
    }  # fmt: skip
