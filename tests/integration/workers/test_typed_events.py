"""Typed events of real handlers: in the history before they go on, in order, none lost, none twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from orchestrator.engine import Engine
from orchestrator.states import ExecutionStatus
from orchestrator.store import transitions as verbs
from tests.fake_handlers import Stage, ended, start
from tests.makers import WorkerFleet, node
from workers.context import HandlerContext, Toolbox
from workers.outcome import Retryable, Terminal
from workers.registry import handler

E = ExecutionStatus
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
INTERFACE = {
    "events": {"Step": {"schema": NUMBER, "types": ["Base"], "qualified_name": "app.Step"}, "Free": {}},
    "stop": {"name": "Out", "schema": NUMBER},
}


@pytest.fixture
def emitters(stage: Stage) -> list[Any]:
    """Handlers that emit; the list takes what they see."""
    seen: list[Any] = []
    _register_those_that_emit()
    _register_those_that_go_on(stage, seen)
    return seen


def _register_those_that_emit() -> None:
    @handler("test_emit")
    async def emit(config: Mapping[str, Any], context: HandlerContext) -> None:
        """Log, stream and emit in turn."""
        for number in range(config.get("count", 3)):
            context.log(f"before {number}")
            context.token(f"text {number} ")
            await context.emit("Step", {"n": number})

    @handler("test_emit_without_waiting")
    async def without_waiting(config: Mapping[str, Any], context: HandlerContext) -> None:
        for number in range(config["count"]):
            context.emit("Step", {"n": number})
        if config.get("fails"):
            raise Terminal("after all")

    @handler("test_emit_in_a_thread")
    def in_a_thread(config: Mapping[str, Any], context: HandlerContext) -> None:
        for number in range(3):
            context.log(f"before {number}")
            context.emit("Step", {"n": number})

    @handler("test_emit_and_fail_once")
    async def fail_once(config: Mapping[str, Any], context: HandlerContext) -> None:
        await context.emit("Step", {"n": context.attempt})
        if context.attempt == 1:
            raise Retryable("once more")

    @handler("test_emit_secret", secrets=("key",))
    async def secret(config: Mapping[str, Any], context: HandlerContext) -> None:
        await context.emit("Step", {config["key"]: [f"it is {config['key']}"]})


def _register_those_that_go_on(stage: Stage, seen: list[Any]) -> None:
    @handler("test_emit_and_go_on")
    async def go_on(config: Mapping[str, Any], context: HandlerContext) -> None:
        """Go on whatever becomes of the event."""
        try:
            await context.emit("Step", {"n": config["n"]})
        except Terminal as error:
            seen.append(error.error_type)

    @handler("test_emit_later")
    async def later(config: Mapping[str, Any], context: HandlerContext) -> None:
        """Leave a task behind that emits when the attempt is over."""

        async def emit() -> None:
            await stage.may_go_on.wait()
            try:
                await context.emit("Step", {"n": 1})
            except Terminal as error:
                seen.append(str(error))

        seen.append(asyncio.create_task(emit()))


async def history(engine: Engine, execution_id: str) -> list[tuple[str, Any]]:
    """What handlers said: type, and value, message or text."""
    found = []
    for event in await engine.events.list(execution_id, limit=100_000):
        if event.type in ("node.event", "node.log", "node.token"):
            data = orjson.loads(event.data)
            found.append((event.type, data.get("value") or data.get("message") or data.get("text")))
    return found


async def events(engine: Engine, execution_id: str) -> list[dict[str, Any]]:
    rows = await engine.events.list(execution_id, limit=100_000)
    return [orjson.loads(row.data) for row in rows if row.type == "node.event"]


async def error_of(engine: Engine, execution_id: str, node_id: str = "A") -> dict[str, Any]:
    state = (await engine.nodes.get(execution_id, node_id)).state
    assert state.error is not None
    return state.error


async def test_events_stand_in_their_place_among_all_that_was_said(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any]
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_emit"))

    assert await ended(engine, execution_id) is E.COMPLETED
    assert await history(engine, execution_id) == [
        (type, value)
        for number in range(3)
        for type, value in (
            ("node.log", f"before {number}"),
            ("node.token", f"text {number} "),
            ("node.event", {"n": number}),
        )
    ]
    (first, *_) = await events(engine, execution_id)
    assert first == {
        "value": {"n": 0},
        "types": None,
        "type": "Step",
        "qualified_name": None,
        "internal": False,
    }


@pytest.mark.parametrize("name", ["test_emit_without_waiting", "test_emit_in_a_thread"])
async def test_events_that_no_handler_awaits_are_written_all_the_same(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any], name: str
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler=name, config={"count": 3}))

    assert await ended(engine, execution_id) is E.COMPLETED
    assert [event["value"] for event in await events(engine, execution_id)] == [{"n": 0}, {"n": 1}, {"n": 2}]
    last = (await engine.events.list(execution_id))[-2]
    assert last.type == "node.completed"


async def test_events_of_an_attempt_that_fails_are_written_before_its_end(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any]
) -> None:
    await fleet.start()
    config = {"count": 2, "fails": True}

    execution_id = await start(engine, node("A", handler="test_emit_without_waiting", config=config))

    assert await ended(engine, execution_id) is E.FAILED
    types = [event.type for event in await engine.events.list(execution_id)]
    assert types[-4:] == ["node.event", "node.event", "node.failed", "execution.failed"]


async def test_each_attempt_emits_its_own_events(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any]
) -> None:
    await fleet.start()
    retry = {"max_attempts": 2, "initial_interval": 0.001}

    execution_id = await start(engine, node("A", handler="test_emit_and_fail_once", retry=retry))

    assert await ended(engine, execution_id) is E.COMPLETED
    rows = [row for row in await engine.events.list(execution_id) if row.type == "node.event"]
    assert [(row.attempt, orjson.loads(row.data)["value"]) for row in rows] == [(1, {"n": 1}), (2, {"n": 2})]


async def test_items_of_a_map_emit_as_items(engine: Engine, fleet: WorkerFleet, emitters: list[Any]) -> None:
    await fleet.start()
    mapped = node("A", handler="emit", map={"items": [1, 2, 3]}) | {
        "config": {"type": "Step", "value": {"n": "{{ item }}"}}
    }

    execution_id = await start(engine, mapped)

    assert await ended(engine, execution_id) is E.COMPLETED
    rows = [row for row in await engine.events.list(execution_id) if row.type == "node.event"]
    values = {row.item: orjson.loads(row.data)["value"]["n"] for row in rows}
    assert values == {0: 1, 1: 2, 2: 3}


@pytest.mark.parametrize("name", ["test_emit", "test_emit_without_waiting"])
async def test_one_too_many_fails_the_unit_and_what_was_kept_stays(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _allow(monkeypatch, 5)
    await fleet.start()
    retry = {"max_attempts": 5}

    execution_id = await start(engine, node("A", handler=name, config={"count": 6}, retry=retry))

    assert await ended(engine, execution_id) is E.FAILED
    assert (await error_of(engine, execution_id))["type"] == "EventsExceeded"
    assert (await engine.nodes.get(execution_id, "A")).state.tries == 1
    kept = await events(engine, execution_id)
    assert [event["value"]["n"] for event in kept] == [0, 1, 2, 3, 4]


async def test_a_handler_cannot_pass_over_an_event_that_was_too_many(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _allow(monkeypatch, 0)
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_emit_and_go_on", config={"n": 1}))

    assert await ended(engine, execution_id) is E.FAILED
    assert (await error_of(engine, execution_id))["type"] == "EventsExceeded"
    assert emitters == ["EventsExceeded"]


async def test_log_lines_never_fail_an_attempt_whatever_became_of_events(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _allow(monkeypatch, 0)
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_report"))

    assert await ended(engine, execution_id) is E.COMPLETED


async def test_an_attempt_that_is_over_emits_nothing_more(
    engine: Engine, fleet: WorkerFleet, stage: Stage, emitters: list[Any]
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_emit_later"))
    assert await ended(engine, execution_id) is E.COMPLETED
    stage.may_go_on.set()
    await emitters[0]

    assert emitters[1:] == ["the attempt has ended: it can emit nothing more"]
    assert await events(engine, execution_id) == []


async def test_secrets_are_taken_out_of_events(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any]
) -> None:
    await fleet.start(tools=Toolbox(secrets={"KEY": "correct horse"}))

    execution_id = await start(
        engine, node("A", handler="test_emit_secret", config={"key": "{{ secrets.KEY }}"})
    )

    assert await ended(engine, execution_id) is E.COMPLETED
    (event,) = await events(engine, execution_id)
    assert event["value"] == {"***": ["it is ***"]}


async def test_what_is_declared_of_a_type_fills_in_its_events_and_checks_them(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any]
) -> None:
    await fleet.start()
    good = node("A", handler="emit") | {"config": {"type": "Step", "value": {"n": 7}}}
    free = node("B", after=["A"], handler="emit") | {"config": {"type": "Free", "value": "anything"}}
    unknown = node("C", after=["B"], handler="emit") | {"config": {"type": "Other"}}
    bad = node("D", after=["C"], handler="emit") | {"config": {"type": "Step", "value": {"n": "seven"}}}

    execution_id = await start(engine, good, free, unknown, bad, interface=INTERFACE)

    assert await ended(engine, execution_id) is E.FAILED
    kept = await events(engine, execution_id)
    assert [(each["type"], each["types"], each["qualified_name"]) for each in kept] == [
        ("Step", ["Base"], "app.Step"),
        ("Free", None, None),
        ("Other", None, None),
    ]  # fmt: skip
    error = await error_of(engine, execution_id, "D")
    assert (error["type"], error["retryable"]) == ("EventInvalid", False)
    assert "event 'Step' does not fit the schema that the interface declares: 'value.n'" in error["message"]
    assert [each["path"] for each in error["details"]["problems"]] == ["value.n"]


@pytest.mark.parametrize(("output", "status"), [({"n": 1}, E.COMPLETED), ({"n": "one"}, E.FAILED)])
async def test_the_output_has_to_be_a_value_of_the_stop(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any], output: Any, status: ExecutionStatus
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A"), interface=INTERFACE, output=output)

    assert await ended(engine, execution_id) is status
    view = await engine.executions.get(execution_id)
    if status is E.COMPLETED:
        assert orjson.loads(view.output or b"") == output
    else:
        assert view.output_error is not None
        assert view.output_error["type"] == "OutputInvalid"
        assert "'output.n' must be" in view.output_error["message"]


async def test_what_cannot_be_read_of_the_interface_is_tried_again(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await fleet.start()
    reads: list[str] = []
    read = worker.store.interfaces.read

    async def lost_once(*where: str) -> Any:
        reads.append(where[2])
        return None if len(reads) == 1 else await read(*where)

    monkeypatch.setattr(worker.store.interfaces, "read", lost_once)
    emits = node("A", handler="emit", retry={"max_attempts": 2, "initial_interval": 0.001})

    execution_id = await start(
        engine, emits | {"config": {"type": "Step", "value": {"n": 1}}}, node("B", after=["A"]),
        interface=INTERFACE,
    )  # fmt: skip

    assert await ended(engine, execution_id) is E.COMPLETED
    assert len(reads) == 2
    assert len(await events(engine, execution_id)) == 1


def _allow(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let executions keep fewer typed events."""
    report = verbs.Transitions.report_events

    def reported(self: Any, token: Any, lines: Any, **limits: Any) -> Any:
        return report(self, token, lines, **{"events_allowed": most} | limits)

    monkeypatch.setattr(verbs.Transitions, "report_events", reported)
