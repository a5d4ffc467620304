"""Reads the little of many executions that filters of lists, counts and the feed look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from redis.asyncio import Redis

from clients.redis_client import WrongKind
from clients.redis_wire import Wire
from orchestrator.definitions.budgets import USED_FIELDS
from orchestrator.redis_keys import Keys
from orchestrator.states import ExecutionStatus
from orchestrator.store.layout_1 import is_readable
from orchestrator.store.records import is_damaged, log_unreadable, read_text

_FIELDS = ("v", "name", "parent", "labels", "execution_key", "ended_ms")
#: Grow with every change of an execution: each writes an event, but for calls to paid services.
_GROWING = ("seq", *USED_FIELDS)

#: Differs from what it was as soon as anything of the execution does. It says nothing by itself.
Mark = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Brief:
    """What filters look at. Fields are those of `Execution` with the same names."""

    execution_id: str
    status: ExecutionStatus
    name: str
    parent: str | None
    labels: Mapping[str, str]
    execution_key: str | None
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """The newest executions of a tenant, in descending order, each with its mark; and what is to be done.

    approvals  open ones.
    dead       nodes on the list of dead ones.
    """

    marks: Mapping[str, Mark]
    approvals: int
    dead: int


class Briefs:
    """Reads with two commands for each execution at most, and none of its documents."""

    def __init__(self, redis: Redis, keys: Keys, wire: Wire) -> None:
        self._redis: Any = redis
        self._keys = keys
        self._wire = wire

    async def read(self, execution_ids: Sequence[str]) -> list[Brief]:
        """Read them in one round trip, in order; what is unknown, damaged or cannot be read is left out."""
        if not execution_ids:
            return []
        pipe = self._redis.pipeline(transaction=False)
        pipe.mget([self._keys.status(each) for each in execution_ids])
        for each in execution_ids:
            pipe.hmget(self._keys.runtime(each), _FIELDS)
        words, *rows = await pipe.execute(raise_on_error=False)
        if isinstance(words, Exception):
            raise words
        found = (
            _brief(each, word, row)
            for each, word, row in zip(execution_ids, words, rows, strict=True)
            if word and not is_damaged(each, row) and is_readable(row[0])
        )
        return [brief for brief in found if brief is not None]

    async def sight(self, tenant: str, most: int) -> Sight:
        """Look at the newest executions of a tenant, `most` of them, in two round trips."""
        key = self._keys.key
        answers = await self._wire.send(
            [
                ("ZRANGE", self._keys.index(tenant), 0, most - 1, "REV"),
                ("ZCARD", key("approvals", tenant=tenant)),
                ("XLEN", key("dead", tenant=tenant)),
            ]
        )
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        members, approvals, dead = answers
        ids = [member.decode(errors="replace") for member in members]
        commands: list[tuple[Any, ...]] = (
            [("MGET", *(self._keys.status(each) for each in ids))] if ids else []
        )
        commands += [("HMGET", self._keys.runtime(each), *_GROWING) for each in ids]
        words, *rows = await self._wire.send(commands) if ids else [[]]
        if isinstance(words, Exception):
            raise words
        marks: dict[str, Mark] = {}
        for each, word, row in zip(ids, words, rows, strict=True):
            if isinstance(row, Exception):
                if not isinstance(row, WrongKind):
                    raise row
                continue
            if word:
                marks[each] = (word, *row)
        return Sight(marks, int(approvals), int(dead))


def _brief(execution_id: str, word: bytes, row: Sequence[bytes | None]) -> Brief | None:
    _, name, parent, labels, execution_key, ended_ms = row
    try:
        return Brief(
            execution_id,
            ExecutionStatus(word.decode()),
            read_text(name) or "",
            read_text(parent),
            orjson.loads(labels) if labels else {},
            read_text(execution_key),
            int(ended_ms) if ended_ms else None,
        )
    except ValueError as error:
        log_unreadable(execution_id, error)
        return None
