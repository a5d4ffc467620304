"""Looks, before a process begins to serve, for what another version of the engine still has at work.

Both versions would write the same executions, each in its own layout. What has ended stays where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from clients.redis_wire import Wire
from orchestrator.execution.inventory import Check
from orchestrator.redis_keys import Keys
from orchestrator.store.layout import VERSION

#: A worker that has announced itself this lately may be at work.
HEARD_MS = 60_000
#: Executions looked at in one round trip.
SLICE = 2_000
#: Workers named in a refusal.
WORKERS_SHOWN = 10

_CURRENT = str(VERSION).encode()
_CURE = (
    "let these executions end with the version that wrote them, or cancel them there; stop all its processes "
    "(a worker that was killed counts for a minute) and start this one again"
)


async def check_layouts(redis: Redis, keys: Keys) -> Check:
    """Say which workers of another version are at work, and how many executions of its have not ended.

    Executions that were never started are not looked for: no worker knows of them.
    """
    wire = Wire(redis)
    try:
        workers = await _other_workers(wire, keys)
        layouts = await _other_layouts(wire, keys)
    finally:
        await wire.let_go()
    if not workers and not layouts:
        return Check("layout", "ok", f"nothing of a version with another layout than {VERSION} is at work")
    found = [f"executions of layout {layout} that have not ended: {count}" for layout, count in layouts]
    if workers:
        more = [f"and {len(workers) - WORKERS_SHOWN} more"] if len(workers) > WORKERS_SHOWN else []
        named = ", ".join([*workers[:WORKERS_SHOWN], *more])
        found.append(f"workers without layout {VERSION}, heard of in the last minute: {named}")
    return Check(
        "layout", "error", f"another version of Headrace is at work on it; {'; '.join(found)}; {_CURE}"
    )


async def _other_workers(wire: Wire, keys: Keys) -> list[str]:
    """Name the workers of other versions that were heard of lately."""
    seconds, _ = await _answer(wire, "TIME")
    since_ms = int(seconds) * 1000 - HEARD_MS
    members = await _answer(wire, "ZRANGE", keys.shared("workers"), since_ms, "+inf", "BYSCORE")
    rows = await _answers(
        wire,
        [("HMGET", keys.worker(each.decode()), "layout", "name", "host", "pid") for each in sorted(members)],
    )
    return [
        f"{name.decode()} ({(host or b'?').decode()}, pid {(pid or b'?').decode()})"
        for layout, name, host, pid in rows
        if name is not None and layout != _CURRENT
    ]


async def _other_layouts(wire: Wire, keys: Keys) -> list[tuple[str, int]]:
    """Count the executions under way in each layout but ours."""
    found: dict[str, str] = {}
    cursor = b"0"
    while True:
        cursor, members = await _answer(wire, "SSCAN", keys.shared("active"), cursor, "COUNT", SLICE)
        ids = [member.decode(errors="replace") for member in members]
        layouts = await _answers(wire, [("HGET", keys.runtime(each), "v") for each in ids], may_fail=True)
        found |= {
            execution_id: layout.decode(errors="replace")
            for execution_id, layout in zip(ids, layouts, strict=True)
            # Without a layout it is damaged, and belongs to none.
            if isinstance(layout, bytes) and layout != _CURRENT
        }
        if cursor == b"0":
            names = list(found.values())
            return [(name, names.count(name)) for name in sorted(set(names))]


async def _answer(wire: Wire, *command: Any) -> Any:
    return (await _answers(wire, [command]))[0]


async def _answers(wire: Wire, commands: Sequence[tuple[Any, ...]], *, may_fail: bool = False) -> list[Any]:
    """Give the answers. may_fail leaves an error in its place; otherwise it is raised."""
    answers = await wire.send(commands)
    for answer in answers:
        if isinstance(answer, Exception) and not may_fail:
            raise answer
    return answers
