"""Durable starts: what is accepted is on the disk of Redis before it is answered, or the answer says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from clients.redis_client import RedisClient, connect_commands
from orchestrator.engine import Engine
from orchestrator.errors import ConfigError, DurabilityUnknown
from orchestrator.states import ExecutionStatus
from orchestrator.store import durability
from orchestrator.store.durability import Durability
from orchestrator.store.health import await_usable, check_redis
from orchestrator.store.requests import Idempotency
from tests.integration.waiting_nodes import asking, shown
from tests.integration.webhooks_at_work import delivery, hooked
from tests.makers import FakeWorker, Rig, node, workflow
from tests.redis_server import RedisServer
from workers.handlers import Catalogue

Act = Callable[[Rig, Engine], Awaitable[object]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path, is_durable=True)
    made.start()
    yield made
    made.kill()


@pytest.fixture
async def connected(server: RedisServer) -> AsyncIterator[RedisClient]:
    client = connect_commands(server.url)
    yield client
    await client.aclose()


@pytest.fixture
async def other(server: RedisServer) -> AsyncIterator[RedisClient]:
    """A client to wait for the disk with."""
    client = connect_commands(server.url)
    yield client
    await client.aclose()


@pytest.fixture
async def prepared(connected: RedisClient) -> Rig:
    """An engine that waits for nothing."""
    engine = Engine(connected, connected, catalogue=Catalogue)
    await engine.transitions.load()
    worker = FakeWorker(engine.transitions, connected)
    return Rig(connected, engine.transitions, engine.store, engine, worker)


@pytest.fixture
def durable(connected: RedisClient, other: RedisClient) -> Engine:
    return Engine(connected, connected, catalogue=Catalogue, durable=other)


async def submit(rig: Rig, engine: Engine) -> object:
    return await engine.executions.submit(workflow(node("A")))


async def trigger(rig: Rig, engine: Engine) -> object:
    return await engine.executions.trigger(await rig.submit(node("A"), trigger=False))


async def replay(rig: Rig, engine: Engine) -> object:
    return await engine.executions.replay(await rig.submit(node("A")))


async def fork(rig: Rig, engine: Engine) -> object:
    return await engine.executions.fork(await rig.submit(node("A")), from_node="A")


async def retry(rig: Rig, engine: Engine) -> object:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all(failing=["A"])
    return await engine.executions.retry(execution_id)


async def signal(rig: Rig, engine: Engine) -> object:
    return await engine.signals.send(await rig.submit(node("A")), "go")


async def decide(rig: Rig, engine: Engine) -> object:
    execution_id = await asking(rig)
    seen = await shown(rig, execution_id)
    return await engine.approvals.decide(execution_id, "P", decision="approve", by="ann", shown=seen)


async def deliver(rig: Rig, engine: Engine) -> object:
    return await engine.incoming.receive(delivery(await hooked(rig)))


async def deliver_again(rig: Rig, engine: Engine) -> object:
    sent = delivery(await hooked(rig), delivery_id="d1")
    await rig.engine.incoming.receive(sent)
    return await engine.incoming.receive(sent)


ACTS: dict[str, Act] = {
    act.__name__: act
    for act in (submit, trigger, replay, fork, retry, signal, decide, deliver, deliver_again)
}


@pytest.mark.parametrize("act", ACTS)
async def test_what_the_disk_does_not_confirm_is_not_answered_as_accepted(
    prepared: Rig, durable: Engine, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With `appendfsync no` no write is ever known to be on disk.
    monkeypatch.setattr(durability, "WAIT_MS", 20)

    with pytest.raises(DurabilityUnknown, match="send the same request again"):
        await ACTS[act](prepared, durable)


@pytest.mark.parametrize("act", ACTS)
async def test_what_the_disk_confirms_is_answered(prepared: Rig, durable: Engine, act: str) -> None:
    await prepared.redis.config_set("appendfsync", "always")

    assert await ACTS[act](prepared, durable)


async def test_a_repeat_after_an_unknown_outcome_starts_nothing_twice(
    prepared: Rig, durable: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Idempotency("key", "digest", "call")
    monkeypatch.setattr(durability, "WAIT_MS", 20)
    with pytest.raises(DurabilityUnknown):
        await durable.executions.submit(workflow(node("A")), trigger=True, idempotency=key)

    with pytest.raises(DurabilityUnknown):
        await durable.executions.submit(workflow(node("A")), trigger=True, idempotency=key)
    await prepared.redis.config_set("appendfsync", "always")
    again = await durable.executions.submit(workflow(node("A")), trigger=True, idempotency=key)

    assert again.replayed
    assert len((await prepared.engine.executions.list()).items) == 1


async def test_an_accepted_start_outlives_the_process_of_redis(
    prepared: Rig, durable: Engine, server: RedisServer
) -> None:
    await prepared.redis.config_set("appendfsync", "everysec")

    found = await durable.executions.submit(workflow(node("A")), trigger=True)
    server.kill()
    server.start()

    assert await prepared.engine.executions.status(found.execution_id) is ExecutionStatus.RUNNING


async def test_the_disk_of_another_process_of_redis_confirms_nothing(
    server: RedisServer, other: RedisClient, prepared: Rig
) -> None:
    keeper = Durability(other, prepared.engine.keys)

    async def restart() -> None:
        async with keeper.kept():
            server.kill()
            server.start()
            fresh = connect_commands(server.url)
            await fresh.config_set("appendfsync", "always")
            await fresh.aclose()

    with pytest.raises(DurabilityUnknown, match="restarted"):
        await restart()


async def test_many_at_once_share_few_waits(
    prepared: Rig, durable: Engine, other: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepared.redis.config_set("appendfsync", "everysec")

    found = await asyncio.gather(*(durable.executions.submit(workflow(node("A"))) for _ in range(200)))

    assert len({each.execution_id for each in found}) == 200
    waits = (await prepared.redis.info("commandstats"))["cmdstat_waitaof"]["calls"]
    assert waits < 200


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("appendonly", "no", "no append-only file"),
        ("appendfsync", "no", "appendfsync is 'no'"),
    ],
)
async def test_a_redis_that_cannot_confirm_is_refused_with_the_cure(
    connected: RedisClient, option: str, value: str, said: str
) -> None:
    await connected.config_set("appendfsync", "everysec")
    await connected.config_set(option, value)

    with pytest.raises(ConfigError, match=said) as refused:
        await await_usable(connected, "here:6379/0", allow_eviction_policy=False, durable_starts=True)

    assert "DURABLE_STARTS" in str(refused.value)


async def test_a_redis_without_the_command_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    old = RedisServer(tmp_path / "old", is_durable=True, options=("--rename-command", "WAITAOF", ""))
    old.start()
    client = connect_commands(old.url)

    try:
        with pytest.raises(ConfigError, match=r"needed Redis 7\.2 or newer"):
            await await_usable(client, "here:6379/0", allow_eviction_policy=False, durable_starts=True)
        found = {check.name: check for check in await check_redis(client)}
    finally:
        await client.aclose()
        old.kill()

    assert "cannot confirm" in found["durable_starts"].detail
