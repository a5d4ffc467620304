"""A `sub_workflow` node runs another workflow as a child: an execution of its own, with its own history.

The node waits for the end of its child without a worker. Its output is what the child put out. A child that
fails fails the node, and a parent that is cancelled takes its child with it.
"""

from __future__ import annotations

from tests.tour.headrace import Headrace

ORDER = """
name: order
inputs: {type: object, properties: {amount: {type: number}}}
nodes:
  - id: bill
    handler: sub_workflow
    config:
      inputs: {amount: "{{ inputs.amount }}"}
      workflow:
        name: billing
        output: {charged: "{{ charge.result }}"}
        nodes:
          - {id: charge, handler: transform, config: {expression: "{{ 100 / inputs.amount }}"}}
  - {id: thank, handler: transform, dependencies: [bill], config: {expression: "{{ bill.charged }}"}}
"""

#: A child that waits.
PATIENT = """
name: patient
nodes:
  - id: child
    handler: sub_workflow
    config: {workflow: {name: waiting, nodes: [{id: wait, handler: wait_for_signal, config: {name: go}}]}}
"""


async def child_of(headrace: Headrace, execution_id: str) -> dict[str, str]:
    (child,) = (await headrace.get(f"/v1/executions/{execution_id}/children"))["items"]
    found: dict[str, str] = child
    return found


async def test_the_output_of_the_child_is_that_of_its_node(headrace: Headrace) -> None:
    execution_id = await headrace.start(ORDER, amount=4)

    assert await headrace.ended(execution_id) == "COMPLETED"
    assert await headrace.outputs(execution_id) == {"bill": {"charged": 25.0}, "thank": {"result": 25.0}}


async def test_parent_and_child_know_each_other(headrace: Headrace) -> None:
    execution_id = await headrace.start(ORDER, amount=4)
    await headrace.ended(execution_id)

    child = await headrace.show((await child_of(headrace, execution_id))["execution_id"])

    assert (child["name"], child["status"]) == ("billing", "COMPLETED")
    assert (child["parent"]["execution_id"], child["parent"]["node_id"]) == (execution_id, "bill")


async def test_a_child_that_fails_fails_its_node(headrace: Headrace) -> None:
    execution_id = await headrace.start(ORDER, amount=0)

    assert await headrace.ended(execution_id) == "FAILED"
    bill = await headrace.get(f"/v1/executions/{execution_id}/nodes/bill")
    assert bill["error"]["type"] == "ChildFailed"
    assert "charge" in bill["error"]["message"]


async def test_a_cancel_of_the_parent_reaches_the_child(headrace: Headrace) -> None:
    execution_id = await headrace.start(PATIENT)
    await headrace.node_is(execution_id, "child", "WAITING")
    child_id = (await child_of(headrace, execution_id))["execution_id"]

    await headrace.post(f"/v1/executions/{execution_id}/cancel")

    assert await headrace.ended(execution_id) == "CANCELLED"
    assert await headrace.ended(child_id) == "CANCELLED"
