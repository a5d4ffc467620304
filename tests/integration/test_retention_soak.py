"""Thousands of executions come and go: Redis is as it was, in keys and in bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from orchestrator.definitions.retention import Retention
from orchestrator.loops import retention
from orchestrator.states import Reason
from orchestrator.store.replies import Claim
from tests.makers import Rig, error_of, held_by, node

SECONDS = Retention(completed_ms=5_000, failed_ms=10_000, cancelled_ms=5_000, unstarted_ms=5_000)
#: Executions that are there at once, about: more come only once these have gone.
AT_ONCE = 100
#: Executions that come and go before anything is measured: as many are there at once as ever will be.
FIRST = 1_000


async def come_and_go(rig: Rig, count: int) -> None:
    """Make so many, run them, and let retention do the rest as time passes."""
    for first in range(0, count, AT_ONCE):
        await asyncio.gather(*(submit(rig, number) for number in range(first, min(first + AT_ONCE, count))))
        await run(rig)
        rig.transitions.now_ms = rig.now_ms + 1_000
        await retention.run_once(rig.store, rig.transitions, rig.now_ms, kept=SECONDS)
    for _ in range(3):
        rig.transitions.now_ms = rig.now_ms + 10_000
        await retention.run_once(rig.store, rig.transitions, rig.now_ms, kept=SECONDS)


async def submit(rig: Rig, number: int) -> None:
    """Some fail, some are never started."""
    name = "bad" if number % 10 == 3 else "good"
    await rig.submit(node(name), node("B", after=[name]), trigger=number % 10 != 7)


async def run(rig: Rig) -> None:
    while tasks := await rig.worker.read(AT_ONCE):
        tokens = [rig.worker.token(task) for task in tasks]
        claims: Sequence[Claim | str] = await rig.transitions.call_all(
            [
                rig.transitions.claim_node(
                    token, message_id=task.message_id, queue="default", worker_id="w1", lease_ms=15_000
                )
                for task, token in zip(tasks, tokens, strict=True)
            ]
        )
        held = [held_by(claim) for claim in claims if isinstance(claim, Claim)]
        ends = [
            rig.transitions.fail_node(token, error_of(), reason=Reason.ERROR, is_dead=True)
            if token.node_id == "bad"
            else rig.transitions.complete_node(token, b"{}")
            for token in held
        ]
        assert len(held) == len(tasks)
        await rig.transitions.end_all(ends)


async def used_bytes(rig: Rig) -> int:
    """Bytes that Redis uses, without the buffers of connections and the commands it remembers as slow."""
    await rig.redis.slowlog_reset()
    memory = await rig.redis.info("memory")
    return int(memory["used_memory"]) - int(memory["mem_clients_normal"])


@pytest.mark.parametrize("count", [2_000, pytest.param(20_000, marks=pytest.mark.long)])
async def test_memory_and_keys_are_as_before(rig: Rig, count: int) -> None:
    # Redis takes memory for each command that it is sent for the first time, those that measure too.
    await used_bytes(rig)
    await come_and_go(rig, FIRST)
    keys, before = {*await rig.redis.keys()}, await used_bytes(rig)

    await come_and_go(rig, count)

    assert {*await rig.redis.keys()} == keys
    after = await used_bytes(rig)
    print(f"{count:,} executions came and went: {before:,} bytes before, {after:,} after")
    assert after < before * 1.05
    (today, *_) = [await rig.redis.hgetall(key) for key in keys if b"statistics" in key]
    assert sum(int(value) for name, value in today.items() if name.startswith(b"executions|")) > 0
