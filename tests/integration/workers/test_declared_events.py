"""What an interface declares of events and of the output is checked by real workers."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.engine import Engine
from orchestrator.states import ExecutionStatus
from tests.fake_handlers import ended, start
from tests.integration.emitters import error_of, events
from tests.makers import WorkerFleet, node

E = ExecutionStatus
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
INTERFACE = {
    "events": {"Step": {"schema": NUMBER, "types": ["Base"], "qualified_name": "app.Step"}, "Free": {}},
    "stop": {"name": "Out", "schema": NUMBER},
}


async def test_what_is_declared_of_a_type_fills_in_its_events_and_checks_them(
    engine: Engine, fleet: WorkerFleet
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
    engine: Engine, fleet: WorkerFleet, output: Any, status: ExecutionStatus
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
    engine: Engine, fleet: WorkerFleet, monkeypatch: pytest.MonkeyPatch
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
