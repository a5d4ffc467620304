"""The `container` handler where the engine is absent or unwilling, or the deployment says no."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.definitions.retry_decision import next_delay_ms
from tests.unit.clients.containers.fake_engine import FakeEngine
from tests.unit.workers.library.containers import fail, run, settings
from workers.context import HandlerContext, Toolbox
from workers.registry import default_retry


@pytest.mark.parametrize("url", ["unix:///no/such/engine.sock", "tcp://127.0.0.1:1", "nonsense://x"])
async def test_where_no_engine_answers_the_error_says_so(context: HandlerContext, url: str) -> None:
    settings(context, engine_url=url)

    error = await fail(context)

    assert (error.type, error.retryable) == ("Container.Unavailable", True)
    assert url in error.message and "DOCKER_HOST" in error.message
    policy = default_retry("container")
    assert next_delay_ms(policy, 1, error, random=lambda: 0.5) is not None


async def test_proxies_of_the_environment_are_not_asked(
    engine: FakeEngine, context: HandlerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await asyncio.start_server(engine.serve, "127.0.0.1", 0)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    settings(context, engine_url=f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    assert (await run(context))["status"] == "ok"
    server.close()


async def test_an_image_that_is_missing_is_pulled(engine: FakeEngine, context: HandlerContext) -> None:
    engine.registry = {"other:2"}

    assert (await run(context, image="other:2"))["status"] == "ok"
    assert engine.requests.count("POST /images/create") == 1


async def test_an_image_that_cannot_be_had_is_named(engine: FakeEngine, context: HandlerContext) -> None:
    pulled = await fail(context, image="gone:1")
    unpulled = await fail(context, image="gone:1", pull="never")

    assert (pulled.type, pulled.retryable) == ("Container.Pull", True)
    assert "manifest for gone:1 not found" in pulled.message
    assert (unpulled.type, unpulled.retryable) == ("Container.ImageNotFound", False)


@pytest.mark.parametrize(
    ("status", "error_type", "retryable"),
    [(400, "Container.Refused", False), (500, "Container.Unavailable", True)],
)
async def test_what_the_engine_refuses_is_not_tried_again_and_its_own_failures_are(
    engine: FakeEngine, context: HandlerContext, status: int, error_type: str, retryable: bool
) -> None:
    engine.failures["POST /containers/…/start"] = [(status, "exec: not found")]

    error = await fail(context)

    assert (error.type, error.retryable) == (error_type, retryable)
    assert "exec: not found" in error.message
    assert not engine.containers


async def test_a_container_that_cannot_be_removed_does_not_cost_the_result(
    engine: FakeEngine, context: HandlerContext
) -> None:
    engine.failures["DELETE /containers/…"] = [(500, "device busy")]

    assert (await run(context))["status"] == "ok"


async def test_only_listed_images_networks_and_sizes_run(engine: FakeEngine, context: HandlerContext) -> None:
    settings(context, images=("tool:*",), networks=("crawl",), memory_mb=128, cpus=1)

    refused = [
        await fail(context, image="evil:1"),
        await fail(context, network="bridge"),
        await fail(context, memory_mb=129),
        await fail(context, cpus=1.5),
    ]

    assert {(error.type, error.retryable) for error in refused} == {("Container.Refused", False)}
    assert "'evil:1' is not in CONTAINER_IMAGES (tool:*)" in refused[0].message
    assert not engine.requests
    assert (await run(context, network="crawl", memory_mb=64))["status"] == "ok"


async def test_the_host_s_own_network_is_never_given(context: HandlerContext) -> None:
    assert (await fail(context, network="host")).type == "Container.Refused"


async def test_production_runs_no_image_that_nobody_listed(engine: FakeEngine) -> None:
    tools = Toolbox(environment="production")

    error = await fail(HandlerContext(execution_id="e1", node_id="A", tools=tools))

    assert error.type == "Container.Refused"
    await tools.aclose()
