"""Reads nodes that wait for a signal or an approval: who waits for what, what is asked, what came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from redis.asyncio import Redis

from orchestrator.documents import exact_json
from orchestrator.execution.model import Approval, Execution, NodeState, WaitState
from orchestrator.redis_keys import SEPARATOR, Keys, lease_member
from orchestrator.states import ANSWERED, NodeStatus, WaitingOn
from orchestrator.store.layout_1 import as_layout_2, is_readable
from orchestrator.store.records import read_record, read_text
from orchestrator.units import index_of, node_of

#: Rows of the list of pending approvals read at a time.
BATCH = 200
_FIELDS = ("waiting_on", "r", "awaits", "ask", "given", "votes", "due_ms")


class Waits:
    """Reads waits for signals and approvals."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis: Any = redis
        self._keys = keys

    async def sights(self, execution: Execution, states: Iterable[NodeState]) -> dict[str, WaitState]:
        """Look at those of the nodes and items that wait for an answer; costs nothing when there are none."""
        waiting = [
            state for state in states if state.status is NodeStatus.WAITING and state.waiting_on in ANSWERED
        ]
        if not waiting:
            return {}
        execution_id = execution.execution_id
        approvals = self._keys.key("approvals", tenant=execution.tenant)
        pipe = self._redis.pipeline(transaction=False)
        for state in waiting:
            names = [f"{field}|{state.node_id}" for field in ("awaits", "ask", "given")]
            pipe.hmget(self._keys.runtime(execution_id), names)
            pipe.zscore(approvals, lease_member(execution_id, state.node_id, state.attempt))
        answers = await pipe.execute()
        lines = await self._lines(execution_id, {row[0] for row in answers[::2] if row[0]})
        found = {}
        for state, (awaits, ask, given), score in zip(waiting, answers[::2], answers[1::2], strict=True):
            asked = exact_json.loads(ask) if ask else {}
            is_signal = state.waiting_on is WaitingOn.SIGNAL
            entry = f";{state.node_id} {state.attempt};".encode()
            assignees = asked.get("assignees")
            found[state.node_id] = WaitState(
                awaits=awaits.decode() if awaits else None,
                is_listed=entry in lines.get(awaits, b"") if is_signal else score is not None,
                assignees=None if assignees is None else tuple(assignees),
                quorum=asked.get("quorum", 1),
                given=int(given or 0),
            )
        return found

    async def _lines(self, execution_id: str, names: set[bytes]) -> dict[bytes, bytes]:
        if not names:
            return {}
        wanted = sorted(names)
        lines = await self._redis.hmget(
            self._keys.signals(execution_id), [b"waits|" + name for name in wanted]
        )
        return {name: line or b"" for name, line in zip(wanted, lines, strict=True)}

    async def for_signal(self, execution_id: str, name: str) -> tuple[bytes, dict[str, Any]]:
        """Who waits for a signal, as the script compares it, and the schema each has for the payload."""
        line = (await self._lines(execution_id, {name.encode()}))[name.encode()]
        node_ids = [entry.split(" ")[0] for entry in line.decode().split(";") if entry]
        if not node_ids:
            return line, {}
        asks = await self._redis.hmget(
            self._keys.runtime(execution_id), [f"ask|{node_id}" for node_id in node_ids]
        )
        schemas = {
            node_id: exact_json.loads(ask).get("schema") if ask else None
            for node_id, ask in zip(node_ids, asks, strict=True)
        }
        return line, schemas

    async def approvals(self, tenant: str, units: Sequence[tuple[str, str]]) -> list[Approval | None]:
        """Read approvals of a tenant by (execution id, node id or item).

        None for a node that has never asked, or whose execution is of a layout that cannot be read.
        """
        pipe = self._redis.pipeline(transaction=False)
        for execution_id, node_id in units:
            index = index_of(node_id)
            if index is None:
                pipe.mget(self._keys.node(execution_id, node_id), self._keys.output(execution_id, node_id))
            else:
                pipe.hmget(self._keys.items(execution_id, node_of(node_id)), [f"s{index}", f"o{index}"])
            pipe.hmget(self._keys.runtime(execution_id), _names(node_id))
        answers = await pipe.execute() if units else []
        found = [
            await as_layout_2(self._redis, self._keys, execution_id, _names(node_id), fields)
            if is_readable(fields[0])
            else [None] * len(fields)
            for (execution_id, node_id), fields in zip(units, answers[1::2], strict=True)
        ]
        rows = list(zip(units, answers[::2], found, strict=True))
        pipe = self._redis.pipeline(transaction=False)
        for (execution_id, node_id), _, fields in rows:
            member = lease_member(execution_id, node_id, read_record(fields[2]).attempt)
            pipe.zscore(self._keys.key("approvals", tenant=tenant), member)
        scores = await pipe.execute() if rows else []
        return [
            _approval(unit, status, fields, output, score)
            for (unit, (status, output), fields), score in zip(rows, scores, strict=True)
        ]

    async def knows(self, execution_id: str, request_key: str) -> bool:
        """Say whether a signal of this request was accepted before."""
        return bool(await self._redis.hexists(self._keys.signals(execution_id), f"call|{request_key}"))

    async def pending(
        self, tenant: str, after_ms: int, after: str, offset: int
    ) -> tuple[list[tuple[str, int]], int]:
        """Members of a tenant's list of open approvals and since when, oldest first, from a moment on.

        The number counts the rows read: 0 at the end of the list.
        """
        rows = await self._redis.zrange(
            self._keys.key("approvals", tenant=tenant), str(after_ms), "+inf", byscore=True,
            offset=offset, num=BATCH, withscores=True,
        )  # fmt: skip
        found = [(member.decode(errors="replace"), int(score)) for member, score in rows]
        return [row for row in found if not after or (row[1], row[0]) > (after_ms, after)], len(found)


def unit_in(member: str) -> tuple[str, str] | None:
    """Read a row of that list; None for one that no engine wrote."""
    parts = member.split(SEPARATOR)
    return (parts[0], parts[1]) if len(parts) == 3 else None


def _names(unit: str) -> list[str]:
    return ["v", *(f"{field}|{unit}" for field in _FIELDS), "name"]


def _approval(
    unit: tuple[str, str],
    status: bytes | None,
    fields: Sequence[bytes | None],
    output: bytes | None,
    score: float | None,
) -> Approval | None:
    _, waiting_on, _, shown, ask, given, votes, due_ms, name = fields
    if status is None or shown is None or ask is None:
        return None
    asked = exact_json.loads(ask)
    if "prompt" not in asked:
        return None
    word = NodeStatus(status.decode())
    is_open = word is NodeStatus.WAITING and waiting_on == WaitingOn.APPROVAL.encode() and score is not None
    assignees = asked["assignees"]
    return Approval(
        execution_id=unit[0],
        name=read_text(name) or "",
        node_id=unit[1],
        status=word,
        shown=shown.decode(),
        prompt=asked["prompt"],
        form=asked["form"],
        assignees=None if assignees is None else tuple(assignees),
        quorum=asked["quorum"],
        given=int(given or 0),
        votes=b"[" + (votes or b"") + b"]",
        asked_ms=int(score) if is_open and score is not None else None,
        due_ms=int(due_ms) if is_open and due_ms else None,
        output=output,
    )
