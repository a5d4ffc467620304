"""W6 and W7: many executions that are active, many watchers that watch."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import Any, cast

import orjson

from benchmarks import dags
from benchmarks.door import HttpDoor
from benchmarks.redis_server import free_port
from benchmarks.samples import median, percentile
from benchmarks.stacks import Stack
from benchmarks.stamps import Stamp
from benchmarks.workloads import Figures, Incomplete, await_stamps

_LEVELS = (100, 1_000, 10_000)
_PARKED_S = 3600
_PROBE_CHAIN = 100
_PROBE_REPEATS = 5
_IDLE_S = 5.0
_CLIENTS = 8

_WATCHERS = (1, 100, 1_000)
_WATCHED_CHAIN = 20
_EVENT_PAUSE_S = 0.5
_SETTLE_S = 1.0


async def measure_active(stack: Stack) -> Figures:
    """W6: a growing number of active executions that wait, while one in a hundred runs a chain.

    `growth` compares the hop of one chain more at 10,000 with that at 100: the same work at each level, so
    that only the crowd can make it dearer. The chains of the one in a hundred are timed together, from their
    triggers to the last node.
    """
    doors = [await HttpDoor.open(_port(stack)) for _ in range(_CLIENTS)]
    figures: Figures = {}
    active = 0
    for level in _LEVELS:
        await asyncio.gather(*(_park(door, (level - active) // _CLIENTS) for door in doors))
        active = level
        await asyncio.sleep(_SETTLE_S)
        figures[f"{level} active hop ms"] = await _probe(stack, doors[0])
        for name, share in (await _idle_cpu(stack)).items():
            figures[f"{level} active {name} CPU %"] = share
        figures[f"{level} active, 1 % running, ms/node"] = await _progress(stack, doors, level // 100)
    for door in doors:
        await door.close()
    figures["growth"] = figures["10000 active hop ms"] / figures["100 active hop ms"]
    return figures


def _port(stack: Stack) -> int:
    if stack.http_port is None:
        raise Incomplete(f"{stack.name} has no HTTP door")
    return stack.http_port


async def _park(door: HttpDoor, count: int) -> None:
    for _ in range(count):
        await door.launch(dags.parked(_PARKED_S))


async def _probe(stack: Stack, door: HttpDoor) -> float:
    """Median hop of a chain among all the others, ms."""
    hops: list[float] = []
    for _ in range(_PROBE_REPEATS):
        mark = stack.stamps.counts()
        await door.launch(dags.chain(_PROBE_CHAIN))
        times = [stamp.at_ns for stamp in await await_stamps(stack, mark, _PROBE_CHAIN)]
        hops += [(after - before) / 1e6 for before, after in pairwise(times)]
    return median(hops)


async def _progress(stack: Stack, doors: list[HttpDoor], count: int) -> float:
    """Run so many chains at once; ms per node of them all, submission apart."""
    submitted = [await doors[0].submit(dags.chain(_PROBE_CHAIN)) for _ in range(count)]
    mark = stack.stamps.counts()
    started_ns = time.monotonic_ns()
    shares = [submitted[index :: len(doors)] for index in range(len(doors))]
    await asyncio.gather(*(_trigger(door, share) for door, share in zip(doors, shares, strict=True)))
    stamps = await await_stamps(stack, mark, count * _PROBE_CHAIN)
    return (stamps[-1].at_ns - started_ns) / 1e6 / len(stamps)


async def _trigger(door: HttpDoor, execution_ids: list[str]) -> None:
    for execution_id in execution_ids:
        await door.trigger(execution_id)


async def _idle_cpu(stack: Stack) -> dict[str, float]:
    """Share of a processor that the orchestrator and Redis use while nothing runs, percent."""
    watched = [stack.children[name] for name in ("orchestrator", "redis")]
    before = [child.cpu_s() for child in watched]
    await asyncio.sleep(_IDLE_S)
    return {
        child.name: (child.cpu_s() - used) / _IDLE_S * 100
        for child, used in zip(watched, before, strict=True)
    }


class _Watcher(asyncio.Protocol):
    """A reader of server-sent events that notes when each piece arrived; what was in it is read afterwards.

    A thousand of them share one processor: to read as they arrive would measure the readers.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.status = b""
        self.opened = asyncio.Event()
        self.transport: asyncio.Transport | None = None
        self._pieces: list[tuple[int, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own class is not one
        head = f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
        self.transport.write(head.encode())

    def data_received(self, data: bytes) -> None:
        self._pieces.append((time.monotonic_ns(), data))
        if not self.status:
            self.status = data[9:12]
            self.opened.set()

    def arrived_ns(self) -> dict[str, int]:
        """Say when the completion of each node had arrived."""
        found: dict[str, int] = {}
        rest = b""
        for at_ns, data in self._pieces:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.startswith(b"data:") and b"node.completed" in line:
                    node_id = completed_node(line[5:])
                    if node_id is not None:
                        found.setdefault(node_id, at_ns)
        return found


def completed_node(data: bytes) -> str | None:
    """Name the node of a `node.completed` event, whatever else the event says; None for anything else."""
    try:
        event: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict) or event.get("type") != "node.completed":
        return None
    node_id = event.get("node_id") or (event.get("data") or {}).get("node_id")
    return str(node_id) if node_id else None


async def measure_watchers(stack: Stack) -> Figures:
    """W7: time from a handler's start to the arrival of its completion; the server's memory per watcher.

    The completion itself lies between the two, so that this is more than the way of the event alone. Beside
    it stands a bare loop that writes an event of that length to as many sockets.
    """
    figures: Figures = {}
    for count in _WATCHERS:
        delays, bytes_each = await _watch(stack, count)
        figures[f"{count} watchers p50 ms"] = percentile(delays, 0.5)
        figures[f"{count} watchers p99 ms"] = percentile(delays, 0.99)
        figures[f"{count} watchers kB each"] = bytes_each / 1000
    most = _WATCHERS[-1]
    figures["bare loop p99 ms"] = percentile(await _watch_bare_loop(stack, most), 0.99)
    figures["p99 over the bare loop"] = figures[f"{most} watchers p99 ms"] / figures["bare loop p99 ms"]
    return figures


async def _watch(stack: Stack, count: int) -> tuple[list[float], float]:
    door = await HttpDoor.open(_port(stack))
    # With a pause after each node a delay is that of one node's events, and not of a queue of them.
    document = _spaced_chain(_WATCHED_CHAIN)
    execution_id = await door.submit(document)
    rss = stack.children["api"].rss_bytes()
    path = f"/v1/executions/{execution_id}/events"
    watchers = [await _open_watcher(_port(stack), path) for _ in range(count)]
    await asyncio.sleep(_SETTLE_S)
    bytes_each = (stack.children["api"].rss_bytes() - rss) / count
    mark = stack.stamps.counts()
    await door.trigger(execution_id)
    stamps = await await_stamps(stack, mark, _WATCHED_CHAIN)
    await asyncio.sleep(_SETTLE_S)
    await door.close()
    return _delays(watchers, stamps), bytes_each


async def _watch_bare_loop(stack: Stack, count: int) -> list[float]:
    port = free_port()
    stack.start("bare loop", "benchmarks.floor_watch", str(port), str(_WATCHED_CHAIN), str(_EVENT_PAUSE_S))
    try:
        await _listening(port)
        watchers = [await _open_watcher(port, "/") for _ in range(count)]
        await asyncio.sleep(_SETTLE_S)
        mark = stack.stamps.counts()
        starter = await _open_watcher(port, "/go")
        stamps = await await_stamps(stack, mark, _WATCHED_CHAIN)
        await asyncio.sleep(_SETTLE_S)
        delays = _delays(watchers, stamps)
        if starter.transport is not None:
            starter.transport.close()
        return delays
    finally:
        stack.children.pop("bare loop").stop()


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


def _delays(watchers: list[_Watcher], stamps: list[Stamp]) -> list[float]:
    """Times from each stamp to its arrival at each watcher, ms; the watchers are closed."""
    delays = [
        (arrived_ns[stamp.node_id] - stamp.at_ns) / 1e6
        for arrived_ns in (watcher.arrived_ns() for watcher in watchers)
        for stamp in stamps
        if stamp.node_id in arrived_ns
    ]
    for watcher in watchers:
        if watcher.transport is not None:
            watcher.transport.close()
    if len(delays) != (most := len(watchers) * len(stamps)):
        raise Incomplete(f"{len(delays)} of {most} completions reached the {len(watchers)} watchers")
    return delays


async def _open_watcher(port: int, path: str) -> _Watcher:
    loop = asyncio.get_running_loop()
    _, watcher = await loop.create_connection(lambda: _Watcher(path), "127.0.0.1", port)
    async with asyncio.timeout(10):
        await watcher.opened.wait()
    if watcher.status != b"200":
        raise Incomplete(f"GET {path} answered {watcher.status.decode()}")
    return watcher


def _spaced_chain(length: int) -> dags.Document:
    """A chain of no-ops with a short delay after each."""
    nodes: list[dict[str, Any]] = []
    before: list[str] = []
    for index in range(length):
        nodes.append({"id": f"n{index}", "handler": dags.HANDLER, "dependencies": before, "config": {}})
        nodes.append(
            {
                "id": f"d{index}",
                "handler": "delay",
                "dependencies": [f"n{index}"],
                "config": {"seconds": _EVENT_PAUSE_S},
            }
        )
        before = [f"d{index}"]
    return {"name": f"spaced-{length}", "dag": {"nodes": nodes}}
