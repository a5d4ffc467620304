"""No way that a workflow may write an inside address leads there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from clients.http.wire import HttpError, NameNotResolved, RequestInvalid, SsrfBlocked
from orchestrator.engine import Engine
from orchestrator.states import NodeStatus
from tests.fake_handlers import ended, start
from tests.makers import WorkerFleet, node
from tests.security.ssrf import (
    HOSTS,
    NAMES,
    PORTS,
    PRODUCTION,
    REDIRECTS,
    URLS,
    FakeNames,
    ascii_name,
    guarded,
    names_of_the_corpus,
)
from tests.unit.clients.http.target_server import TargetServer, reply, running_target
from workers.context import Toolbox


@pytest.fixture
async def target() -> AsyncIterator[TargetServer]:
    async with running_target() as server:
        yield server


async def refusal(client_names: FakeNames, url: str) -> HttpError:
    client = guarded(client_names)
    with pytest.raises(HttpError) as refused:
        await client.request("GET", url)
    await client.aclose()
    return refused.value


@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_of_an_inside_address_reaches_the_sentinel(target: TargetServer, host: str) -> None:
    error = await refusal(FakeNames(), f"http://{host}:{target.port}/")

    assert isinstance(error, SsrfBlocked | RequestInvalid | NameNotResolved)
    assert target.connections == 0


@pytest.mark.parametrize("name", NAMES)
async def test_no_name_that_points_inside_reaches_the_sentinel(target: TargetServer, name: str) -> None:
    error = await refusal(FakeNames(**{ascii_name(name): [NAMES[name]]}), f"http://{name}:{target.port}/")

    assert isinstance(error, SsrfBlocked)
    assert target.connections == 0


@pytest.mark.parametrize("url", URLS)
async def test_what_is_not_plain_http_to_a_plain_host_is_not_sent(target: TargetServer, url: str) -> None:
    error = await refusal(FakeNames(), url.replace("{port}", str(target.port)))

    assert isinstance(error, RequestInvalid | SsrfBlocked | NameNotResolved)
    assert target.connections == 0


@pytest.mark.parametrize("port", PORTS)
async def test_ports_of_other_services_are_not_called(port: int) -> None:
    assert isinstance(await refusal(FakeNames(), f"http://93.184.216.34:{port}/"), SsrfBlocked)


@pytest.mark.parametrize("location", REDIRECTS)
async def test_every_hop_of_a_redirect_is_checked(target: TargetServer, location: str) -> None:
    names = FakeNames(door=[["127.0.0.1"]], inside_example=[["127.0.0.1"]], metadata=[["127.0.0.1"]])
    client = guarded(names, allow=[f"door:{target.port}"])
    target.answers["/"] = reply(302, location=location.replace("{port}", str(target.port)))
    target.answers["/hop"] = reply(302, location=f"http://127.0.0.1:{target.port}/inside")

    with pytest.raises(SsrfBlocked):
        await client.request("GET", f"http://door:{target.port}/")
    await client.aclose()

    assert {seen.path for seen in target.seen} <= {"/", "/hop"}
    assert all(seen.headers["host"].startswith("door:") for seen in target.seen)


async def test_a_name_that_changes_its_answer_is_dialled_at_the_checked_one(target: TargetServer) -> None:
    names = FakeNames(rebind=[["127.0.0.1"], ["169.254.169.254"]])
    client = guarded(names, allow=["127.0.0.0/8"])
    target.answers["/"] = reply(200, b"checked")

    result = await client.request("GET", f"http://rebind:{target.port}/")
    await client.aclose()

    assert (result.content, names.asked) == (b"checked", ["rebind"])


async def test_a_worker_blocks_the_whole_corpus_and_goes_on(
    engine: Engine, fleet: WorkerFleet, target: TargetServer
) -> None:
    tools = Toolbox(environment="production", http_policy=PRODUCTION)
    tools._http = guarded(names_of_the_corpus())
    await fleet.start(tools=tools)
    urls = [f"http://{host}:{target.port}/" for host in [*HOSTS, *NAMES]]
    urls += [url.replace("{port}", str(target.port)) for url in URLS]
    # By an input, as an attacker would: what stands in the definition itself may be refused when it comes in.
    nodes = [
        node(
            f"n{i}", handler="http", retry={"max_attempts": 1}, config={"url": f"{{{{ inputs.urls[{i}] }}}}"}
        )
        for i in range(len(urls))
    ]

    execution_id = (
        await engine.executions.submit({"name": "ssrf", "nodes": nodes}, inputs={"urls": urls}, trigger=True)
    ).execution_id
    await ended(engine, execution_id)

    assert len(urls) + len(REDIRECTS) + len(PORTS) >= 120
    for state, url in zip((await engine.executions.get(execution_id)).nodes, urls, strict=True):
        assert state.status is NodeStatus.FAILED, url
        assert state.error is not None
        assert state.error["type"] in ("SsrfBlocked", "ConfigError", "Http.Transport"), (url, state.error)
    assert target.connections == 0
    assert await ended(engine, await start(engine, node("after"))) == "COMPLETED"
