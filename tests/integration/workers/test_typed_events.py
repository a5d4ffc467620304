"""Typed events of real handlers: in the history before they go on, in order, none lost, none twice."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from headrace.backoff import Backoff
from orchestrator.engine import Engine
from orchestrator.states import ExecutionStatus
from orchestrator.store import script_client
from orchestrator.store import transitions as verbs
from tests.fake_handlers import Stage, ended, start
from tests.integration.emitters import error_of, events, register_emitters
from tests.makers import WorkerFleet, node
from workers.context import Toolbox

E = ExecutionStatus


@pytest.fixture
def emitters(stage: Stage) -> list[Any]:
    return register_emitters(stage)


async def history(engine: Engine, execution_id: str) -> list[tuple[str, Any]]:
    """What handlers said: type, and value, message or text."""
    found = []
    for event in await engine.events.list(execution_id, limit=100_000):
        if event.type in ("node.event", "node.log", "node.token"):
            data = orjson.loads(event.data)
            found.append((event.type, data.get("value") or data.get("message") or data.get("text")))
    return found


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


async def test_events_that_no_handler_awaits_are_written_all_the_same(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any]
) -> None:
    await fleet.start()

    execution_id = await start(engine, node("A", handler="test_emit_without_waiting", config={"count": 3}))

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


@pytest.mark.parametrize("name", ["test_emit", "test_emit_without_waiting"])
async def test_events_whose_answer_is_lost_are_sent_again_and_written_once(
    engine: Engine, fleet: WorkerFleet, emitters: list[Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    worker = await fleet.start()
    monkeypatch.setattr(script_client, "RESEND", Backoff(first_s=0.001, most_s=0.001))
    send, lost = worker.transitions._send, 0

    async def losing(calls: Any) -> Any:
        nonlocal lost
        answers = await send(calls)
        # What nobody waits for goes along with the end.
        if any(call.name in ("report_events", "end_nodes") for call in calls) and lost < 5:
            lost += 1
            raise RedisConnectionError("the answer is lost")
        return answers

    monkeypatch.setattr(worker.transitions, "_send", losing)

    execution_id = await start(engine, node("A", handler=name, config={"count": 3}))

    assert await ended(engine, execution_id) is E.COMPLETED
    await fleet.stop_all()
    assert [event["value"]["n"] for event in await events(engine, execution_id)] == [0, 1, 2]
    assert lost == 5


async def test_an_event_of_a_worker_that_is_lost_stays_and_what_it_emits_later_is_refused(
    engine: Engine, fleet: WorkerFleet, stage: Stage, emitters: list[Any]
) -> None:
    worker = await fleet.start()

    execution_id = await start(engine, node("A", handler="test_emit_around_a_loss"))
    await stage.started.wait()
    (token,) = worker.attempts.running
    await engine.transitions.release_node(token)
    stage.may_go_on.set()
    assert await ended(engine, execution_id) is E.COMPLETED

    rows = [row for row in await engine.events.list(execution_id) if row.type == "node.event"]
    assert [(row.attempt, orjson.loads(row.data)["value"]) for row in rows] == [
        (1, "before"),
        (2, "before"),
        (2, "after"),
    ]
    assert emitters == ["LeaseLost"]


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


def _allow(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """Let executions keep fewer typed events."""
    report = verbs.Transitions.report_events

    def reported(self: Any, token: Any, lines: Any, **limits: Any) -> Any:
        return report(self, token, lines, **{"events_allowed": most} | limits)

    monkeypatch.setattr(verbs.Transitions, "report_events", reported)
