"""A condition looks at a value and takes one of two branches; a switch takes one of many.

The branch that is not taken is SKIPPED, and with it what stands behind it alone. A node behind both
branches runs with the one that was taken: by the default trigger rule a join needs one dependency that
completed, and none that failed.
"""

from __future__ import annotations

import pytest

from tests.tour.headrace import Headrace

ORDER = """
name: order
inputs: {type: object, properties: {amount: {type: number}}}
nodes:
  - id: is_large
    handler: condition
    config: {expression: inputs.amount > 100, true_branch: [review], false_branch: [approve]}
  - {id: review, handler: noop, dependencies: [is_large]}
  - {id: approve, handler: noop, dependencies: [is_large]}
  - {id: ship, handler: noop, dependencies: [review, approve]}
"""

MAIL = """
name: mail
inputs: {type: object, properties: {kind: {type: string}}}
nodes:
  - id: sort
    handler: switch
    config: {value: "{{ inputs.kind }}", cases: {invoice: pay, claim: [check, answer]}, default: file}
  - {id: pay, handler: noop, dependencies: [sort]}
  - {id: check, handler: noop, dependencies: [sort]}
  - {id: answer, handler: noop, dependencies: [sort]}
  - {id: file, handler: noop, dependencies: [sort]}
"""


@pytest.mark.parametrize(
    ("amount", "taken", "not_taken"), [(250, "review", "approve"), (50, "approve", "review")]
)
async def test_one_branch_runs_and_the_other_is_skipped(
    headrace: Headrace, amount: int, taken: str, not_taken: str
) -> None:
    execution_id = await headrace.start(ORDER, amount=amount)

    assert await headrace.ended(execution_id) == "COMPLETED"
    statuses = await headrace.statuses(execution_id)
    assert (statuses[taken], statuses[not_taken]) == ("COMPLETED", "SKIPPED")
    assert await headrace.reasons(execution_id) == {not_taken: "branch_not_taken"}


async def test_what_is_behind_both_branches_runs_with_the_one_taken(headrace: Headrace) -> None:
    execution_id = await headrace.start(ORDER, amount=250)

    await headrace.ended(execution_id)
    assert (await headrace.statuses(execution_id))["ship"] == "COMPLETED"


@pytest.mark.parametrize(
    ("kind", "taken"), [("invoice", {"pay"}), ("claim", {"check", "answer"}), ("greeting", {"file"})]
)
async def test_a_switch_takes_the_case_of_its_value(headrace: Headrace, kind: str, taken: set[str]) -> None:
    execution_id = await headrace.start(MAIL, kind=kind)

    assert await headrace.ended(execution_id) == "COMPLETED"
    statuses = await headrace.statuses(execution_id)
    assert {node_id for node_id, status in statuses.items() if status == "COMPLETED"} == {"sort", *taken}
