"""A paused execution starts nothing more: what runs may end, and what becomes ready is held.

Signals and decisions still count meanwhile; only what follows them is held. A resume queues everything that
was held, in the order in which its turn came. A node may also ask for the pause itself: with `on_exhausted:
pause` an execution whose node has used up its tries waits for an operator instead of failing.
"""

from __future__ import annotations

from tests.tour.headrace import Headrace

RELEASE = """
name: release
nodes:
  - {id: tested, handler: wait_for_signal, config: {name: tested}}
  - {id: publish, handler: noop, dependencies: [tested]}
"""

#: Fails once, has one try, and then asks.
FRAGILE = """
name: fragile
nodes:
  - id: import
    handler: unreliable_handler
    config: {fail_times: 1}
    retry: {max_attempts: 1, on_exhausted: pause}
  - {id: report, handler: noop, dependencies: [import]}
"""


async def test_what_becomes_ready_during_a_pause_is_held(headrace: Headrace) -> None:
    execution_id = await headrace.start(RELEASE)
    await headrace.node_is(execution_id, "tested", "WAITING")

    await headrace.post(f"/v1/executions/{execution_id}/pause", by="ann", reason="freeze")
    await headrace.post(f"/v1/executions/{execution_id}/signals/tested")

    view = await headrace.show(execution_id)
    assert (view["status"], view["paused"]["reason"]) == ("PAUSED", "freeze")
    assert await headrace.statuses(execution_id) == {"tested": "COMPLETED", "publish": "PENDING"}
    assert (await headrace.history(execution_id))[-1] == "held publish"


async def test_a_resume_goes_on_where_the_pause_began(headrace: Headrace) -> None:
    execution_id = await headrace.start(RELEASE)
    await headrace.node_is(execution_id, "tested", "WAITING")
    await headrace.post(f"/v1/executions/{execution_id}/pause")
    await headrace.post(f"/v1/executions/{execution_id}/signals/tested")

    await headrace.post(f"/v1/executions/{execution_id}/resume")

    assert await headrace.ended(execution_id) == "COMPLETED"
    assert (await headrace.statuses(execution_id))["publish"] == "COMPLETED"


async def test_a_node_may_ask_for_an_operator_instead_of_failing(headrace: Headrace) -> None:
    execution_id = await headrace.start(FRAGILE)
    await headrace.node_is(execution_id, "import", "WAITING")
    paused = await headrace.show(execution_id)

    await headrace.post(f"/v1/executions/{execution_id}/nodes/import/complete", by="ann", output={"rows": 7})
    await headrace.post(f"/v1/executions/{execution_id}/resume")

    assert paused["status"] == "PAUSED"
    assert await headrace.ended(execution_id) == "COMPLETED"
    assert (await headrace.outputs(execution_id))["import"] == {"rows": 7}
