"""A node that fails is tried again as its `retry` policy says, after a pause that grows with every try.

Between two tries the node is WAITING on a durable timer, and no worker is held. When the tries are used up
the node is FAILED; the nodes behind it are skipped, and the execution fails, unless the failure was
foreseen: `catch` names a node that takes over.
"""

from __future__ import annotations

from tests.tour.headrace import Headrace

#: The charge fails twice. Pauses are one minute, then two.
CHARGE = """
name: charge
nodes:
  - id: charge
    handler: unreliable_handler
    config: {fail_times: 2}
    retry: {max_attempts: 3, initial_interval: 1m, maximum_interval: 1h, backoff_coefficient: 2, jitter: none}
  - {id: ship, handler: noop, dependencies: [charge]}
"""

TOO_FEW_TRIES = CHARGE.replace("max_attempts: 3", "max_attempts: 2")

#: The same with one try, and with a node that takes over.
CAUGHT = """
name: caught
nodes:
  - id: charge
    handler: unreliable_handler
    config: {fail_times: 1}
    catch: [{errors: ["*"], goto: apologise}]
  - {id: ship, handler: noop, dependencies: [charge]}
  - id: apologise
    handler: transform
    dependencies: [charge]
    config: {expression: "{{ charge.error.message }}"}
"""


async def test_a_failed_node_is_tried_again_after_its_pause(headrace: Headrace) -> None:
    execution_id = await headrace.start(CHARGE)

    for minutes in (1, 2):
        await headrace.node_is(execution_id, "charge", "WAITING")
        await headrace.let_pass(minutes=minutes)

    assert await headrace.ended(execution_id) == "COMPLETED"
    assert (await headrace.history(execution_id)).count("started charge") == 3


async def test_the_second_pause_is_twice_as_long(headrace: Headrace) -> None:
    execution_id = await headrace.start(CHARGE)
    await headrace.node_is(execution_id, "charge", "WAITING")
    await headrace.let_pass(minutes=1)
    await headrace.node_is(execution_id, "charge", "WAITING")

    await headrace.let_pass(minutes=1)

    assert (await headrace.statuses(execution_id))["charge"] == "WAITING"


async def test_a_node_without_tries_left_fails_and_what_is_behind_it_is_skipped(headrace: Headrace) -> None:
    execution_id = await headrace.start(TOO_FEW_TRIES)
    await headrace.node_is(execution_id, "charge", "WAITING")

    await headrace.let_pass(minutes=1)

    assert await headrace.ended(execution_id) == "FAILED"
    assert await headrace.statuses(execution_id) == {"charge": "FAILED", "ship": "SKIPPED"}
    assert (await headrace.reasons(execution_id))["ship"] == "upstream_failed"


async def test_a_failure_that_is_caught_does_not_fail_the_execution(headrace: Headrace) -> None:
    execution_id = await headrace.start(CAUGHT)

    assert await headrace.ended(execution_id) == "COMPLETED"
    assert await headrace.statuses(execution_id) == {
        "charge": "FAILED", "ship": "SKIPPED", "apologise": "COMPLETED",
    }  # fmt: skip
