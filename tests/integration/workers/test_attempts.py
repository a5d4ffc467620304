"""What an attempt comes to, run by the real worker: outputs, errors, skips, and what the handler is told."""

from __future__ import annotations

import orjson
import pytest

from orchestrator.engine import Engine
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from tests.fake_handlers import Stage, ended, start
from tests.makers import WorkerFleet, node

E, N = ExecutionStatus, NodeStatus


@pytest.mark.parametrize(
    ("what", "error_type", "message"),
    [
        ("ValueError", "HandlerError", "ValueError: no such value"),
        ("Terminal", "Mine.Terminal", "never"),
        ("Retryable", "Mine.Retryable", "later"),
        ("Cancelled", "HandlerError", "the handler let a cancellation of its own escape"),
    ],
)
async def test_what_a_handler_raises_is_the_nodes_error(
    engine: Engine, fleet: WorkerFleet, what: str, error_type: str, message: str
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_raise", config={"what": what}))

    assert await ended(engine, execution_id) is E.FAILED
    state = (await engine.nodes.get(execution_id, "A")).state
    assert state.error is not None
    assert (state.reason, state.error["type"], state.error["message"]) == (Reason.ERROR, error_type, message)
    assert state.error["attempt"] == 1


async def test_a_handler_that_finds_nothing_to_do_skips_its_node(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_raise", config={"what": "Skip"}))

    assert await ended(engine, execution_id) is E.COMPLETED
    state = (await engine.nodes.get(execution_id, "A")).state
    assert (state.status, state.reason) == (N.SKIPPED, Reason.HANDLER_SKIPPED)


@pytest.mark.parametrize(
    ("what", "error_type"),
    [("nan", "HandlerError"), ("bytes", "HandlerError"), ("large", "OutputTooLarge")],
)
async def test_an_output_that_cannot_be_kept_is_a_failed_attempt(
    engine: Engine, fleet: WorkerFleet, what: str, error_type: str
) -> None:
    await fleet.start(output_max_bytes=1_000)

    execution_id = await start(engine, node("A", handler="test_return", config={"what": what}))

    assert await ended(engine, execution_id) is E.FAILED
    found = await engine.nodes.get(execution_id, "A")
    state, output = found.state, found.output
    assert state.error is not None
    assert (state.error["type"], output) == (error_type, None)


async def test_any_json_value_is_an_output(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()

    execution_id = await start(
        engine,
        node("A", handler="test_return", config={"what": "text"}),
        node("B", handler="test_return", config={"what": "nothing"}),
    )

    assert await ended(engine, execution_id) is E.COMPLETED
    assert await engine.executions.results(execution_id) == {"A": b'"plain"', "B": b"null"}


async def test_a_false_when_skips_without_a_handler_call(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start()

    execution_id = await start(
        engine, node("A", handler="test_raise", config={"what": "ValueError"}, when="{{ 1 > 2 }}")
    )

    assert await ended(engine, execution_id) is E.COMPLETED
    state = (await engine.nodes.get(execution_id, "A")).state
    assert (state.reason, stage.calls) == (Reason.CONDITION_FALSE, [])


async def test_a_reference_that_cannot_be_resolved_fails_the_node(engine: Engine, fleet: WorkerFleet) -> None:
    await fleet.start()

    execution_id = await start(
        engine, node("A"), node("B", after=["A"], config={"text": "{{ A.nowhere.to_be }}"})
    )

    assert await ended(engine, execution_id) is E.FAILED
    state = (await engine.nodes.get(execution_id, "B")).state
    assert state.error is not None
    assert state.error["type"] == "TemplateError"
    assert "'B'" in state.error["message"]


async def test_an_attempt_that_takes_too_long_is_stopped(
    engine: Engine, fleet: WorkerFleet, stage: Stage
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_wait", start_to_close_timeout=0.05))

    assert await ended(engine, execution_id) is E.FAILED
    state = (await engine.nodes.get(execution_id, "A")).state
    assert state.error is not None
    assert (state.reason, state.error["type"]) == (Reason.TIMEOUT, "Timeout.StartToClose")
    assert stage.was_cancelled


async def test_a_handler_knows_its_try_and_a_key_that_all_tries_share(
    engine: Engine, fleet: WorkerFleet
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_report"))

    assert await ended(engine, execution_id) is E.COMPLETED
    output = (await engine.executions.results(execution_id))["A"]
    assert output is not None
    assert orjson.loads(output) == {"key": f"{execution_id}:A", "try": 1}


async def test_what_a_handler_logs_and_reports_becomes_history_once_and_in_order(
    engine: Engine, fleet: WorkerFleet
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_report"))

    assert await ended(engine, execution_id) is E.COMPLETED
    events = [event for event in await engine.events.list(execution_id) if event.node_id == "A"]
    logged = [orjson.loads(event.data)["message"] for event in events if event.type == "node.log"]
    assert logged == [f"line {number}" for number in range(5)]
    assert [event.type for event in events][-2:] == ["node.progress", "node.completed"]
