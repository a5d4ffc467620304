"""`context.containers` in both kinds of hosts: the worker runs them, and stops them with the attempt."""

from __future__ import annotations

import pytest

from clients.containers.spec import ContainerSettings
from tests.fake_handlers import ended, start
from tests.integration.hosts.projects import Project
from tests.makers import node, until
from tests.unit.clients.containers.fake_engine import FakeContainer, FakeEngine, idle, running_engine
from workers.context import Toolbox

RUNS = """
    @handler("waits")
    def waits(config, context):
        lines = []
        take = None if config.get("logs") else lambda *line: lines.append(line)
        ran = context.containers.run("tool:1", args=["a"], input={"x": 1}, on_line=take)
        return [ran.exit_code, ran.stdout.decode(), ran.stderr_tail.decode(), lines]

    @handler("awaits")
    async def awaits(config, context):
        lines = []
        take = None if config.get("logs") else lambda *line: lines.append(line)
        ran = await context.containers.run("tool:1", args=["a"], input={"x": 1}, on_line=take)
        return [ran.exit_code, ran.stdout.decode(), ran.stderr_tail.decode(), lines]
"""


def tools_on(engine: FakeEngine) -> Toolbox:
    return Toolbox(container_settings=ContainerSettings(engine_url=engine.url))


async def says(container: FakeContainer) -> int:
    given = await container.read()
    await container.write(b"got " + given)
    await container.write(b"oh\n", 2)
    return 3


@pytest.mark.parametrize("kind", ["waits", "awaits"])
async def test_a_container_runs_and_its_lines_come_as_they_are_written(project: Project, kind: str) -> None:
    async with running_engine() as engine:
        engine.program = says
        await project.start(RUNS, tools=tools_on(engine))

        own = await project.run(node("A", handler=kind))
        logged = await project.run(node("A", handler=kind, config={"logs": True}))

    lines = [["stdout", 'got {"x":1}'], ["stderr", "oh"]]
    assert await project.output(own) == [3, 'got {"x":1}\n', "oh\n", lines]
    assert await project.events(own, "node.log") == []
    assert [
        [each["data"]["stream"], each["message"]] for each in await project.events(logged, "node.log")
    ] == lines
    assert engine.containers == {}


@pytest.mark.parametrize("kind", ["waits", "awaits"])
async def test_a_cancel_stops_the_container_at_once(project: Project, kind: str) -> None:
    async with running_engine() as engine:
        engine.program = idle
        await project.start(RUNS, tools=tools_on(engine), lease_ms=900)
        execution_id = await start(project.engine, node("A", handler=kind))
        await engine.started.wait()

        await project.engine.executions.cancel(execution_id, grace_ms=30_000, request_id="1")

        async def is_gone() -> bool:
            return not engine.containers

        await until(is_gone)
        await ended(project.engine, execution_id)


async def test_what_may_not_run_is_refused(project: Project) -> None:
    async with running_engine() as engine:
        settings = ContainerSettings(engine_url=engine.url, images=("other:*",))
        await project.start(RUNS, tools=Toolbox(container_settings=settings))

        execution_id = await project.run(node("A", handler="awaits"))

    error = await project.error(execution_id)
    assert (error["type"], error["retryable"]) == ("Container.Refused", False)
