"""How calls are put together, and what is sent again when a part of them gets no answer."""

from __future__ import annotations

from typing import Any, cast

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from headrace.backoff import Backoff
from orchestrator.redis_keys import Keys
from orchestrator.store import script_client
from orchestrator.store.parts import PART_BYTES
from orchestrator.store.script_client import Call, ScriptClient


class FakeRedis:
    connection_pool = None


class FakeWire:
    """Answers each call with its first argument; gives no answer to parts larger than it can take."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.parts: list[list[bytes]] = []

    async def send(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        self.parts.append([command[5] for command in commands])
        if sum(len(command[6]) for command in commands) > self.most_bytes:
            raise RedisTimeoutError("no answer")
        return [command[5] for command in commands]


def client_with(wire: FakeWire) -> ScriptClient:
    client = ScriptClient(cast(Any, FakeRedis()), Keys(), patience_s=None)
    client._wire = cast(Any, wire)
    return client


def calls_of(client: ScriptClient, count: int, size: int) -> list[Call[Any]]:
    return [
        Call(client, "complete_node", ("key",), (b"%d" % number, b"x" * size), lambda reply: reply)
        for number in range(count)
    ]


async def test_calls_that_are_small_together_go_together() -> None:
    wire = FakeWire(PART_BYTES)
    client = client_with(wire)

    await client.call_all(calls_of(client, 64, 100))

    assert [len(part) for part in wire.parts] == [64]


async def test_large_ones_go_in_parts_and_are_answered_in_order() -> None:
    wire = FakeWire(PART_BYTES)
    client = client_with(wire)

    replies = await client.call_all(calls_of(client, 64, 1024 * 1024))

    assert replies == [b"%d" % number for number in range(64)]
    assert {len(part) for part in wire.parts} <= {3, 4, 1}
    assert all(len(part) * 1024 * 1024 <= PART_BYTES for part in wire.parts)


async def test_what_got_no_answer_is_sent_again_in_halves_and_nothing_else_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(script_client, "RESEND", Backoff(first_s=0.0, most_s=0.0))
    wire = FakeWire(PART_BYTES // 4)
    client = client_with(wire)

    replies = await client.call_all(calls_of(client, 8, PART_BYTES // 8))

    assert replies == [b"%d" % number for number in range(8)]
    assert [len(part) for part in wire.parts] == [7, 3, 1, 1, 1, 1, 1, 1, 1, 1]
    assert [part[0] for part in wire.parts[2:]] == replies
