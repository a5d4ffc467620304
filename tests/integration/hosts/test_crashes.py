"""A crash, a hang, or a kill ends the attempt that is to blame, and nothing else."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from orchestrator.states import ExecutionStatus, NodeStatus
from tests.fake_handlers import ended, in_status, start
from tests.integration.hosts.projects import Project
from tests.makers import node, until
from workers.hosts.call import Call
from workers.hosts.stopping import INTERRUPTED_S, TOLD_S
from workers.worker import Worker

E, N = ExecutionStatus, NodeStatus

ENDS = """
    @handler("ends")
    def ends(config, context):
        print("about to end")
        match config["how"]:
            case "exit": os._exit(9)
            case "segfault": ctypes.string_at(0)
            case "kill": os.kill(os.getpid(), signal.SIGKILL)
        return "fine"

    @handler("waits")
    async def waits(config, context):
        await asyncio.sleep(config.get("s", 3600))
        return context.attempt

    @handler("falls")
    async def falls(config, context):
        while not os.path.exists(config["when"]):
            await asyncio.sleep(0.01)
        if context.attempt > config.get("times", 1):
            return context.attempt
        ctypes.string_at(0)
"""


def pids(worker: Worker) -> set[int]:
    return {host.pid for host in worker.hosts._hosts}


@pytest.mark.parametrize(
    ("how", "found"),
    [("exit", {"exit_code": 9}), ("segfault", {"signal": "SIGSEGV"}), ("kill", {"signal": "SIGKILL"})],
)
async def test_a_crash_is_an_error_of_its_attempt_that_names_the_cause(
    project: Project, how: str, found: dict[str, object]
) -> None:
    await project.start(ENDS)

    execution_id = await project.run(node("A", handler="ends", config={"how": how}))
    after = await project.run(node("A", handler="ends", config={"how": "fine"}))

    error = await project.error(execution_id)
    assert error["type"] == "HandlerCrashed" and error["retryable"] is True
    lines = error["details"].pop("last_lines")
    assert error["details"] == found
    assert lines[0] == "about to end"
    if how == "segfault":
        assert any("handlers.py" in line and "ends" in line for line in lines)
        assert not any("_host.py" in line for line in lines)
    assert await project.output(after) == "fine"


async def test_a_crash_is_charged_one_try(project: Project) -> None:
    await project.start(ENDS)

    execution_id = await project.run(
        node("A", handler="ends", config={"how": "exit"}, retry={"max_attempts": 3, "initial_interval": 0.01})
    )

    state = await project.state(execution_id)
    assert (state.status, state.tries) == (N.FAILED, 3)


async def test_twenty_neighbours_of_a_crash_complete_without_a_charge(project: Project) -> None:
    go = project.folder / "go"
    await project.start(ENDS)
    neighbours = [node(f"n{i}", handler="waits", config={"s": 1}) for i in range(20)]
    execution_id = await start(
        project.engine, node("A", handler="falls", config={"when": str(go)}), *neighbours
    )
    for each in ("A", *(each["id"] for each in neighbours)):
        await in_status(project.engine, execution_id, each, N.RUNNING)

    go.touch()
    await ended(project.engine, execution_id)

    assert (await project.error(execution_id))["details"]["signal"] == "SIGSEGV"
    for each in neighbours:
        state = await project.state(execution_id, each["id"])
        assert (state.status, state.tries, state.crashes, state.attempt) == (N.COMPLETED, 1, 0, 2)
    causes = {each.get("cause") for each in await project.events(execution_id, "node.queued", "n3")}
    assert "host" in causes


async def test_a_host_that_is_killed_while_nobody_runs_counts_as_lost(project: Project) -> None:
    worker = await project.start(ENDS)
    nodes = [node(f"n{i}", handler="waits", config={"s": 1}) for i in range(3)]
    execution_id = await start(project.engine, *nodes)
    for each in nodes:
        await in_status(project.engine, execution_id, each["id"], N.RUNNING)

    (host,) = [each for each in worker.hosts._hosts if each.kind == "async"]
    os.kill(host.pid, signal.SIGKILL)

    assert await ended(project.engine, execution_id) is E.COMPLETED
    for each in nodes:
        state = await project.state(execution_id, each["id"])
        assert (state.tries, state.crashes) == (1, 1)
        causes = [
            event.get("cause") for event in await project.events(execution_id, "node.queued", each["id"])
        ]
        assert causes[-1] == "lease_lost"


async def test_too_much_memory_is_an_error_of_the_handler(project: Project) -> None:
    worker = await project.start(
        """
        @handler("eats")
        def eats(config, context):
            return len(bytearray(config["mb"] * 1024 * 1024))
        """,
        memory_mb=512,
    )
    before = pids(worker)

    execution_id = await project.run(node("A", handler="eats", config={"mb": 4_000}))

    assert (await project.error(execution_id))["message"].startswith("MemoryError")
    assert pids(worker) == before


STUCK = """
    @handler("sleeps")
    def sleeps(config, context):
        try:
            time.sleep(3600)
        finally:
            context.log("cleaned up")

    @handler("swallows")
    def swallows(config, context):
        while True:
            try:
                time.sleep(3600)
            except BaseException:
                pass

    @handler("polite")
    def polite(config, context):
        while not context.is_cancelled():
            time.sleep(0.01)
        return "in time"

    @handler("fast")
    def fast(config, context):
        return os.getpid()

    @handler("blocks")
    async def blocks(config, context):
        time.sleep(3600)

    @handler("blocks_for_good")
    async def blocks_for_good(config, context):
        while True:
            try:
                time.sleep(3600)
            except BaseException:
                pass

    @handler("blocks_for")
    async def blocks_for(config, context):
        time.sleep(config["s"])
        return "late"

    @handler("waits")
    async def waits(config, context):
        await asyncio.sleep(config["s"])
        return "fine"
"""


@pytest.mark.parametrize(("handler", "is_kept"), [("sleeps", True), ("swallows", False), ("polite", True)])
async def test_code_past_its_time_gives_its_slot_back_whatever_it_does(
    project: Project, handler: str, is_kept: bool
) -> None:
    worker = await project.start(STUCK)
    before = pids(worker)

    execution_id = await project.run(node("A", handler=handler, start_to_close_timeout=0.3))

    async def is_free() -> bool:
        return len(worker.runner.leftovers) == 0

    await until(is_free)
    assert (await project.error(execution_id))["type"] == "Timeout.StartToClose"
    assert TOLD_S + INTERRUPTED_S < 5
    assert (pids(worker) == before) is is_kept
    assert await project.output(await project.run(node("A", handler="fast")))


@pytest.mark.parametrize("handler", ["blocks", "blocks_for_good"])
async def test_a_handler_that_blocks_its_loop_is_stopped_and_its_neighbours_complete(
    project: Project, handler: str
) -> None:
    worker = await project.start(STUCK)
    execution_id = await start(
        project.engine,
        *(node(f"n{i}", handler="waits", config={"s": 1}) for i in range(5)),
        node("A", handler=handler, start_to_close_timeout=0.5),
    )

    await ended(project.engine, execution_id)

    assert (await project.error(execution_id))["type"] == "Timeout.StartToClose"
    for i in range(5):
        state = await project.state(execution_id, f"n{i}")
        assert (state.status, state.tries) == (N.COMPLETED, 1)

    async def is_free() -> bool:
        return len(worker.runner.leftovers) == 0

    await until(is_free)


async def test_who_holds_up_the_loop_costs_its_neighbours_no_try_and_no_time_limit(project: Project) -> None:
    worker = await project.start(STUCK)
    execution_id = await start(
        project.engine,
        node("A", handler="blocks_for", config={"s": 6}),
        *(node(f"n{i}", handler="waits", config={"s": 1}, start_to_close_timeout=1.5) for i in range(5)),
    )

    for i in range(5):
        await in_status(project.engine, execution_id, f"n{i}", N.COMPLETED)
        assert (await project.state(execution_id, f"n{i}")).tries == 1
    # They did not wait for the one that blocks, which is not stopped either: it has no time limit.
    assert (await project.state(execution_id)).status is N.RUNNING
    assert len(worker.hosts._hosts) > 1
    await ended(project.engine, execution_id)
    assert await project.output(execution_id) == "late"
    (warning,) = await project.events(execution_id, "node.log", "A")
    assert "held up its event loop" in warning["message"]


@pytest.mark.parametrize("handler", ["swallows", "blocks_for_good", "waits"])
async def test_a_crowd_that_hangs_past_its_time_holds_up_nobody_else(project: Project, handler: str) -> None:
    await project.start(STUCK)
    crowd = await start(
        project.engine,
        *(node(f"n{i}", handler=handler, config={"s": 3600}, start_to_close_timeout=0.3) for i in range(140)),
    )

    await project.run(node("A", handler="noop"))

    # With its time-outs and the ends of their processes, the crowd takes many seconds.
    assert await project.engine.executions.status(crowd) is E.RUNNING


async def test_a_cancel_tells_and_a_polite_handler_finishes(project: Project) -> None:
    await project.start(STUCK, lease_ms=900)
    execution_id = await start(project.engine, node("A", handler="polite"))
    await in_status(project.engine, execution_id, "A", N.RUNNING)

    await project.engine.executions.cancel(execution_id, request_id="r1")

    assert await ended(project.engine, execution_id) is E.CANCELLED
    assert await project.output(execution_id) == "in time"


async def test_the_wait_for_a_host_is_no_part_of_the_time_limit(project: Project) -> None:
    await project.start("""
        @handler("naps")
        def naps(config, context):
            time.sleep(0.4)
    """)

    execution_id = await project.run(
        *(node(f"n{i}", handler="naps", start_to_close_timeout=1) for i in range(8))
    )

    assert (await project.engine.executions.status(execution_id)) is E.COMPLETED


async def test_a_stop_that_comes_before_the_code_has_begun_is_heard(project: Project) -> None:
    worker = await project.start(STUCK)
    (host,) = [each for each in worker.hosts._hosts if each.kind == "sync"]
    began = host.begin

    def begin(*arguments: Any) -> Call:
        call = began(*arguments)
        host.tell(call, "cancel", hard=False)
        return call

    host.begin = begin  # type: ignore[method-assign,assignment]

    assert await project.output(await project.run(node("A", handler="polite"))) == "in time"
