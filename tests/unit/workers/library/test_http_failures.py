"""Calls of `http` that fail and are what the node puts out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.unit.clients.http.target_server import TargetServer, reply, running_target
from workers.context import HandlerContext, Toolbox
from workers.handlers import HANDLER_REGISTRY
from workers.outcome import Failed, from_exception
from workers.registry import check_config


@pytest.fixture
async def target() -> AsyncIterator[TargetServer]:
    async with running_target() as server:
        yield server


@pytest.fixture
async def context() -> AsyncIterator[HandlerContext]:
    tools = Toolbox(environment="development")
    yield HandlerContext(execution_id="e1", node_id="A", tools=tools)
    await tools.aclose()


async def run(config: dict[str, Any], context: HandlerContext) -> Any:
    return await HANDLER_REGISTRY["http"](config, context)


async def test_a_call_that_fails_can_be_the_output(target: TargetServer, context: HandlerContext) -> None:
    target.answers["/gone"] = reply(404, b"no such order")
    answered = await run({"url": f"{target.url}/gone", "on_failure": "output"}, context)
    unreachable = await run({"url": "http://127.0.0.1:1024/", "on_failure": "output"}, context)

    assert (answered["status"], answered["status_code"]) == ("error", 404)
    assert answered["error"] == f"Http.4xx: GET {target.url}/gone answered 404"
    assert (unreachable["status"], unreachable["status_code"]) == ("error", 0)


@pytest.mark.parametrize("url", ["{url}", "", "ftp://x/", "http://", "http://a b/"])
async def test_a_url_that_is_none_once_it_is_resolved_is_a_failed_call(
    url: str, context: HandlerContext
) -> None:
    found = await run({"url": url, "on_failure": "output"}, context)
    with pytest.raises(Exception) as raised:
        await run({"url": url}, context)

    failed = from_exception(raised.value)
    assert (found["status"], found["status_code"]) == ("error", 0)
    assert found["error"].startswith("ConfigError: ")
    assert isinstance(failed, Failed)
    assert failed.error.type == "ConfigError"
    sent = {"url": url, "on_failure": "output"}
    assert [problem.path for problem in check_config("http", sent)] == ["config.url"]
