"""A call with half of a surrogate pair, or with no text at all, fails alone: the process runs on."""

from __future__ import annotations

import pytest

from orchestrator.states import NodeStatus
from tests.integration.hosts.projects import Project
from tests.makers import node, until

N = NodeStatus
HALF = "'\\ud800'"
#: What a handler calls, and the error it gets there; None: the call takes it, and shows another character.
CALLS: dict[str, str | None] = {
    f"context.log({HALF}, x={HALF})": None,
    "context.log('x', level=['warning'])": None,
    f"context.progress(0.5, {HALF}, x={HALF})": None,
    f"context.reset_stream({HALF})": None,
    f"print({HALF})": None,
    f"logging.warning({HALF})": None,
    f"context.token({HALF})": "ValueError: the text of a token has half of a surrogate pair",
    "context.token(7)": "TypeError: the text of a token is not text, but of the type int",
    f"context.heartbeat({{'x': [{HALF}]}})": "ValueError: the details of a heartbeat are not JSON: details.x",
    f"context.heartbeat({{{HALF}: 1}})": "ValueError: the details of a heartbeat are not JSON: a key of",
    f"context.emit('Step', {HALF})": "Terminal: the value of event 'Step' is not JSON: value has half",
    f"context.emit({HALF}, 1)": "Terminal: the type of an event must be",
    "context.emit(7, 1)": "Terminal: the type of an event must be",
    "context.emit('Step', 1, parents='Other')": "Terminal: 'parents' of event 'Step' must be a list",
    f"context.journal.append({{'x': {HALF}}})": "Terminal: the entry is not JSON: data.x has half",
    f"context.journal.snapshot({HALF}, 0)": "Terminal: the entry is not JSON: data has half",
    f"context.http.request('GET', 'http://' + {HALF})": "Terminal: the worker cannot be asked: request.url",
    f"context.llm.complete({HALF})": "Terminal: the worker cannot be asked: config.prompt has half",
}


STEP = """
            try:
                {}
                said.append(None)
            except Exception as error:
                said.append(type(error).__name__ + ": " + str(error))
"""


def _awaited(call: str) -> str:
    """Write a call as in the loop of async handlers."""
    waits = ("context.emit", "context.journal", "context.http", "context.llm")
    return f"await {call}" if call.startswith(waits) else call


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_call_with_what_cannot_be_written_fails_alone(project: Project, kind: str) -> None:
    steps = "".join(STEP.format(call if kind == "def" else _awaited(call)) for call in CALLS)
    worker = await project.start(f"""
        @handler("says", durable=True)
        {kind} says(config, context):
            said = [os.getpid()]
            {steps}
            return said
    """)
    (host,) = worker.hosts._hosts

    pid, *said = await project.output(await project.run(node("A", handler="says")))

    assert (pid, host.state) == (host.pid, "ready")
    for (call, wanted), found in zip(CALLS.items(), said, strict=True):
        assert found is None if wanted is None else str(found).startswith(wanted), (call, found)


#: How a handler ends, and what its error then says.
ENDS: dict[str, tuple[NodeStatus, str]] = {
    f"return {{'x': {HALF}}}": (
        N.FAILED,
        "the handler's output cannot be kept: output.x has half",
    ),
    f"raise ValueError({HALF})": (N.FAILED, "ValueError: ?"),
    f"raise Terminal({HALF}, type={HALF}, details={{'x': {HALF}}})": (N.FAILED, "?"),
    f"raise Skip({HALF})": (N.SKIPPED, ""),
    f"return Waiting(delay_ms=1, output={HALF})": (
        N.FAILED,
        "the handler's output cannot be kept: output has half",
    ),
    # In milliseconds no number any more.
    "raise Retryable('later', after_s=1e306)": (N.FAILED, "later"),
}


async def test_an_end_with_what_cannot_be_written_is_an_end_of_its_own_attempt(project: Project) -> None:
    handlers = "\n".join(
        f"""
        @handler("end_{number}")
        def end_{number}(config, context):
            {end}
        """
        for number, end in enumerate(ENDS)
    )
    worker = await project.start(handlers)
    (host,) = worker.hosts._hosts

    execution_id = await project.run(*(node(f"n{i}", handler=f"end_{i}") for i in range(len(ENDS))))

    assert (worker.hosts._hosts, host.state) == ([host], "ready")
    for number, (status, message) in enumerate(ENDS.values()):
        state = await project.state(execution_id, f"n{number}")
        assert state.status is status
        assert (state.error or {"message": ""})["message"].startswith(message)


async def test_what_does_not_load_or_crashes_may_say_anything(project: Project) -> None:
    worker = await project.start(f"raise ValueError({HALF})", expects="refusal")

    (info,) = await project.engine.workers.list()

    assert "ValueError: ?" in info.refusal
    project.write(f"""
        @handler("falls")
        def falls(config, context):
            print({HALF}, flush=True)
            os._exit(3)
    """)
    worker.hosts.reload()

    async def has_loaded() -> bool:
        return bool(worker.hosts.cards)

    await until(has_loaded)
    error = await project.error(await project.run(node("A", handler="falls")))
    assert (error["type"], error["details"]["last_lines"]) == ("HandlerCrashed", ["?"])
