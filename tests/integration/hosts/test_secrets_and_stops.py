"""What must not leak, and what must not break: secrets in all that a host says, frames under hard stops."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from orchestrator.errors import DefinitionInvalid
from orchestrator.states import NodeStatus
from tests.fake_handlers import ended, start
from tests.integration.hosts.projects import Project
from tests.makers import node
from tests.unit.clients.http.target_server import reply, running_target
from workers.context import Toolbox

CANARY = 'c4nary"/+ täl'
FORMS = (CANARY.encode(), b"c4nary", base64.b64encode(CANARY.encode()), orjson.dumps(CANARY)[1:-1])

LEAKY = """
    import base64

    @handler("leaky", secrets=("key",))
    def leaky(config, context):
        key = config["key"]
        print("said", key); print(key, file=sys.stderr); logging.getLogger().warning("logged %s", key)
        os.write(1, f"by descriptor {key}\\n".encode())
        context.log(key, key=key); context.progress(0.5, key)
        context.token(f"streamed {key}"); context.heartbeat({"k": key})
        time.sleep(0.1)
        match config["by"]:
            case "output": return {"a": [key, {key: 1}], "b64": base64.b64encode(key.encode()).decode()}
            case "error": raise Terminal(f"refused {key}", details={"key": key})
            case "bug": raise ValueError(key)
            case "crash": os._exit(3)
            case "wait": return Waiting(delay_ms=1, output=key)
"""


@pytest.mark.parametrize("by", ["output", "error", "bug", "crash", "wait"])
async def test_no_secret_is_in_redis_whatever_the_code_does_with_it(
    project: Project, redis: Redis, by: str, caplog: pytest.LogCaptureFixture
) -> None:
    await project.start(LEAKY, tools=Toolbox(secrets={"K": CANARY}))

    execution_id = await start(
        project.engine, node("A", handler="leaky", config={"key": "{{ secrets.K }}", "by": by})
    )
    if by != "wait":
        await ended(project.engine, execution_id)
    lines = [each["message"] for each in await project.events(execution_id, "node.log")]

    kept = b"\0".join([await _dumped(redis, key) for key in await redis.keys()])
    for form in FORMS:
        assert form not in kept
    if by != "wait":
        assert "said ***" in lines and "by descriptor ***" in lines
    if by == "output":
        assert (await project.output(execution_id))["a"] == ["***", {"***": 1}]
    if by == "crash":
        last = (await project.error(execution_id))["details"]["last_lines"]
        assert "said ***" in last


async def _dumped(redis: Any, key: Any) -> bytes:
    return repr(
        await {
            b"string": lambda: redis.get(key),
            b"hash": lambda: redis.hgetall(key),
            b"stream": lambda: redis.xrange(key),
            b"zset": lambda: redis.zrange(key, 0, -1),
            b"set": lambda: redis.smembers(key),
            b"list": lambda: redis.lrange(key, 0, -1),
            b"none": lambda: redis.get(key),  # Removed meanwhile, as a lease is.
        }[await redis.type(key)]()
    ).encode()


async def test_a_secret_goes_only_to_fields_that_declare_it(project: Project) -> None:
    worker = await project.start(
        """
        @handler("takes", secrets=("key",))
        def takes(config, context):
            return "ran"
        """,
        tools=Toolbox(secrets={"K": CANARY}),
    )
    await worker.transitions.publish_handlers(*worker.announcement.cards())
    config = {"other": "{{ secrets.K }}"}

    with pytest.raises(DefinitionInvalid) as refused:
        await start(project.engine, node("A", handler="takes", config=config))
    assert refused.value.problems[0].code == "secret_not_allowed"


async def test_hard_stops_in_the_middle_of_a_call_leave_no_call_behind(project: Project) -> None:
    async with running_target() as target:
        target.answers["/"] = reply(200, b"ok")
        worker = await project.start("""
            @handler("calls")
            def calls(config, context):
                # The first stop, too, finds it where it is ready for one.
                hits, reported = 0, -1
                while hits < 200:
                    try:
                        while reported < hits:
                            context.progress(None, str(hits)); reported = hits
                        while True:
                            context.http.request("GET", config["url"])
                    except Cancelled:
                        hits += 1
                answers = [context.http.request("GET", config["url"]) for _ in range(3)]
                return [each.content.decode() for each in answers]
        """)
        (host,) = worker.hosts._hosts
        taken = host._dispatch
        left: list[int] = []

        def dispatch(header: dict[str, Any], body: bytes) -> None:
            if header["type"] == "result":
                left.extend(len(call.answers._calls) for call in host.calls.values())
            taken(header, body)
            if header["type"] == "progress":
                for call in host.calls.values():
                    host.tell(call, "cancel", hard=True)

        host._dispatch = dispatch  # type: ignore[method-assign]
        execution_id = await project.run(node("A", handler="calls", config={"url": target.url + "/"}))

    assert await project.output(execution_id) == ["ok", "ok", "ok"]
    assert left == [0] and host.state == "ready"


async def test_a_thousand_hard_stops_in_the_middle_of_writing_break_no_frame(project: Project) -> None:
    worker = await project.start("""
        @handler("writes")
        def writes(config, context):
            hits, reported, lines = 0, -1, 0
            while hits < 1_000:
                try:
                    while reported < hits:
                        context.progress(None, str(hits)); reported = hits
                    while True:
                        print("x" * (lines % 3_000)); lines += 1
                except Cancelled:
                    hits += 1
            return [hits, lines]
    """)
    (host,) = worker.hosts._hosts
    taken, frames = host._dispatch, 0

    def dispatch(header: dict[str, Any], body: bytes) -> None:
        nonlocal frames
        frames += 1
        taken(header, body)
        if header["type"] == "progress":
            for call in host.calls.values():
                host.tell(call, "cancel", hard=True)

    host._dispatch = dispatch  # type: ignore[method-assign]
    execution_id = await start(project.engine, node("A", handler="writes"))
    await ended(project.engine, execution_id)

    state = await project.state(execution_id)
    assert state.status is NodeStatus.COMPLETED, state.error
    hits, lines = await project.output(execution_id)
    assert hits == 1_000 and lines > 1_000 and frames > 1_000
    assert worker.hosts._hosts == [host] and host.state == "ready"
