"""Messages about ends over real HTTP: signed with the secret of now, by the tenant's settings, guarded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from standardwebhooks import Webhook

from config import Settings
from orchestrator.definitions.targets import Target
from orchestrator.engine import Engine
from orchestrator.execution.deliveries import Answer, Delivery, DeliveryState
from orchestrator.states import ExecutionStatus
from tests.integration.receivers import delivery_of, ended, look, sending
from tests.makers import Rig, WorkerFleet, node, until, workflow
from tests.unit.clients.http.target_server import Seen, TargetServer, reply, running_target
from workers.context import Toolbox
from workers.runtime.settings import toolbox
from workers.runtime.webhook_channel import WebhookChannel
from workers.worker import Worker

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEWER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture
async def target() -> AsyncIterator[TargetServer]:
    async with running_target() as server:
        server.answers["/hook"] = reply(204)
        yield server


@pytest.fixture
async def built() -> AsyncIterator[Callable[..., WebhookChannel]]:
    """Build the channel from settings; closed after the test."""
    made: list[Toolbox] = []

    def build(**settings: Any) -> WebhookChannel:
        made.append(toolbox(Settings(**settings)))
        return WebhookChannel(made[-1])

    yield build
    for tools in made:
        await tools.aclose()


def delivery(target: Target, *, tenant: str = "default") -> Delivery:
    return Delivery(
        delivery_id="e1.1.0",
        tenant=tenant,
        execution_id="e1",
        generation=1,
        status=ExecutionStatus.COMPLETED,
        ended_ms=1_000,
        target=target,
        state=DeliveryState.PENDING,
        tries=0,
    )


async def sent(channel: WebhookChannel, target: Target, *, tenant: str = "default") -> Answer:
    return await channel.send(delivery(target, tenant=tenant), b'{"n":1}', 1_000)


async def test_a_rotated_secret_signs_the_next_attempt(rig: Rig, target: TargetServer) -> None:
    tools = Toolbox(webhook_secrets={"default": SECRET})
    target.answers["/hook"] = reply(500)
    execution_id = await ended(rig, on_complete={"url": f"{target.url}/hook", "headers": {"X-Team": "ops"}})
    rig.transitions.now_ms = await rig.store.now_ms()
    webhooks = sending(rig, WebhookChannel(tools))
    await look(rig, webhooks)
    tools.webhook_secrets = {"default": NEWER}
    target.answers["/hook"] = reply(204)

    await look(rig, webhooks, after_ms=5_000)
    await tools.aclose()

    first, second = target.seen
    assert Webhook(SECRET).verify(first.body, first.headers) == Webhook(NEWER).verify(
        second.body, second.headers
    )
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 5
    assert (first.headers["x-team"], first.headers["content-type"]) == ("ops", "application/json")
    assert (await delivery_of(rig, execution_id)).state is DeliveryState.DELIVERED


async def test_a_worker_sends_what_is_due(
    engine: Engine, fleet: WorkerFleet, target: TargetServer, built: Callable[..., WebhookChannel]
) -> None:
    await fleet.start(tools=Toolbox(webhook_secrets={"default": SECRET}))
    document = workflow(node("A"), output="{{ A }}", on_complete={"url": f"{target.url}/hook"})
    submitted = await engine.executions.submit(document, trigger=True)

    async def is_delivered() -> bool:
        page = await engine.deliveries.list(execution_id=submitted.execution_id)
        return [each.state for each in page.items] == [DeliveryState.DELIVERED]

    await until(is_delivered)
    (seen,) = target.seen
    message = Webhook(SECRET).verify(seen.body, seen.headers)
    assert message["type"] == "execution.completed"
    assert message["data"]["output"] is not None


async def test_a_worker_that_is_drained_lets_a_message_arrive(
    engine: Engine, fleet: WorkerFleet, target: TargetServer
) -> None:
    has_come, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(seen: Seen) -> bytes:
        has_come.set()
        await may_answer.wait()
        return reply(204)

    target.answers["/hook"] = slow
    worker = await fleet.start(tools=Toolbox(webhook_secrets={"default": SECRET}), drain_s=60.0)
    document = workflow(node("A"), on_complete={"url": f"{target.url}/hook"})
    submitted = await engine.executions.submit(document, trigger=True)
    await has_come.wait()
    stopping = asyncio.create_task(fleet.stop(worker))
    await until(_has_begun_to_drain(worker))

    may_answer.set()
    await stopping

    page = await engine.deliveries.list(execution_id=submitted.execution_id)
    assert [each.state for each in page.items] == [DeliveryState.DELIVERED]


def _has_begun_to_drain(worker: Worker) -> Callable[[], Awaitable[bool]]:
    async def has_begun() -> bool:
        return worker.deliveries.is_draining

    return has_begun


async def test_a_worker_may_be_told_to_send_nothing(
    engine: Engine, fleet: WorkerFleet, target: TargetServer
) -> None:
    await fleet.start("silent", tools=Toolbox(webhook_secrets={"default": SECRET}), deliveries=False)
    document = workflow(node("A"), on_complete={"url": f"{target.url}/hook", "secret": "own"})
    submitted = await engine.executions.submit(document, trigger=True)
    tools = Toolbox(webhook_secrets={"own": SECRET})

    async def has_ended() -> bool:
        return (await engine.executions.status(submitted.execution_id)).is_terminal

    await until(has_ended)
    await fleet.start("sending", tools=tools)

    async def is_sent() -> bool:
        return bool(target.seen)

    await until(is_sent)
    assert Webhook(SECRET).verify(target.seen[0].body, target.seen[0].headers)


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_redirect_is_a_failure_and_not_followed(
    target: TargetServer, built: Callable[..., WebhookChannel], status: int
) -> None:
    target.answers["/hook"] = reply(status, location=f"{target.url}/other")

    answer = await sent(built(webhook_secrets={"default": SECRET}), Target(url=f"{target.url}/hook"))

    assert (answer.status_code, answer.error) == (status, f"{target.url} answered {status}")
    assert [seen.path for seen in target.seen] == ["/hook"]


async def test_retry_after_is_read(target: TargetServer, built: Callable[..., WebhookChannel]) -> None:
    target.answers["/hook"] = reply(429, b"slow  down", retry_after="120")

    answer = await sent(built(webhook_secrets={"default": SECRET}), Target(url=f"{target.url}/hook"))

    assert answer.retry_after_s == 120.0
    assert answer.error == f"{target.url} answered 429: slow down"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:9/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://localhost/",
    ],
)
async def test_inner_addresses_are_refused_in_production(
    built: Callable[..., WebhookChannel], url: str
) -> None:
    channel = built(environment="production", webhook_secrets={"default": SECRET})

    answer = await sent(channel, Target(url=url))

    assert answer.status_code is None
    assert answer.error is not None
    assert answer.is_final


async def test_metadata_is_refused_in_development_too(built: Callable[..., WebhookChannel]) -> None:
    channel = built(webhook_secrets={"default": SECRET})

    answer = await sent(channel, Target(url="http://169.254.169.254/latest"))

    assert answer.is_final


async def test_a_secret_or_url_of_another_tenant_is_not_set(
    target: TargetServer, built: Callable[..., WebhookChannel]
) -> None:
    channel = built(webhook_secrets={"default": SECRET}, notify_urls={"ops": f"{target.url}/hook"})

    named = await sent(channel, Target(url="ops"), tenant="acme")
    signed = await sent(channel, Target(url=f"{target.url}/hook"), tenant="acme")
    own = await sent(channel, Target(url="ops"))

    assert named.error == "NOTIFY_URLS has no 'ops'"
    assert signed.error == "a webhook is signed, and WEBHOOK_SECRETS has no 'default'"
    assert (own.status_code, own.error, len(target.seen)) == (204, None, 1)


async def test_no_secret_stands_in_the_log_of_attempts(
    target: TargetServer, built: Callable[..., WebhookChannel]
) -> None:
    channel = built(
        webhook_secrets={"default": SECRET, "bad": "whsec_abcde"},
        notify_urls={"ops": "http://127.0.0.1:1025/hook/s3cret-path?key=s3cret"},
    )

    answers = [
        await sent(channel, Target(url="ops")),
        await sent(channel, Target(url=f"{target.url}/hook", secret="bad")),
    ]

    texts = " ".join(answer.error or "" for answer in answers)
    assert "cannot connect to http://127.0.0.1:1025" in texts
    assert "a webhook secret is not" in texts
    assert "s3cret" not in texts
    assert "abcde" not in texts
