"""Signals whose name the interface declares as an event are checked by it, whoever waits for them."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import ExecutionNotFound, InvalidTransition, PayloadInvalid
from tests.integration.handler_steps import act
from tests.integration.waiting_nodes import key, output, wait
from tests.makers import Rig, node

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
INTERFACE = {"events": {"go": {"schema": NUMBER}, "free": {}}}
LARGE = {"type": "object", "properties": {"n": {"minimum": 10}}}


async def refusal(rig: Rig, execution_id: str, payload: Any, name: str = "go") -> list[str]:
    with pytest.raises(PayloadInvalid) as refused:
        await rig.engine.signals.send(execution_id, name, payload)
    return [problem.path for problem in refused.value.problems]


async def test_a_payload_is_checked_where_no_node_waits_nor_ever_will(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), interface=INTERFACE)
    before = await rig.dump()

    assert await refusal(rig, execution_id, {"n": "one"}) == ["payload.n"]
    assert await rig.dump() == before
    taken = [await rig.engine.signals.send(execution_id, name, 7) for name in ("free", "unknown")]
    good = await rig.engine.signals.send(execution_id, "go", {"n": 1})
    assert [each.nodes for each in (*taken, good)] == [0, 0, 0]


async def test_a_payload_has_to_fit_what_is_declared_and_what_the_node_asks_for(rig: Rig) -> None:
    execution_id = await rig.submit(wait(schema=LARGE), interface=INTERFACE)
    await act(rig)

    assert await refusal(rig, execution_id, {"n": "one"}) == ["payload.n"]
    assert await refusal(rig, execution_id, {"n": 1}) == ["payload.n"]
    await rig.engine.signals.send(execution_id, "go", {"n": 10})

    assert await output(rig, execution_id) == {"n": 10}


async def test_a_signal_that_was_taken_is_answered_again(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), interface=INTERFACE)
    await rig.engine.signals.send(execution_id, "go", {"n": 1}, idempotency=key("once"))

    again = await rig.engine.signals.send(execution_id, "go", {"n": 1}, idempotency=key("once"))

    assert again.replayed


async def test_other_refusals_come_first(rig: Rig) -> None:
    execution_id = await rig.submit(wait(), interface=INTERFACE)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="r")

    with pytest.raises(InvalidTransition):
        await rig.engine.signals.send(execution_id, "go", {"n": "one"})
    with pytest.raises(ExecutionNotFound):
        await rig.engine.signals.send("01900000-0000-7000-8000-000000000000", "go", {"n": "one"})
