"""A container node on a real worker: its lines in the history, and no container without an attempt."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
import pytest

from clients.containers.spec import ContainerSettings
from orchestrator.engine import Engine
from orchestrator.loops import leases
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.fake_handlers import ended, start
from tests.makers import WorkerFleet, node, until
from tests.unit.clients.containers.fake_engine import FakeContainer, FakeEngine, idle, running_engine
from workers.context import Toolbox

E, N = ExecutionStatus, NodeStatus
TOOL = {"image": "tool:1"}


@pytest.fixture
async def docker() -> AsyncIterator[FakeEngine]:
    async with running_engine() as made:
        yield made


def tools(docker: FakeEngine) -> Toolbox:
    return Toolbox(container_settings=ContainerSettings(engine_url=docker.url))


async def test_what_a_container_says_is_in_the_history_and_its_answer_is_the_output(
    engine: Engine, fleet: WorkerFleet, docker: FakeEngine
) -> None:
    async def answer(container: FakeContainer) -> int:
        await container.write(b"reading\n", 2)
        await container.write(await container.read())
        return 0

    docker.program = answer
    await fleet.start(tools=tools(docker))

    execution_id = await start(engine, node("A", handler="container", config={**TOOL, "input": {"n": 1}}))

    assert await ended(engine, execution_id) is E.COMPLETED
    output = orjson.loads((await engine.executions.results(execution_id))["A"] or b"null")
    lines = [event for event in await engine.events.list(execution_id) if event.type == "node.log"]
    assert output["output"] == {"n": 1}
    assert len(lines) == 2
    assert not docker.containers


async def test_a_cancelled_execution_leaves_no_container(
    engine: Engine, fleet: WorkerFleet, docker: FakeEngine
) -> None:
    docker.program = idle
    await fleet.start(tools=tools(docker), lease_ms=1_500)
    execution_id = await start(engine, node("A", handler="container", config=TOOL))
    await docker.started.wait()

    await engine.executions.cancel(execution_id, grace_ms=30_000, request_id="1")

    assert await ended(engine, execution_id) is E.CANCELLED
    assert not docker.containers


async def test_a_time_out_of_the_node_takes_the_container_with_it(
    engine: Engine, fleet: WorkerFleet, docker: FakeEngine
) -> None:
    docker.program = idle
    await fleet.start(tools=tools(docker))
    limited = node("A", handler="container", config=TOOL, start_to_close_timeout="2s")

    execution_id = await start(engine, limited)

    assert await ended(engine, execution_id) is E.FAILED
    assert len(docker.created) == 1
    assert not docker.containers


async def test_a_lost_lease_takes_the_container_with_it(
    engine: Engine, fleet: WorkerFleet, docker: FakeEngine
) -> None:
    docker.program = idle
    await fleet.start(tools=tools(docker), lease_ms=1_500)
    await start(engine, node("A", handler="container", config=TOOL))
    await docker.started.wait()

    later_ms = await engine.store.now_ms() + 60_000  # whatever was renewed in the meantime
    engine.transitions.now_ms = later_ms
    await leases.run_once(engine.store, engine.transitions, later_ms)
    engine.transitions.now_ms = None

    async def is_gone() -> bool:
        return docker.removed[:1] == [docker.created[0].id]

    await until(is_gone)


async def test_a_drain_hands_the_node_back_without_its_container(
    engine: Engine, fleet: WorkerFleet, docker: FakeEngine
) -> None:
    docker.program = idle
    worker = await fleet.start(tools=tools(docker), drain_s=0.1)
    execution_id = await start(engine, node("A", handler="container", config=TOOL))
    await docker.started.wait()

    await fleet.stop(worker)

    (state,) = (await engine.executions.get(execution_id)).nodes
    assert state.status in (N.PENDING, N.QUEUED)
    assert not docker.containers
