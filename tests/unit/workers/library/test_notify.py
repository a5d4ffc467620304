"""The `notify` handler: the log, and webhooks and Slack over real HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from clients.http.client import HttpPolicy
from tests.unit.clients.http.target_server import Seen, TargetServer, reply, running_target
from tests.unit.workers.library.notices import Kept, fail, run
from workers.context import HandlerContext, Toolbox
from workers.registry import check_config

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture
async def target() -> AsyncIterator[TargetServer]:
    async with running_target() as server:
        yield server


@pytest.fixture
async def tools() -> AsyncIterator[Toolbox]:
    made = Toolbox(webhook_secrets={"default": SECRET, "shop": f"{SECRET} {OTHER_SECRET}"})
    yield made
    await made.aclose()


@pytest.fixture
def context(tools: Toolbox) -> HandlerContext:
    return HandlerContext(execution_id="e1", node_id="A.b", sink=Kept(), tools=tools)


# Log


async def test_a_notice_goes_to_the_history_and_to_the_worker_s_log(
    context: HandlerContext, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="headrace.notify"):
        output = await run(
            context, channel="log", message={"sum": 3}, level="warning", title="Done", data={"n": 1}
        )

    assert output == {"status": "ok", "channel": "log", "message": '{"sum":3}', "data": {"n": 1}}
    assert isinstance(context.sink, Kept)
    shown = {"level": "warning", "message": '{"sum":3}', "data": {"title": "Done", "data": {"n": 1}}}
    assert context.sink.events == [("node.log", shown)]
    (record,) = caplog.records
    assert (record.levelname, record.__dict__["text"]) == ("WARNING", '{"sum":3}')


# Webhooks


async def test_a_webhook_is_signed_by_the_standard(target: TargetServer, context: HandlerContext) -> None:
    target.answers["/hook"] = reply(204)

    output = await run(
        context,
        channel="webhook",
        url=f"{target.url}/hook",
        message="done",
        headers={"X-Team": "ops", "Webhook-Id": "mine"},
    )

    (seen,) = target.seen
    told = Webhook(SECRET).verify(seen.body, seen.headers)
    assert told["type"] == "workflow.notification"
    assert told["data"] == {
        "title": None, "message": "done", "level": "info", "execution_id": "e1", "node_id": "A.b",
    }  # fmt: skip
    assert (seen.headers["x-team"], seen.headers["content-type"]) == ("ops", "application/json")
    assert output["id"] == seen.headers["webhook-id"] != "mine"
    assert "." not in output["id"]


async def test_every_try_has_the_same_webhook_id_and_other_nodes_another(
    target: TargetServer, context: HandlerContext, tools: Toolbox
) -> None:
    target.answers["/"] = reply(200)
    again = HandlerContext(execution_id="e1", node_id="A.b", attempt=7, try_number=2, tools=tools)
    other = HandlerContext(execution_id="e1", node_id="B", tools=tools)

    ids = [
        (await run(each, channel="webhook", url=target.url, message="x"))["id"]
        for each in (context, again, other)
    ]

    assert ids[0] == ids[1] != ids[2]


async def test_while_a_secret_changes_both_sign(target: TargetServer, context: HandlerContext) -> None:
    target.answers["/"] = reply(200)

    await run(context, channel="webhook", url=target.url, secret="shop", event="order.paid", data={"id": 5})

    (seen,) = target.seen
    for secret in (SECRET, OTHER_SECRET):
        assert Webhook(secret).verify(seen.body, seen.headers)["data"] == {"id": 5}
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 32).verify(seen.body, seen.headers)


async def test_a_url_may_be_known_by_name_only(target: TargetServer, context: HandlerContext) -> None:
    target.answers["/T1/secret"] = reply(200)
    context.tools.notify_urls = {"ops": f"{target.url}/T1/secret"}

    assert (await run(context, channel="webhook", url="ops", message="x"))["status_code"] == 200
    assert (await fail(context, channel="webhook", url="dev", message="x")).error.type == "ConfigError"


@pytest.mark.parametrize(
    ("status", "error_type", "retryable"),
    [(410, "Http.4xx", False), (400, "Http.4xx", True), (404, "Http.4xx", True), (429, "Http.4xx", True),
     (503, "Http.5xx", True), (302, "Http.Transport", True)],
)  # fmt: skip
async def test_a_webhook_is_delivered_by_2xx_only_and_gone_is_for_good(
    target: TargetServer, context: HandlerContext, status: int, error_type: str, retryable: bool
) -> None:
    target.answers["/T1/secret"] = reply(status, b"no", retry_after="7", location=f"{target.url}/else")

    failure = await fail(context, channel="webhook", url=f"{target.url}/T1/secret", message="x")

    assert (failure.error.type, failure.error.retryable) == (error_type, retryable)
    assert failure.retry_after_ms == 7000
    assert len(target.seen) == 1
    assert "secret" not in repr(failure)


async def test_a_receiver_that_is_too_slow_is_tried_again(
    target: TargetServer, context: HandlerContext
) -> None:
    async def never(_: Seen) -> bytes:
        await asyncio.Event().wait()
        return b""

    target.answers["/T1/secret"] = never

    failure = await fail(
        context, channel="webhook", url=f"{target.url}/T1/secret", message="x", timeout="100ms"
    )

    assert (failure.error.type, failure.error.retryable) == ("Http.Transport", True)
    assert "0.1 s" in failure.error.message
    assert "secret" not in repr(failure)


async def test_notices_go_to_judged_addresses_only(target: TargetServer) -> None:
    tools = Toolbox(
        environment="production",
        http_policy=HttpPolicy.for_environment("production"),
        webhook_secrets={"default": SECRET},
    )
    context = HandlerContext(execution_id="e1", node_id="A", tools=tools)

    for channel in ("webhook", "slack"):
        failure = await fail(context, channel=channel, url=target.url, message="x")
        assert (failure.error.type, failure.error.retryable) == ("SsrfBlocked", False)

    assert not target.connections
    await tools.aclose()


@pytest.mark.parametrize("secret", ["whsec_", "whsec_%%%", "nobody"])
async def test_without_a_usable_secret_nothing_is_sent(
    target: TargetServer, context: HandlerContext, secret: str
) -> None:
    failure = await fail(context, channel="webhook", url=target.url, message="x", secret=secret)

    assert (failure.error.type, failure.error.retryable) == ("ConfigError", False)
    assert not target.seen


async def test_in_development_a_webhook_goes_unsigned_where_no_secret_is_set_and_says_so(
    target: TargetServer, context: HandlerContext
) -> None:
    context.tools.webhook_secrets = {}
    target.answers["/"] = reply(204)

    output = await run(
        context, channel="webhook", url=target.url, message="x", headers={"Webhook-Signature": "v1,forged"}
    )

    (seen,) = target.seen
    assert (output["is_signed"], seen.headers["webhook-id"]) == (False, output["id"])
    assert "webhook-signature" not in seen.headers
    assert isinstance(context.sink, Kept)
    assert "without a signature" in context.sink.events[0][1]["message"]


async def test_where_no_secret_is_set_in_production_the_error_says_how(
    target: TargetServer, context: HandlerContext
) -> None:
    context.tools.webhook_secrets, context.tools.environment = {}, "production"

    failure = await fail(context, channel="webhook", url=target.url, message="x")

    assert failure.error.type == "Notify.NotConfigured"
    assert "WEBHOOK_SECRETS" in failure.error.message
    assert not target.seen


# Slack


async def test_slack_gets_its_text_and_further_fields(target: TargetServer, context: HandlerContext) -> None:
    target.answers["/services/x"] = reply(200, b"ok")
    blocks = [{"type": "divider"}]

    output = await run(
        context,
        channel="slack",
        url=f"{target.url}/services/x",
        title="Orders",
        message="3 paid",
        data={"blocks": blocks},
    )

    assert output == {"status": "ok", "channel": "slack", "status_code": 200}
    assert json.loads(target.seen[0].body) == {"text": "*Orders*\n3 paid", "blocks": blocks}


@pytest.mark.parametrize(("status", "retryable"), [(400, False), (404, False), (429, True), (500, True)])
async def test_what_slack_refuses_is_not_tried_again(
    target: TargetServer, context: HandlerContext, status: int, retryable: bool
) -> None:
    target.answers["/"] = reply(status, b"invalid_payload", retry_after="30")

    failure = await fail(context, channel="slack", url=target.url, message="x")

    assert (failure.error.retryable, failure.retry_after_ms) == (retryable, 30_000)
    assert failure.error.details is not None and failure.error.details["body"] == "invalid_payload"


# Configs


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"message": "x"}, "needs the config field 'channel'"),
        ({"channel": "pigeon"}, "'log', 'webhook', 'slack', 'email' or 'apprise'"),
        ({"channel": "slack", "message": "x"}, "channel 'slack' needs 'url'"),
        ({"channel": "email", "message": "x", "to": []}, "channel 'email' needs 'to'"),
        ({"channel": "webhook", "url": "http://x"}, "needs 'message' or 'data'"),
        ({"channel": "log", "message": "x", "url": "http://x"}, "channel 'log' takes no 'url'"),
        ({"channel": "log", "mesage": "x"}, "no config field 'mesage'"),
        ({"channel": "slack", "message": "x", "url": "ops", "timeout": "soon"}, "soon"),
    ],
)
def test_a_config_that_does_not_fit_its_channel_is_refused_beforehand(
    config: dict[str, Any], said: str
) -> None:
    assert any(said in problem.message for problem in check_config("notify", config))


def test_templates_may_stand_for_any_value() -> None:
    config = {"channel": "email", "message": "{{ A }}", "to": "{{ A.people }}", "timeout": "{{ inputs.t }}"}

    assert check_config("notify", config) == []
