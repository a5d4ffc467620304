"""Bodies of `http` from a workflow to the wire: bytes, forms and files made by templates, secrets masked."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import orjson
import pytest

from orchestrator.engine import Engine
from tests.fake_handlers import ended, start
from tests.makers import Rig, WorkerFleet, node
from tests.unit.clients.http.target_server import Seen, TargetServer, reply, running_target
from workers.context import Toolbox

PICTURE = b"\x89PNG\r\n\x1a\n\0\xff"
SECRET = "c4nary-0123456789"


@pytest.fixture
async def target() -> AsyncIterator[TargetServer]:
    def echo(seen: Seen) -> bytes:
        body = orjson.dumps({"type": seen.headers.get("content-type"), "sent": seen.body.decode("latin-1")})
        return reply(200, body, content_type="application/json")

    async with running_target() as server:
        server.answers |= {
            "/picture": reply(200, PICTURE, content_type="image/png"),
            "/echo": echo,
            "/door": reply(307, location="/echo", set_cookie="session=in; Path=/"),
        }
        yield server


async def test_a_download_is_uploaded_as_a_file_named_by_its_day(
    engine: Engine, fleet: WorkerFleet, target: TargetServer
) -> None:
    await fleet.start()
    upload = {
        "url": f"{target.url}/echo",
        "method": "POST",
        "multipart": {
            "day": "{{ '2026-11-20T08:15:30Z' | date_add(days=-1) | strftime('%Y-%m-%d') }}",
            "picture": {
                "filename": "{{ '%s-%03d.png' | format('scan', 7) }}",
                "content_type": "image/png",
                "base64": "{{ load.body.base64 }}",
            },
        },
    }
    again = {"url": f"{target.url}/echo", "method": "PUT", "body": "{{ load.body }}"}

    execution_id = await start(
        engine,
        node("load", handler="http", config={"url": f"{target.url}/picture"}),
        node("upload", handler="http", config=upload, after=["load"]),
        node("again", handler="http", config=again, after=["load"]),
    )

    assert await ended(engine, execution_id) == "COMPLETED"
    sent = {seen.method: seen for seen in target.seen}
    assert b'name="day"\r\n\r\n2026-11-19\r\n' in sent["POST"].body
    assert (
        b'name="picture"; filename="scan-007.png"\r\nContent-Type: image/png\r\n\r\n' + PICTURE
        in sent["POST"].body
    )
    assert hashlib.sha256(sent["PUT"].body).digest() == hashlib.sha256(PICTURE).digest()
    assert sent["PUT"].headers["content-type"] == "application/octet-stream"


async def test_a_form_is_sent_again_by_redirect_and_retry_and_its_secret_is_masked(
    rig: Rig, engine: Engine, fleet: WorkerFleet, target: TargetServer
) -> None:
    echo = target.answers["/echo"]
    assert callable(echo)
    target.answers["/echo"] = lambda seen: reply(503) if len(target.seen) < 3 else echo(seen)
    await fleet.start(tools=Toolbox(secrets={"K": SECRET}))
    login = {
        "url": f"{target.url}/door",
        "method": "POST",
        "form": {"user": "ann", "password": "{{ secrets.K }}", "sum": "{{ 'abc' | sha256 }}"},
    }

    execution_id = await start(
        engine,
        node("A", handler="http", config=login, retry={"max_attempts": 2, "initial_interval": 0.001}),
    )

    assert await ended(engine, execution_id) == "COMPLETED"
    form = f"user=ann&password={SECRET}&sum={hashlib.sha256(b'abc').hexdigest()}".encode()
    assert [(seen.path, seen.body, seen.headers.get("cookie")) for seen in target.seen] == [
        ("/door", form, None),
        ("/echo", form, "session=in"),
    ] * 2
    output = orjson.loads((await engine.executions.results(execution_id))["A"] or b"")
    assert output["body"]["type"] == "application/x-www-form-urlencoded"
    assert output["body"]["sent"].startswith("user=ann&password=***&")
    assert "c4nary" not in repr(await rig.dump())
