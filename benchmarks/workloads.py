"""W1 to W5: what is run, and which figures come out of the stamps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise

from benchmarks import dags
from benchmarks.dags import Document
from benchmarks.door import Door, HttpDoor
from benchmarks.samples import median, percentile
from benchmarks.stacks import Stack
from benchmarks.stamps import Stamp

#: Figure name -> value; the unit is the end of the name.
Figures = dict[str, float]

_TIMEOUT_S = 120.0
_CHAIN_REPEATS = 10
_FAN_REPEATS = 5
_DIAMONDS = 500
_FLOOD_REPEATS = 3
_NAMED_REPEATS = 5
_CLIENTS = 8
_IDLE_REPEATS = 20
_IDLE_PAUSE_S = 0.05
_SIZES = {100: 5, 1_000: 2, 10_000: 1}


class Incomplete(Exception):
    """A workload did not end as it must, so its times mean nothing."""


async def warm_up(stack: Stack) -> None:
    """Let every process import, connect and compile what it needs before anything is timed."""
    door = await stack.door()
    for document in (dags.chain(50), dags.fan(200), *(dags.diamond() for _ in range(20))):
        await _run(stack, door, document)
    await door.close()


async def measure_chain(stack: Stack) -> Figures:
    """W1: a chain of 100; a hop is the time between the starts of two nodes that follow each other."""
    door = await stack.door()
    hops: list[float] = []
    walls: list[float] = []
    for _ in range(_CHAIN_REPEATS):
        started_ns, stamps = await _run(stack, door, dags.chain(100))
        times = [stamp.at_ns for stamp in stamps]
        hops += [(after - before) / 1e6 for before, after in pairwise(times)]
        walls.append((times[-1] - started_ns) / 1e6)
    await door.close()
    return {
        "hop p50 ms": percentile(hops, 0.5),
        "hop p99 ms": percentile(hops, 0.99),
        "wall ms": median(walls),
    }


async def measure_fan(stack: Stack) -> Figures:
    """W2: A -> 1,000 parallel nodes -> Z; from before the submission to the start of Z."""
    door = await stack.door()
    walls: list[float] = []
    runs: list[float] = []
    for _ in range(_FAN_REPEATS):
        started_ns, stamps = await _run(stack, door, dags.fan(1000))
        walls.append((stamps[-1].at_ns - started_ns) / 1e6)
        runs.append((stamps[-1].at_ns - stamps[0].at_ns) / 1e6)
    await door.close()
    return {"wall ms": median(walls), "first to last node ms": median(runs)}


async def measure_diamonds(stack: Stack) -> Figures:
    """W3: 500 diamonds, each submitted and then triggered, by 8 clients at once."""

    return await _flood(stack, submit_diamond)


async def measure_launches(stack: Stack) -> Figures:
    """W3 in one call: 500 diamonds, submitted and triggered by one request each."""
    return await _flood(stack, lambda door: door.launch(dags.diamond()))


async def measure_named(stack: Stack) -> Figures:
    """W3 by name: the same diamonds started with their document, and by the name of a registered workflow."""
    doors = [await stack.door() for _ in range(_CLIENTS)]
    (first, *_) = doors
    assert isinstance(first, HttpDoor)
    await first.register("diamond", dags.diamond())
    took_s: dict[str, list[float]] = {"document": [], "name": []}
    for _ in range(_NAMED_REPEATS):
        took_s["document"].append(await _flood_once(stack, doors, lambda door: door.launch(dags.diamond())))
        took_s["name"].append(await _flood_once(stack, doors, _launch_by_name))
    for door in doors:
        await door.close()
    by_name, with_document = median(took_s["name"]), median(took_s["document"])
    return {
        "executions/s": _DIAMONDS / by_name,
        "by name over with the document": by_name / with_document,
    }


async def _launch_by_name(door: Door) -> str:
    assert isinstance(door, HttpDoor)
    return await door.launch_named("diamond")


async def measure_idle(stack: Stack) -> Figures:
    """W4: a chain of 6 on an idle system; submit, trigger and ask until the answer is COMPLETED."""
    door = await stack.door()
    waits: list[float] = []
    for _ in range(_IDLE_REPEATS):
        await asyncio.sleep(_IDLE_PAUSE_S)
        started = time.perf_counter()
        execution_id = await door.submit(dags.chain(6))
        await door.trigger(execution_id)
        await await_completed(door, execution_id)
        waits.append((time.perf_counter() - started) * 1000)
    await door.close()
    return {"client ms": median(waits)}


async def measure_growth(stack: Stack) -> Figures:
    """W5: chains and layered DAGs of 100, 1,000 and 10,000 nodes; the submission is measured apart."""
    door = await stack.door()
    figures: Figures = {}
    for shape, make in (("chain", dags.chain), ("layered", dags.layered)):
        for size, repeats in _SIZES.items():
            runs: list[float] = []
            submissions: list[float] = []
            for _ in range(repeats):
                started_ns, stamps = await _run(stack, door, make(size), submissions_ms=submissions)
                runs.append((stamps[-1].at_ns - started_ns) / 1e6)
            figures[f"{shape} {size} ms/node"] = median(runs) / size
            figures[f"{shape} {size} submit ms"] = median(submissions)
        figures[f"{shape} 10000 s"] = figures[f"{shape} 10000 ms/node"] * 10
        figures[f"{shape} growth"] = figures[f"{shape} 10000 ms/node"] / figures[f"{shape} 100 ms/node"]
    await door.close()
    return figures


async def _flood(stack: Stack, start: Callable[[Door], Awaitable[str]]) -> Figures:
    doors = [await stack.door() for _ in range(_CLIENTS)]
    took_s = median([await _flood_once(stack, doors, start) for _ in range(_FLOOD_REPEATS)])
    for door in doors:
        await door.close()
    nodes = _DIAMONDS * dags.size(dags.diamond())
    return {"executions/s": _DIAMONDS / took_s, "nodes/s": nodes / took_s}


async def _flood_once(stack: Stack, doors: list[Door], start: Callable[[Door], Awaitable[str]]) -> float:
    """Run all diamonds; seconds from the first request to the start of the last node."""
    mark = stack.stamps.counts()
    started_ns = time.monotonic_ns()
    execution_ids = await start_many(doors, _DIAMONDS, start)
    stamps = await await_stamps(stack, mark, _DIAMONDS * dags.size(dags.diamond()))
    for execution_id in execution_ids:
        await await_completed(doors[0], execution_id)
    return (stamps[-1].at_ns - started_ns) / 1e9


async def submit_diamond(door: Door) -> str:
    """Submit a diamond, then trigger it; two requests."""
    execution_id = await door.submit(dags.diamond())
    await door.trigger(execution_id)
    return execution_id


async def start_many(doors: Sequence[Door], count: int, start: Callable[[Door], Awaitable[str]]) -> list[str]:
    """Start so many executions, one client per door, each client one after the other; returns their ids."""
    execution_ids: list[str] = []
    left = iter(range(count))

    async def client(door: Door) -> None:
        for _ in left:
            execution_ids.append(await start(door))

    await asyncio.gather(*(client(door) for door in doors))
    return execution_ids


async def _run(
    stack: Stack, door: Door, document: Document, *, submissions_ms: list[float] | None = None
) -> tuple[int, list[Stamp]]:
    """Run one workflow; returns when it was submitted and its stamps.

    With `submissions_ms` the submission is timed there, and the first value is when it was triggered.
    """
    mark = stack.stamps.counts()
    started_ns = time.monotonic_ns()
    execution_id = await door.submit(document)
    if submissions_ms is not None:
        submitted_ns = time.monotonic_ns()
        submissions_ms.append((submitted_ns - started_ns) / 1e6)
        started_ns = submitted_ns
    await door.trigger(execution_id)
    stamps = await await_stamps(stack, mark, dags.size(document))
    await await_completed(door, execution_id)
    return started_ns, stamps


async def await_stamps(stack: Stack, mark: tuple[int, ...], expected: int) -> list[Stamp]:
    """Wait until so many handlers have started since the mark, each once."""
    until = time.monotonic() + _TIMEOUT_S
    target = sum(mark) + expected
    while stack.stamps.total() < target:
        stack.raise_if_dead()
        if time.monotonic() > until:
            found = stack.stamps.total() - sum(mark)
            raise Incomplete(f"{stack.name}: {found} of {expected} nodes started within {_TIMEOUT_S:g} s")
        # Long enough not to take a processor from the measured; the times come from the stamps.
        await asyncio.sleep(0.005)
    stamps = stack.stamps.since(mark)
    if len({(stamp.execution_id, stamp.node_id) for stamp in stamps}) != expected:
        raise Incomplete(f"{stack.name}: {len(stamps)} handler starts for {expected} nodes")
    return stamps


async def await_completed(door: Door, execution_id: str) -> None:
    """Ask until the execution is COMPLETED, as fast as the answers come."""
    until = time.monotonic() + _TIMEOUT_S
    while (status := await door.status(execution_id)) != "COMPLETED":
        if status not in ("PENDING", "RUNNING") or time.monotonic() > until:
            raise Incomplete(f"execution {execution_id} is {status}, expected COMPLETED")
