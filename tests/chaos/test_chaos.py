"""Executions under load while processes are killed, stopped and told to end, judged from outside.

CHAOS_SEED chooses the workload and the strikes.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

import tests.chaos.handlers  # noqa: F401  # submission checks handler names
from tests.chaos.checker import Verdict, judge
from tests.chaos.client import Client
from tests.chaos.cluster import Cluster
from tests.chaos.collected import collect, expired
from tests.chaos.history import History, read_calls
from tests.chaos.mix import mixed
from tests.chaos.outside import Outside
from tests.chaos.receiver import Receiver
from tests.chaos.rest import left_behind
from tests.chaos.rest import repairs as repairs_of
from tests.chaos.tenancy import PATIENCE_S as PURGED_WITHIN_S
from tests.chaos.tenancy import purge_some, purges_left
from tests.redis_server import RedisServer
from tests.unit.clients.http.target_server import reply, running_target

SEED = int(os.environ.get("CHAOS_SEED", "1"))
#: Nobody waits longer than this for the last execution once the strikes have ended.
PATIENCE_S = 60.0
#: With `appendfsync everysec`, Redis may lose what it wrote within this time before its process died.
EVERYSEC_LOSS_S = 2.0
#: Submissions between two looks at what was started beside them.
ADOPTED_EVERY = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. pace_s is between submissions; Redis is killed when these shares have been submitted.

    fsync  Redis' `appendfsync`.
    """

    executions: int
    pace_s: float
    lease_ms: int
    orchestrators: int = 2
    workers: int = 4
    strike_every_s: float | None = 1.0
    redis_kills: tuple[float, ...] = ()
    fsync: str = "no"


async def strike_on(cluster: Cluster, plan: Plan, dice: Random) -> None:
    """Strike one process after another, for ever."""
    while plan.strike_every_s is not None:
        await asyncio.sleep(plan.strike_every_s)
        cluster.resume_due()
        cluster.strike_any(dice)


async def play(plan: Plan, directory: Path) -> tuple[History, float]:
    """Run a plan to its end; gives what was seen, and for how long executions ran."""
    redis = RedisServer(directory, is_durable=True, fsync=plan.fsync)
    redis.start()
    cluster = Cluster(directory, plan.lease_ms, redis)
    client = Client(redis.url, SEED)
    async with running_target() as target:
        receiver = Receiver()
        target.answers["/data"] = reply(body=b'{"n": 1}', content_type="application/json")
        target.answers["/told"] = receiver.take
        outside = Outside(client, target.url, receiver, SEED + 2)
        return await play_on(plan, cluster, client, outside, mixed(plan.executions, SEED, target.url))


async def play_on(
    plan: Plan, cluster: Cluster, client: Client, outside: Outside, documents: list[dict[str, Any]]
) -> tuple[History, float]:
    problems: list[str] = []
    try:
        cluster.start(orchestrators=plan.orchestrators, workers=plan.workers)
        while len(await client.engine.workers.list()) < plan.workers:
            await asyncio.sleep(0.05)
        await client.share()
        await outside.start()
        began_s = time.monotonic()
        striking = asyncio.create_task(strike_on(cluster, plan, Random(SEED + 1)))
        losses = await submit_all(plan, cluster, client, outside, documents)
        striking.cancel()
        cluster.resume_due(all_of_them=True)
        await outside.stop()
        await client.resume_all()
        problems += await settle(client, outside)
        took_s = time.monotonic() - began_s
        problems += await left_behind(client)
        executions, repairs = await collect(client), await repairs_of(client)
        hooks, sendings = await outside.senders.hooks(), await outside.sendings()
    finally:
        await client.aclose()
        problems += cluster.close()
    history = History(
        read_calls(cluster.trace), tuple(cluster.strikes), executions, tuple(client.samples), tuple(problems),
        repairs, tuple(losses), client.counts(), client.accepted, expired(client), frozenset(client.purged),
        outside.stopped, hooks, tuple(outside.senders.sent), tuple(outside.receiver.messages), sendings,
    )  # fmt: skip
    return history, took_s


async def submit_all(
    plan: Plan, cluster: Cluster, client: Client, outside: Outside, documents: list[dict[str, Any]]
) -> list[tuple[float, float]]:
    """Submit everything, and do beside it what clients do; gives the spans whose writes may be lost."""
    kills = {int(share * plan.executions) for share in plan.redis_kills}
    losses: list[tuple[float, float]] = []
    for number, document in enumerate(documents):
        if number in kills:
            if plan.fsync == "everysec":
                losses.append((time.monotonic() - EVERYSEC_LOSS_S, time.monotonic()))
            await asyncio.to_thread(cluster.restart_redis, down_s=1.0)
        await client.run(document)
        await client.adopt()
        if number % ADOPTED_EVERY == 0:
            await outside.adopt()
        await client.answer()
        await client.interrupt()
        await client.retry_some()
        await purge_some(client)
        await client.sample()
        await asyncio.sleep(plan.pace_s)
    return losses


async def settle(client: Client, outside: Outside) -> list[str]:
    """Wait until everything has ended, is told of, and is purged if it is to be; gives what has not."""
    problems: list[str] = []
    deadline_s = time.monotonic() + PATIENCE_S
    while left := await settling(client, outside):
        if time.monotonic() > deadline_s:
            problems += [f"{each} had not ended after {PATIENCE_S:g} s" for each in left]
            break
        await asyncio.sleep(0.1)
    deadline_s = time.monotonic() + PURGED_WITHIN_S
    # A message that is delivered may have an execution started.
    while await purges_left(client, deadline_s) or await outside.goes_on() or await settling(client, outside):
        if time.monotonic() > deadline_s:
            problems.append(f"messages or purges had not ended after {PURGED_WITHIN_S:g} s")
            break
        await asyncio.sleep(0.5)
    await asyncio.sleep(0.5)
    await outside.adopt(all_of_them=True)
    return problems


async def settling(client: Client, outside: Outside) -> list[str]:
    """Do what clients do once nothing more is submitted; gives what has not ended."""
    if left := await client.open_executions():
        await outside.adopt()
        await client.adopt()
        await client.answer()
        await client.retry_some()
        await client.sample()
    return left


def told(history: History, verdict: Verdict, took_s: float) -> str:
    strikes = Counter(strike.kind for strike in history.strikes)
    slots = sum(clock.runs + clock.skipped for clock in history.clocks)
    beside = f"{slots} slots, {len(history.sent)} deliveries, {len(history.messages)} messages"
    return (
        f"\n{len(history.executions)} executions, {verdict.calls} handler calls in {took_s:.0f} s;"
        f" strikes {dict(strikes)}; {verdict.duplicates} duplicates, {verdict.excused} in struck workers;"
        f" {dict(history.counts)}; {beside}; repairs {dict(history.repairs)};"
        f" {len(verdict.broken)} promises broken"
    )


async def run(plan: Plan, directory: Path, capsys: pytest.CaptureFixture[str]) -> tuple[History, Verdict]:
    history, took_s = await play(plan, directory)
    verdict = judge(history)
    with capsys.disabled():
        print(told(history, verdict, took_s))
    assert not verdict.broken, "\n".join([f"seed {SEED}, logs in {directory}", *verdict.broken[:20]])
    return history, verdict


@pytest.mark.long
async def test_a_small_stack_survives_a_strike_each_second(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(66, 0.2, lease_ms=2_000, workers=3, redis_kills=(0.5,))
    await run(plan, tmp_path, capsys)


@pytest.mark.chaos
@pytest.mark.long
@pytest.mark.timeout(900)
async def test_two_hundred_executions_survive_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(200, 0.5, lease_ms=2_000, redis_kills=(0.33, 0.67))
    await run(plan, tmp_path, capsys)


@pytest.mark.chaos
@pytest.mark.long
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("fsync", ["everysec", "always"])
async def test_ten_minutes_of_strikes_change_no_end(
    fsync: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(1_000, 0.5, lease_ms=2_000, redis_kills=(0.2, 0.4, 0.6, 0.8), fsync=fsync)
    await run(plan, tmp_path, capsys)


@pytest.mark.chaos
@pytest.mark.long
@pytest.mark.timeout(900)
async def test_without_faults_nothing_runs_twice_and_nothing_is_repaired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan(200, 0.2, lease_ms=15_000, strike_every_s=None)

    history, verdict = await run(plan, tmp_path, capsys)

    # A call that takes its process along takes its neighbours in there, too.
    assert verdict.duplicates == verdict.excused
    assert history.repairs == {}
