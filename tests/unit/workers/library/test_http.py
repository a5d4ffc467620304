"""`http` and `call_external_service` against a real server on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from clients.http.client import GuardedHttpClient, HttpPolicy
from clients.http.wire import NameNotResolved, SsrfBlocked
from tests.unit.clients.http.target_server import Seen, TargetServer, reply, running_target
from workers.context import HandlerContext, Toolbox
from workers.handlers import HANDLER_REGISTRY
from workers.library.http import map_service
from workers.outcome import Failed, from_exception

Run = Callable[..., Any]


class Kept:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def emit(self, type: str, data: dict[str, Any]) -> None:
        self.events.append((type, data))


async def no_names(host: str, port: int) -> Any:
    raise OSError("Name or service not known")


@pytest.fixture
async def target() -> AsyncIterator[TargetServer]:
    async with running_target() as server:
        yield server


@pytest.fixture
async def tools() -> AsyncIterator[Toolbox]:
    made = Toolbox(environment="development")
    yield made
    await made.aclose()


@pytest.fixture
def context(tools: Toolbox) -> HandlerContext:
    return HandlerContext(execution_id="e1", node_id="A", sink=Kept(), tools=tools)


async def run(name: str, config: dict[str, Any], context: HandlerContext) -> Any:
    return await HANDLER_REGISTRY[name](config, context)


async def fail(name: str, config: dict[str, Any], context: HandlerContext) -> Failed:
    with pytest.raises(Exception) as raised:
        await run(name, config, context)
    outcome = from_exception(raised.value)
    assert isinstance(outcome, Failed)
    return outcome


async def test_an_answer_becomes_the_output(target: TargetServer, context: HandlerContext) -> None:
    target.answers["/x"] = reply(200, b'{"rows": [1]}', content_type="application/json")

    output = await run(
        "http", {"url": f"{target.url}/x", "query": {"a": [1, 2], "b": True, "c": None}}, context
    )

    assert output.pop("duration_ms") >= 0
    assert output.pop("headers")["content-type"] == "application/json"
    assert output == {"status": "ok", "status_code": 200, "body": {"rows": [1]}}
    assert target.seen[0].path == "/x?a=1&a=2&b=true"
    assert "idempotency-key" not in target.seen[0].headers


async def test_a_body_is_json_or_text_and_unsafe_methods_carry_a_key(
    target: TargetServer, context: HandlerContext
) -> None:
    target.answers["/"] = reply(200)

    await run("http", {"url": target.url, "method": "post", "body": {"a": 1}, "headers": {"X-N": 5}}, context)
    await run("http", {"url": target.url, "method": "PUT", "body": "grüße"}, context)
    await run("http", {"url": target.url, "method": "POST", "headers": {"Idempotency-Key": "mine"}}, context)

    first, second, third = target.seen
    assert (json.loads(first.body), first.headers["content-type"]) == ({"a": 1}, "application/json")
    assert (first.headers["x-n"], first.headers["idempotency-key"]) == ("5", "e1:A")
    assert (second.body.decode(), second.headers["content-type"]) == ("grüße", "text/plain; charset=utf-8")
    assert (third.headers["idempotency-key"], third.headers["content-length"]) == ("mine", "0")


@pytest.mark.parametrize(
    ("status", "error_type", "retryable"),
    [(400, "Http.4xx", False), (404, "Http.4xx", False), (408, "Http.4xx", True), (425, "Http.4xx", True),
     (429, "Http.4xx", True), (500, "Http.5xx", True), (503, "Http.5xx", True)],
)  # fmt: skip
async def test_an_error_status_fails_the_node(
    target: TargetServer, context: HandlerContext, status: int, error_type: str, retryable: bool
) -> None:
    target.answers["/x"] = reply(status, b"went wrong", retry_after="7")

    failure = await fail("http", {"url": f"{target.url}/x?key=secret"}, context)

    assert (failure.error.type, failure.error.retryable, failure.retry_after_ms) == (
        error_type,
        retryable,
        7000,
    )
    assert failure.error.details == {"status": status, "url": f"{target.url}/x", "body": "went wrong"}
    assert "secret" not in failure.error.message


@pytest.mark.parametrize("expected", [404, [200, 404], "4xx", ["404"]])
async def test_a_status_that_is_expected_is_an_answer(
    target: TargetServer, context: HandlerContext, expected: Any
) -> None:
    output = await run("http", {"url": f"{target.url}/none", "expect_status": expected}, context)

    assert (output["status"], output["status_code"]) == ("ok", 404)


async def test_a_post_is_repeated_only_when_the_node_asks_for_it(
    target: TargetServer, context: HandlerContext
) -> None:
    target.answers["/"] = reply(503)
    config = {"url": target.url, "method": "POST"}

    unasked = await fail("http", config, context)
    context.has_retry_policy = True
    asked = await fail("http", config, context)

    assert (unasked.error.retryable, asked.error.retryable) == (False, True)


async def test_a_post_that_was_not_sent_may_be_repeated_and_a_broken_one_may_not(
    target: TargetServer, context: HandlerContext
) -> None:
    target.answers["/broken"] = b"nonsense\r\n\r\n"

    refused = await fail("http", {"url": "http://127.0.0.1:1024/", "method": "POST"}, context)
    broken = await fail("http", {"url": f"{target.url}/broken", "method": "POST"}, context)

    assert (refused.error.type, refused.error.retryable) == ("Http.Transport", True)
    assert (broken.error.type, broken.error.retryable) == ("Http.Transport", False)


@pytest.mark.parametrize("name", ["http", "call_external_service"])
async def test_json_that_no_output_can_hold_fails_the_node(
    target: TargetServer, context: HandlerContext, name: str
) -> None:
    target.answers["/deep"] = reply(200, b"[" * 900 + b"]" * 900, content_type="application/json")
    target.answers["/large"] = reply(200, b"[1e400]", content_type="application/json")

    deep = await fail(name, {"url": f"{target.url}/deep?key=secret"}, context)
    large = await fail(name, {"url": f"{target.url}/large"}, context)

    assert (deep.error.type, deep.error.retryable) == ("Http.BadResponse", False)
    assert "253 levels" in deep.error.message and "secret" not in deep.error.message
    assert (large.error.type, large.error.details["body"]) == ("Http.BadResponse", "[1e400]")


@pytest.mark.parametrize("filling", [0, 200_000])
async def test_a_long_integer_comes_and_goes_exactly(
    target: TargetServer, context: HandlerContext, filling: int
) -> None:
    long = 123456789012345678901234567890
    content = b'{"id": %d, "x": "%s"}' % (long, b"x" * filling)
    target.answers["/"] = reply(200, content, content_type="application/json")

    output = await run("http", {"url": target.url}, context)
    again = {
        "url": target.url,
        "method": "POST",
        "body": {"id": long},
        "query": {"id": long},
        "headers": {"X-Id": long},
    }
    await run("http", again, context)

    assert output["body"]["id"] == long
    sent = target.seen[-1]
    assert (sent.body, sent.path, sent.headers["x-id"]) == (b'{"id":%d}' % long, f"/?id={long}", str(long))


async def test_a_redirect_takes_no_secret_and_no_body_along(target: TargetServer) -> None:
    elsewhere = f"http://localhost:{target.port}/there"
    target.answers["/moved"] = reply(302, location=elsewhere)
    target.answers["/kept"] = reply(307, location=elsewhere)
    target.answers["/there"] = reply(200)
    tools = Toolbox(environment="development", secrets={"TOKEN": "hunter 2"})
    context = HandlerContext(execution_id="e1", node_id="A", sink=Kept(), tools=tools)
    headers = {"User-Agent": "agent/hunter%202", "Accept-Language": "de", "Authorization": "t", "Cookie": "c"}
    kept = {"url": f"{target.url}/kept", "method": "POST", "body": {"p": 1}}

    await run("http", {"url": f"{target.url}/moved", "headers": headers, "method": "POST"}, context)
    refused = await fail("http", kept, context)
    also_refused = await fail("call_external_service", kept, context)
    await run("http", {**kept, "resend_body_across_origins": True}, context)
    await tools.aclose()

    moved, resent = (seen for seen in target.seen if seen.path == "/there")
    assert moved.headers["accept-language"] == "de"
    assert not {"authorization", "cookie", "idempotency-key"} & (moved.headers.keys() | resent.headers.keys())
    assert "hunter" not in str(moved.headers)
    assert (refused.error.type, refused.error.retryable) == ("Http.RedirectRefused", False)
    assert also_refused.error.type == "Http.RedirectRefused"
    assert resent.body == b'{"p":1}'


async def test_a_tunnel_is_not_asked_for(target: TargetServer, context: HandlerContext) -> None:
    failure = await fail("http", {"url": target.url, "method": "connect"}, context)

    assert failure.error.type == "ConfigError"
    assert target.connections == 0


async def test_limits_of_a_node_are_kept(target: TargetServer, context: HandlerContext) -> None:
    target.answers["/"] = reply(200, b"x" * 2000)

    failure = await fail("http", {"url": target.url, "max_bytes": 1000}, context)

    assert (failure.error.type, failure.error.retryable) == ("OutputTooLarge", False)


async def test_production_does_not_call_inside(target: TargetServer) -> None:
    tools = Toolbox(environment="production")
    context = HandlerContext(execution_id="e1", node_id="A", tools=tools)

    with pytest.raises(SsrfBlocked):
        await run("http", {"url": target.url}, context)
    await tools.aclose()
    assert target.connections == 0


# ------------------------------------------------------------------ call_external_service


async def test_a_service_is_called_by_its_name(target: TargetServer) -> None:
    tools = Toolbox(environment="production", services={"service-a": f"{target.url}/base/"})
    context = HandlerContext(execution_id="e1", node_id="A", tools=tools)
    target.answers["/base/"] = reply(200, b"hello")
    target.answers["/base/v1"] = reply(200, b'{"a": 1}', content_type="application/json")

    text = await run("call_external_service", {"url": "http://service-a"}, context)
    parsed = await run("call_external_service", {"url": "http://service-a/v1?x=1"}, context)
    await tools.aclose()

    assert text == {"status": "ok", "data": "hello", "url": "http://service-a/", "status_code": 200}
    assert parsed["data"] == {"a": 1}
    assert target.seen[1].path == "/base/v1?x=1"


async def test_an_answer_may_be_put_into_the_path(target: TargetServer, context: HandlerContext) -> None:
    def echo(seen: Seen) -> bytes:
        return reply(200, seen.path.encode())

    quoted = "/Simulated%20response%20for:%20Summarize%20http://service-a"
    target.answers[quoted] = echo

    output = await run(
        "call_external_service",
        {"url": f"{target.url}/Simulated response for: Summarize http://service-a"},
        context,
    )

    assert output["data"] == quoted


async def test_a_bare_name_nobody_knows_is_simulated_in_development() -> None:
    kept = Kept()
    tools = Toolbox(environment="development")
    tools._http = GuardedHttpClient(HttpPolicy.for_environment("development"), resolver=no_names)
    context = HandlerContext(execution_id="e1", node_id="A", tools=tools, sink=kept)

    output = await run("call_external_service", {"url": "http://consumer/a b"}, context)

    assert output == {
        "status": "ok",
        "data": "Simulated call to http://consumer/a b",
        "url": "http://consumer/a%20b",
        "status_code": 200,
        "simulated": True,
    }
    ((event, data),) = kept.events
    assert (event, data["level"]) == ("node.log", "warning")


@pytest.mark.parametrize(
    ("environment", "services", "url"),
    [
        ("production", {}, "http://consumer/"),
        ("development", {}, "http://api.example.com/"),
        ("development", {"consumer": "http://gone.example:8000"}, "http://consumer/"),
        ("development", {"consumer": "http://gone:8000"}, "http://consumer/"),
    ],
)
async def test_any_other_name_without_an_address_is_a_transport_failure(
    environment: Any, services: dict[str, str], url: str
) -> None:
    policy = HttpPolicy.for_environment(environment, services=services)
    tools = Toolbox(environment=environment, services=services)
    tools._http = GuardedHttpClient(policy, resolver=no_names)

    with pytest.raises(NameNotResolved) as failed:
        await run(
            "call_external_service", {"url": url}, HandlerContext(execution_id="e", node_id="A", tools=tools)
        )

    assert failed.value.error_type == "Http.Transport"


@pytest.mark.parametrize("status", [304, 404, 500])
async def test_an_answer_that_is_not_2xx_fails_the_call(
    target: TargetServer, context: HandlerContext, status: int
) -> None:
    target.answers["/x"] = reply(status)

    failure = await fail("call_external_service", {"url": f"{target.url}/x"}, context)

    assert failure.error.type == {304: "Http.Transport", 404: "Http.4xx", 500: "Http.5xx"}[status]


def test_only_a_name_without_a_port_is_a_service() -> None:
    services = {"a": "http://echo:9000"}

    assert map_service("http://a/x?y=1", services) == "http://echo:9000/x?y=1"
    assert map_service("http://a:8080/x", services) == "http://a:8080/x"
    assert map_service("http://b/x", services) == "http://b/x"
