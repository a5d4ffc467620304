"""The `container` handler through the real Docker SDK, against a stand-in for the engine."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from clients.containers.spec import LABEL_ATTEMPT, LABEL_DEADLINE_MS, LABEL_EXECUTION, LABEL_NODE
from orchestrator.definitions.retry_decision import next_delay_ms
from tests.patience import PATIENCE_S
from tests.unit.clients.containers.fake_engine import FakeContainer, FakeEngine, idle
from tests.unit.workers.library.containers import Kept, fail, run, saying, settings
from workers.context import HandlerContext
from workers.library.container import read_output
from workers.registry import check_config, default_retry


async def test_a_container_reads_json_and_its_answer_is_the_output(
    engine: FakeEngine, context: HandlerContext
) -> None:
    async def double(container: FakeContainer) -> int:
        numbers = json.loads(await container.read())
        await container.write(json.dumps([number * 2 for number in numbers]).encode())
        return 0

    engine.program = double

    output = await run(context, input=[1, 2, 3])

    assert output.pop("duration_ms") >= 0
    assert output == {"status": "ok", "exit_code": 0, "output": [2, 4, 6]}
    assert not engine.containers


async def test_a_container_is_locked_down(engine: FakeEngine, context: HandlerContext) -> None:
    settings(context, memory_mb=256, cpus=0.5)

    await run(context, args=["-c", "x && y", 5, True], env={"A": 1})

    config = engine.created[0].config
    host = config["HostConfig"]
    assert (config["User"], config["Cmd"]) == ("65534:65534", ["-c", "x && y", "5", "true"])
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["CapDrop"]) == ("none", True, ["ALL"])
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert (host["PidsLimit"], host["NanoCpus"]) == (128, 500_000_000)
    assert (host["Memory"], host["MemorySwap"]) == (256 * 2**20, 256 * 2**20)
    assert "noexec" in host["Tmpfs"]["/tmp"]
    assert host["LogConfig"]["Type"] == "none"
    assert not {"Binds", "Mounts", "Devices", "PortBindings", "VolumesFrom"} & {
        k for k, v in host.items() if v
    }
    assert not host.get("Privileged")
    assert not config["OpenStdin"]
    assert {"A=1", "HEADRACE_IDEMPOTENCY_KEY=e1:A"} <= set(config["Env"])


async def test_a_container_carries_the_name_of_its_attempt(
    engine: FakeEngine, context: HandlerContext
) -> None:
    await run(context)

    labels = engine.created[0].config["Labels"]
    assert (labels[LABEL_EXECUTION], labels[LABEL_NODE], labels[LABEL_ATTEMPT]) == ("e1", "A", "2")


async def test_each_line_of_output_becomes_an_event(engine: FakeEngine, context: HandlerContext) -> None:
    engine.program = saying((1, b"one\ntw"), (2, b"warning\r\n"), (1, b"o\nthree"))

    output = await run(context)

    assert output["output"] == "one\ntwo\nthree"
    assert isinstance(context.sink, Kept)
    assert [line for stream, line in context.sink.lines if stream == "stdout"] == ["one", "two", "three"]
    assert ("stderr", "warning") in context.sink.lines


async def test_lines_are_seen_while_the_container_runs(engine: FakeEngine, context: HandlerContext) -> None:
    go_on = asyncio.Event()

    async def wait(container: FakeContainer) -> int:
        await container.write(b"half way\n", 2)
        await go_on.wait()
        return 0

    engine.program = wait
    sink = context.sink
    assert isinstance(sink, Kept)

    running = asyncio.create_task(run(context))
    async with asyncio.timeout(PATIENCE_S):
        while not sink.lines:
            await asyncio.sleep(0)
    go_on.set()

    assert sink.lines == [("stderr", "half way")]
    assert (await running)["status"] == "ok"


async def test_a_container_that_writes_while_it_is_fed_does_not_block(
    engine: FakeEngine, context: HandlerContext
) -> None:
    settings(context, max_output_bytes=3_000_000)

    async def echo(container: FakeContainer) -> int:
        assert container.reader is not None
        while chunk := await container.reader.read(65536):
            await container.write(chunk)
        return 0

    engine.program = echo
    text = "x" * 2_000_000

    assert (await run(context, input=text))["output"] == text


async def test_an_exit_code_fails_the_node_and_only_its_own_retry_repeats_it(
    engine: FakeEngine, context: HandlerContext
) -> None:
    engine.program = saying((2, b"no such row\n"), exit_code=3)

    error = await fail(context)

    assert (error.type, error.retryable) == ("Container.Exit", True)
    assert error.details == {"exit_code": 3, "stderr": "no such row\n", "stdout": ""}
    policy = default_retry("container")
    assert next_delay_ms(policy, 1, error, random=lambda: 0.5) is None
    assert not engine.containers


async def test_out_of_memory_is_told_from_other_ends(engine: FakeEngine, context: HandlerContext) -> None:
    async def grow(container: FakeContainer) -> int:
        container.state["OOMKilled"] = True
        return 137

    engine.program = grow

    assert (await fail(context)).type == "Container.OutOfMemory"


async def test_too_much_output_ends_the_container(engine: FakeEngine, context: HandlerContext) -> None:
    async def flood(container: FakeContainer) -> int:
        while True:
            await container.write(b"x" * 50_000)

    engine.program = flood

    error = await fail(context)

    assert (error.type, error.retryable) == ("OutputTooLarge", False)
    assert not engine.containers


async def test_the_time_limit_kills_the_container(engine: FakeEngine, context: HandlerContext) -> None:
    engine.program = idle

    error = await fail(context, timeout="2s")

    assert (error.type, error.retryable) == ("Container.Timeout", True)
    assert "2 s" in error.message
    assert engine.removed == [engine.created[0].id]


async def test_a_container_that_closes_its_output_is_still_waited_for(
    engine: FakeEngine, context: HandlerContext
) -> None:
    async def detach(container: FakeContainer) -> int:
        assert container.writer is not None
        container.writer.close()
        while engine.requests.count("GET /containers/…/json") < 2:
            await asyncio.sleep(0)
        return 4

    engine.program = detach

    assert (await fail(context)).details == {"exit_code": 4, "stderr": "", "stdout": ""}


async def test_a_stopped_attempt_takes_its_container_with_it(
    engine: FakeEngine, context: HandlerContext
) -> None:
    engine.program = idle
    running = asyncio.create_task(run(context))
    await engine.started.wait()

    running.cancel()
    await asyncio.wait({running})

    assert running.cancelled()
    assert engine.removed == [engine.created[0].id]


async def test_a_worker_that_closes_leaves_no_container(engine: FakeEngine, context: HandlerContext) -> None:
    engine.program = idle
    running = asyncio.create_task(run(context))
    await engine.started.wait()

    await context.tools.aclose()

    assert not engine.containers
    with pytest.raises(Exception, match="stopped with its attempt"):
        await running


async def test_what_a_lost_worker_left_is_removed_by_the_next_run(
    engine: FakeEngine, context: HandlerContext
) -> None:
    far = {LABEL_DEADLINE_MS: "99999999999999"}
    before = engine.add({LABEL_EXECUTION: "e1", LABEL_NODE: "A", LABEL_ATTEMPT: "1", **far})
    after = engine.add({LABEL_EXECUTION: "e1", LABEL_NODE: "A", LABEL_ATTEMPT: "3", **far})
    other = engine.add({LABEL_EXECUTION: "e1", LABEL_NODE: "B", LABEL_ATTEMPT: "1", **far})
    old = engine.add({LABEL_EXECUTION: "e0", LABEL_NODE: "A", LABEL_ATTEMPT: "1", LABEL_DEADLINE_MS: "5"})
    foreign = engine.add({"com.example": "x"})

    await run(context)

    assert engine.removed[:-1] == [before, old]
    assert set(engine.containers) == {after, other, foreign}


def test_arguments_are_words_and_not_a_line() -> None:
    (problem,) = check_config("container", {"image": "tool:1", "args": "rm -rf /"})

    assert problem.path == "config.args"
    assert "list of words" in problem.message


@pytest.mark.parametrize(
    ("stdout", "output"),
    [(b'{"a": 1}\n', {"a": 1}), (b"plain\n", "plain"), (b" \n", None), (b"", None), (b"\xff", "\ufffd"),
     (b'{"id": 123456789012345678901234567890}', {"id": 123456789012345678901234567890}),
     (b'\xef\xbb\xbf{"a": "\\ud800"}', {"a": "\ufffd"}), (b"NaN\n", "NaN"), (b"1e400\n", "1e400"),
     (b"[" * 254 + b"]" * 254, "[" * 254 + "]" * 254)],
)  # fmt: skip
def test_an_answer_is_json_or_text(stdout: bytes, output: Any) -> None:
    assert read_output(stdout) == output
