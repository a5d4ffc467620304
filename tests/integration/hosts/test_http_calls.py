"""`context.http` in both kinds of hosts: the worker sends the request, the handler has the answer."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator

import pytest

from clients.http.client import HttpPolicy
from headrace._frames import MAX_FRAME_BYTES
from orchestrator.states import ExecutionStatus
from tests.fake_handlers import ended, start
from tests.integration.hosts.projects import Project
from tests.makers import node, until
from tests.unit.clients.http.target_server import reply, running_target
from workers.context import Toolbox

CANARY = "c4nary-t0ken"

BOTH = """
    async def twice(context, url, body):
        answers = await asyncio.gather(
            context.http.request("GET", url + "/a"),
            asyncio.create_task(context.http.request("POST", url + "/b", content=body)),
        )
        return [[each.status, each.headers["x-made"], len(each.content)] for each in answers]

    @handler("waits")
    def waits(config, context):
        answer = context.http.request("PUT", config["url"] + "/a", headers={"x-mine": "1"})
        return [answer.status, answer.url, asyncio.run(twice(context, config["url"], b"\\0\\xff"))]

    @handler("awaits")
    async def awaits(config, context):
        answer = await context.http.request("PUT", config["url"] + "/a", headers={"x-mine": "1"})
        in_thread = await asyncio.to_thread(context.http.request, "GET", config["url"] + "/a")
        assert in_thread.status == 200
        return [answer.status, answer.url, await twice(context, config["url"], b"\\0\\xff")]
"""

ERRORS = """
    async def errors(context, urls):
        found = []
        for url in urls:
            try:
                await context.http.request("GET", url, timeout_s=60)
            except (Retryable, Terminal) as error:
                found.append([error.error_type, error.retryable, error.details])
        return found

    @handler("waits")
    def waits(config, context):
        return asyncio.run(errors(context, config["urls"]))

    @handler("awaits")
    async def awaits(config, context):
        return await errors(context, config["urls"])

    @handler("lets_through")
    async def lets_through(config, context):
        await context.http.request("GET", config["urls"][0])
"""

HANGS = """
    @handler("waits")
    def waits(config, context):
        context.log("began")
        context.http.request("GET", config["url"] + "/slow")

    @handler("awaits")
    async def awaits(config, context):
        context.log("began")
        await context.http.request("GET", config["url"] + "/slow")
"""


class Silent:
    """A server that takes requests and never answers; counts those that wait, and those that have gone."""

    def __init__(self) -> None:
        self.came = self.gone = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        await reader.read(-1)
        self.gone += 1
        writer.close()

    async def has_request(self) -> bool:
        return self.came > 0

    async def is_left_alone(self) -> bool:
        return self.came == self.gone


@pytest.fixture
async def silent() -> AsyncIterator[Silent]:
    made = Silent()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()


@pytest.mark.parametrize("kind", ["waits", "awaits"])
async def test_a_request_goes_out_and_its_answer_comes_back(project: Project, kind: str) -> None:
    async with running_target() as target:
        target.answers["/a"] = reply(200, b"\x00" * 100_000, x_made="a")
        target.answers["/b"] = lambda seen: reply(503, seen.body * 2, x_made="b")
        await project.start(BOTH)

        output = await project.output(await project.run(node("A", handler=kind, config={"url": target.url})))

    assert output == [200, target.url + "/a", [[200, "a", 100_000], [503, "b", 4]]]
    assert target.seen[0].method == "PUT" and target.seen[0].headers["x-mine"] == "1"
    assert [each.body for each in target.seen if each.method == "POST"] == [b"\0\xff"]


@pytest.mark.parametrize("kind", ["waits", "awaits"])
async def test_errors_of_the_client_are_raised_in_the_handler(project: Project, kind: str) -> None:
    async with running_target() as target:
        target.answers["/large"] = reply(200, b"x" * 2000)
        policy = HttpPolicy.for_environment(
            "production", allow_private=[f"127.0.0.1:{target.port}"], max_response_bytes=1000
        )
        await project.start(ERRORS, tools=Toolbox(http_policy=policy))
        urls = ["http://169.254.169.254/", "http://127.0.0.1:1/", f"{target.url}/large", "ftp://x"]

        execution_id = await project.run(
            node("A", handler=kind, config={"urls": urls}),
            node("B", handler="lets_through", config={"urls": urls}),
        )
        output = await project.output(execution_id)

    assert [each[:2] for each in output] == [
        ["SsrfBlocked", False],
        ["SsrfBlocked", False],
        ["OutputTooLarge", False],
        ["ConfigError", False],
    ]
    assert (await project.error(execution_id, "B"))["type"] == "SsrfBlocked"


async def test_an_error_that_may_pass_keeps_its_kind_and_details(project: Project) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    await project.start(ERRORS)

    output = await project.output(await project.run(node("A", handler="awaits", config={"urls": [url]})))

    assert output == [["Http.Transport", True, {"kind": "connect"}]]


async def test_a_header_with_a_secret_goes_to_no_other_origin(project: Project) -> None:
    async with running_target() as first, running_target() as second:
        first.answers["/"] = reply(302, location=f"{second.url}/there")
        second.answers["/there"] = reply(200, b"in")
        await project.start(
            """
            @handler("calls", secrets=("key",))
            async def calls(config, context):
                answer = await context.http.request("GET", config["url"], headers={"x-token": config["key"]})
                return answer.content.decode()
            """,
            tools=Toolbox(secrets={"K": CANARY}),
        )
        config = {"url": first.url + "/", "key": "{{ secrets.K }}"}

        output = await project.output(await project.run(node("A", handler="calls", config=config)))

    assert output == "in"
    assert first.seen[0].headers["x-token"] == CANARY
    assert "x-token" not in second.seen[0].headers


@pytest.mark.parametrize("kind", ["waits", "awaits"])
async def test_a_time_limit_ends_the_request_in_the_worker(
    project: Project, silent: Silent, kind: str
) -> None:
    worker = await project.start(HANGS)
    (host,) = (each for each in worker.hosts._hosts if each.kind == ("sync" if kind == "waits" else "async"))

    execution_id = await project.run(
        node("A", handler=kind, config={"url": silent.url}, start_to_close_timeout=0.2)
    )

    assert (await project.error(execution_id))["type"] == "Timeout.StartToClose"
    await until(silent.is_left_alone)

    async def has_no_call() -> bool:
        return not host.calls

    # The handler hears that its call was ended: it is neither interrupted nor killed.
    await until(has_no_call)
    assert host.state == "ready" and host.runs == 1


@pytest.mark.parametrize("kind", ["waits", "awaits"])
async def test_a_request_ends_with_its_host(project: Project, silent: Silent, kind: str) -> None:
    worker = await project.start(HANGS)
    execution_id = await start(project.engine, node("A", handler=kind, config={"url": silent.url}))
    await until(silent.has_request)

    (host,) = (each for each in worker.hosts._hosts if each.calls)
    os.kill(host.pid, signal.SIGKILL)

    await until(silent.is_left_alone)
    await ended(project.engine, execution_id)
    assert (await project.error(execution_id))["type"] == "HandlerCrashed"


@pytest.mark.parametrize("kind", ["waits", "awaits"])
async def test_a_cancel_ends_the_request_once_its_grace_is_over(
    project: Project, silent: Silent, kind: str
) -> None:
    await project.start(HANGS, lease_ms=900)
    execution_id = await start(project.engine, node("A", handler=kind, config={"url": silent.url}))
    await until(silent.has_request)

    await project.engine.executions.cancel(execution_id, grace_ms=200, request_id="1")

    await until(silent.is_left_alone)
    assert await ended(project.engine, execution_id) is ExecutionStatus.CANCELLED


async def test_a_handler_that_waits_no_longer_ends_its_request(project: Project, silent: Silent) -> None:
    await project.start("""
        @handler("gives_up")
        async def gives_up(config, context):
            calling = asyncio.create_task(context.http.request("GET", config["url"]))
            while not os.path.exists(config["go"]):
                await asyncio.sleep(0.01)
            calling.cancel()
            return "gave up"
    """)
    go = project.folder / "go"
    config = {"url": silent.url, "go": str(go)}
    execution_id = await start(project.engine, node("A", handler="gives_up", config=config))
    await until(silent.has_request)

    go.touch()
    await ended(project.engine, execution_id)

    assert await project.output(execution_id) == "gave up"
    await until(silent.is_left_alone)


async def test_what_is_too_long_to_be_sent_is_an_error_of_the_call(project: Project) -> None:
    await project.start(f"""
        @handler("sends")
        def sends(config, context):
            try:
                context.http.request("POST", "http://127.0.0.1:1/", content=bytes({MAX_FRAME_BYTES}))
            except Terminal as error:
                return str(error)
    """)

    output = await project.output(await project.run(node("A", handler="sends")))

    assert "at most 67,108,864 are sent" in output


async def test_an_attempt_that_asks_for_nothing_sends_no_further_frame(project: Project) -> None:
    worker = await project.start("""
        @handler("quiet")
        async def quiet(config, context):
            return 1
    """)
    (host,) = worker.hosts._hosts
    taken, frames = host._dispatch, []
    host._dispatch = lambda header, body: (frames.append(header["type"]), taken(header, body))  # type: ignore[method-assign,assignment,func-returns-value]

    await project.run(node("A", handler="quiet"))

    assert frames == ["result"]
