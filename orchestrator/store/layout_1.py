"""Reads executions of older layouts as the present one has them, so that those that have ended stay readable.

Layout 1 kept each fact of a unit in a field of its own, where layout 2 has r|N and c|N. Layout 2 kept the
static layout in the runtime of every execution, and of what has ended nobody reads that. Whatever else is
read is the same in all. See store/layout.py. Scripts know the present layout alone.

Events are another matter: one history may hold both shapes, that of before an upgrade and that of after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.errors import LayoutUnknown
from orchestrator.redis_keys import Keys
from orchestrator.store.layout import VERSION

#: What `v` may be where an execution can be read, with the older layout it means. A damaged one has no `v`.
_READABLE = {None: None, str(VERSION).encode(): None, b"1": 1, b"2": 2}
#: What r|N and c|N are made of, in their order, each with what stands there for nothing.
_PARTS: Mapping[str, Mapping[str, str]] = {
    "r": {
        "attempt": "0",
        "nonce": "-",
        "message": "-",
        "tries": "0",
        "crashes": "0",
        "queued_ms": "-",
        "started_ms": "-",
        "ended_ms": "-",
        "worker": "-",
    },
    "c": {"ok": "0", "bad": "0", "skip": "0", "gates": "0", "not_taken": "0"},
}


def is_readable(found: bytes | None) -> bool:
    """Say whether an execution whose `v` is `found` can be read at all."""
    return found in _READABLE


def older_layout(execution_id: str, found: bytes | None) -> int | None:
    """Give the number of the older layout that `v` names; None for the present one. Raises LayoutUnknown."""
    if not is_readable(found):
        raise LayoutUnknown(execution_id, (found or b"").decode(errors="replace"), str(VERSION))
    return _READABLE[found]


async def as_layout_2(
    redis: Any, keys: Keys, execution_id: str, names: Sequence[str], values: list[bytes | None]
) -> list[bytes | None]:
    """Give the values of runtime fields as layouts from 2 on have them; `v` must be the first of their names.

    Asks Redis again where the execution is of layout 1, and only there. Raises LayoutUnknown.
    """
    if older_layout(execution_id, values[0]) != 1:
        return values
    parts = {name: _parts_of(name) for name in names if name.partition("|")[0] in _PARTS}
    if not parts:
        return values
    wanted = [field for fields in parts.values() for field in fields]
    texts = await redis.hmget(keys.runtime(execution_id), wanted)
    found: dict[str, bytes | None] = dict(zip(wanted, texts, strict=True))
    return [
        _joined(parts[name], found) if name in parts else value
        for name, value in zip(names, values, strict=True)
    ]


def present_data(kind: str, data: bytes) -> bytes:
    """Give the data of an event of this type in its present shape.

    Once, `node.failed` was all error, and `execution.retried` had a number of nodes instead of their ids.
    """
    if kind == "node.failed" and not data.startswith(b'{"error":'):
        return b'{"error":%b}' % data
    if kind == "execution.retried" and data[9:10].isdigit():
        return b'{"nodes":null}'
    return data


def _parts_of(name: str) -> dict[str, str]:
    """Name the fields that r|N or c|N is made of, with what stands for nothing."""
    kind, _, unit = name.partition("|")
    return {f"{part}|{unit}": nothing for part, nothing in _PARTS[kind].items()}


def _joined(parts: Mapping[str, str], found: Mapping[str, bytes | None]) -> bytes:
    return " ".join((found[field] or b"").decode() or nothing for field, nothing in parts.items()).encode()
