"""A node with a `map` runs once for each item of a list, which may be known only when it runs.

Items run side by side, on all workers, each with its own tries. The output of the node is the list of their
outputs, in the order of the items. `tolerated_failure_count` and `tolerated_failure_percentage` say how
many of them may fail.
"""

from __future__ import annotations

from tests.tour.headrace import Headrace

SQUARES = """
name: squares
inputs: {type: object, properties: {numbers: {type: array}}}
nodes:
  - id: square
    handler: transform
    map: {items: "{{ inputs.numbers }}", item_name: number}
    config: {expression: "{{ number * number }}"}
  - id: total
    handler: transform
    dependencies: [square]
    config: {expression: "{{ square | map(attribute='result') | sum }}"}
"""

#: One of the parts cannot be computed.
PARTS = """
name: parts
nodes:
  - id: divide
    handler: transform
    map: {items: [1, 0, 4], item_name: number, tolerated_failure_count: TOLERATED}
    config: {expression: "{{ 100 / number }}"}
"""


async def test_the_output_is_the_list_of_the_outputs_of_the_items_in_order(headrace: Headrace) -> None:
    execution_id = await headrace.start(SQUARES, numbers=[3, 1, 2])

    assert await headrace.ended(execution_id) == "COMPLETED"
    outputs = await headrace.outputs(execution_id)
    assert outputs["square"] == [{"result": 9}, {"result": 1}, {"result": 4}]
    assert outputs["total"] == {"result": 14}


async def test_each_item_can_be_looked_at(headrace: Headrace) -> None:
    execution_id = await headrace.start(SQUARES, numbers=[5, 6])
    await headrace.ended(execution_id)

    items = (await headrace.get(f"/v1/executions/{execution_id}/nodes/square/items"))["items"]

    assert [(item["index"], item["value"], item["status"]) for item in items] == [
        (0, 5, "COMPLETED"), (1, 6, "COMPLETED"),
    ]  # fmt: skip


async def test_failures_within_the_tolerance_leave_the_node_completed(headrace: Headrace) -> None:
    execution_id = await headrace.start(PARTS.replace("TOLERATED", "1"))

    assert await headrace.ended(execution_id) == "COMPLETED"
    ends = (await headrace.outputs(execution_id))["divide"]
    assert [end["status"] for end in ends] == ["COMPLETED", "FAILED", "COMPLETED"]


async def test_one_failure_too_many_fails_the_node(headrace: Headrace) -> None:
    execution_id = await headrace.start(PARTS.replace("TOLERATED", "0"))

    assert await headrace.ended(execution_id) == "FAILED"
    (node,) = (await headrace.show(execution_id))["nodes"]
    assert node["error"]["type"] == "ItemsFailed"
    assert (node["items"]["completed"], node["items"]["failed"]) == (2, 1)
