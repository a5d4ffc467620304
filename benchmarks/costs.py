"""W8: what a node costs: CPU of Redis, workers and API, and Redis commands, each per node."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import redis.asyncio

from benchmarks import dags, floor_store
from benchmarks.door import Door
from benchmarks.samples import median
from benchmarks.stacks import Stack
from benchmarks.workloads import Figures, Incomplete, await_stamps, start_many, submit_diamond
from orchestrator.redis_keys import Keys

_CHAIN = 1_000
_FAN = 4_000
_DIAMONDS = 500
_CLIENTS = 8
_REPEATS = 3
_SETTLE_S = 0.2
_POLL_S = 0.005
_TIMEOUT_S = 60.0

#: First part of a process's name -> the kind of process under which its CPU time is listed.
_KINDS = {"redis": "Redis", "worker": "workers", "api": "API", "orchestrator": "orchestrator"}
#: Calls of scripts count by the commands that the scripts run; the last is the benchmark's own.
_NOT_COUNTED = frozenset({"fcall", "evalsha", "config|resetstat"})

#: Starts what is measured; returns the execution ids.
_Work = Callable[[], Awaitable[list[str]]]


async def measure_costs(stack: Stack) -> Figures:
    """W8: a chain of 1,000, A -> 4,000 -> Z, and 500 diamonds that 8 clients submit and trigger.

    The submission of the diamonds is part of their cost; chain and fan-out are measured from the trigger on.
    """
    store = floor_store.connect(stack.redis_port)
    doors = [await stack.door() for _ in range(_CLIENTS)]
    shapes: dict[str, Callable[[], Awaitable[Figures]]] = {
        "chain": partial(_one_execution, stack, store, doors[0], dags.chain(_CHAIN)),
        "fan-out": partial(_one_execution, stack, store, doors[0], dags.fan(_FAN)),
        "diamonds": partial(_many_diamonds, stack, store, doors),
    }
    figures: Figures = {}
    for shape, run in shapes.items():
        runs = [await run() for _ in range(_REPEATS)]
        for figure in runs[0]:
            figures[f"{shape} {figure}"] = median([each[figure] for each in runs])
    for door in doors:
        await door.close()
    await store.aclose()
    return figures


async def _one_execution(
    stack: Stack, store: redis.asyncio.Redis, door: Door, document: dags.Document
) -> Figures:
    execution_id = await door.submit(document)

    async def trigger() -> list[str]:
        await door.trigger(execution_id)
        return [execution_id]

    return await _measure(stack, store, trigger, nodes_each=dags.size(document))


async def _many_diamonds(stack: Stack, store: redis.asyncio.Redis, doors: Sequence[Door]) -> Figures:
    work = partial(start_many, doors, _DIAMONDS, submit_diamond)
    return await _measure(stack, store, work, nodes_each=dags.size(dags.diamond()), executions=_DIAMONDS)


async def _measure(
    stack: Stack, store: redis.asyncio.Redis, work: _Work, *, nodes_each: int, executions: int = 1
) -> Figures:
    """Measure what all nodes cost until the last execution has ended, and check what they left."""
    nodes = nodes_each * executions
    await asyncio.sleep(_SETTLE_S)
    mark = stack.stamps.counts()
    await store.config_resetstat()
    before = cpu_by_kind(stack)
    execution_ids = await work()
    await await_stamps(stack, mark, nodes)
    await _await_idle(store)
    used_us = {kind: used - before[kind] for kind, used in cpu_by_kind(stack).items()}
    commands = commands_run(await store.info("commandstats"))
    await _check_nothing_left(store)
    await _check_histories(store, execution_ids, nodes_each)
    return node_costs(used_us, commands, nodes)


def cpu_by_kind(stack: Stack) -> dict[str, float]:
    """Say how much CPU time each kind of process has used, all its threads and processes together, µs."""
    used_us: dict[str, float] = {}
    for name, child in stack.children.items():
        kind = _KINDS[name.partition("-")[0]]
        used_us[kind] = used_us.get(kind, 0) + child.threads_cpu_us()
    return used_us


def commands_run(stats: Mapping[str, Mapping[str, Any]]) -> int:
    """Count the commands of `INFO commandstats`, those inside scripts included."""
    return sum(
        of_command["calls"]
        for name, of_command in stats.items()
        if name.removeprefix("cmdstat_") not in _NOT_COUNTED
    )


def node_costs(used_us: Mapping[str, float], commands: int, nodes: int) -> Figures:
    """Divide what a run has used by its nodes.

    `nodes/s of one Redis` is the limit that the CPU time of Redis sets, whatever the number of workers: Redis
    runs all scripts in one thread.
    """
    figures = {f"{kind} µs/node": used / nodes for kind, used in used_us.items()}
    figures["Redis commands/node"] = commands / nodes
    figures["nodes/s of one Redis"] = 1e6 / figures["Redis µs/node"]
    return figures


def is_whole_history(length: int, last_id: bytes, nodes: int) -> bool:
    """Tell whether an execution's events are all there, numbered without a gap.

    Each node is queued, starts and completes; the execution is created, triggered and completed.
    """
    expected = 3 * nodes + 3
    return length == expected and last_id == b"%d-0" % expected


async def _await_idle(store: redis.asyncio.Redis) -> None:
    """Wait until no execution is active; through Redis, as a request would add to what the API costs."""
    until = time.monotonic() + _TIMEOUT_S
    active: Any
    while active := await store.scard(Keys().shared("active")):
        if time.monotonic() > until:
            raise Incomplete(f"{active} executions are still active {_TIMEOUT_S:g} s after their last node")
        await asyncio.sleep(_POLL_S)


async def _check_nothing_left(store: redis.asyncio.Redis) -> None:
    keys = Keys()
    pipeline: Any = store.pipeline(transaction=False)
    pipeline.zcard(keys.shared("leases"))
    pipeline.xlen(keys.stream)
    pipeline.xpending(keys.stream, keys.group)
    leases, queued, pending = await pipeline.execute()
    if leases or queued or pending["pending"]:
        raise Incomplete(f"left over: {leases} leases, {queued} tasks, {pending['pending']} pending entries")


async def _check_histories(store: redis.asyncio.Redis, execution_ids: Sequence[str], nodes: int) -> None:
    keys = Keys()
    for execution_id in execution_ids:
        pipeline: Any = store.pipeline(transaction=False)
        pipeline.get(keys.status(execution_id))
        pipeline.xlen(keys.events(execution_id))
        pipeline.xrevrange(keys.events(execution_id), count=1)
        status, length, newest = await pipeline.execute()
        if status != b"COMPLETED" or not is_whole_history(length, newest[0][0], nodes):
            raise Incomplete(f"execution {execution_id} of {nodes} nodes is {status}, with {length} events")
