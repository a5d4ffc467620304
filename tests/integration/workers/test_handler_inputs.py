"""What a handler of the user's reads by `context.inputs`, whether its config names an input or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from headrace import registration
from orchestrator.states import ExecutionStatus
from tests.integration.execution_ends import ended
from tests.makers import Rig, WorkerFleet, node, workflow
from workers.context import HandlerContext


@pytest.fixture(autouse=True)
def _reads() -> Iterator[None]:
    @registration.handler("test_reads")
    async def reads(config: dict[str, Any], context: HandlerContext) -> Any:
        return dict(context.inputs)

    yield
    registration.HANDLER_REGISTRY.pop("test_reads", None)


async def started(rig: Rig, document: dict[str, Any], inputs: dict[str, Any]) -> str:
    done = await rig.engine.executions.submit(document, trigger=True, inputs=inputs)
    return done.execution_id


async def test_a_handler_has_all_inputs_with_their_defaults(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    schema = {"type": "object", "properties": {"n": {"type": "integer"}, "m": {"default": 7}}}
    document = workflow(
        node("plain", handler="test_reads"),
        node("each", handler="test_reads", map={"items": [1, 2]}),
        inputs=schema,
    )
    execution_id = await started(rig, document, {"n": 4})

    assert await ended(rig, execution_id) is ExecutionStatus.COMPLETED
    results = await rig.engine.executions.results(execution_id)
    assert orjson.loads(results["plain"] or b"") == {"n": 4, "m": 7}
    assert orjson.loads(results["each"] or b"") == [{"n": 4, "m": 7}] * 2


async def test_new_inputs_of_a_fork_run_what_may_have_read_them(rig: Rig, fleet: WorkerFleet) -> None:
    await fleet.start()
    document = workflow(node("noop"), node("own", handler="test_reads"))
    source_id = await started(rig, document, {"n": 1})
    await ended(rig, source_id)

    planned = await rig.engine.executions.fork(source_id, inputs={"n": 2}, preview=True)

    assert (list(planned.nodes), list(planned.reused)) == (["own"], ["noop"])
