"""Turns what Redis holds about executions, nodes, events and workers into values."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from clients.redis_client import WrongKind
from orchestrator.definitions.budgets import NOTHING_USED, USED_FIELDS, read_caps, read_usage
from orchestrator.documents import exact_json
from orchestrator.execution.inventory import Configured, DeadEntry, HostInfo, WorkerInfo
from orchestrator.execution.model import Event, Execution, NodeState
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, Reason, WaitingOn
from orchestrator.store.layout import VERSION, catch_of
from orchestrator.store.layout_1 import older_layout, present_data

log = logging.getLogger("headrace.store")

_CURRENT = str(VERSION).encode()
#: Fields of the runtime hash that make a NodeState, each with `|` and the node id; `rejects` is read apart.
NODE_FIELDS = (
    "r", "c", "due_ms", "reason", "error", "waiting_on", "reused", "caught", "child", "held", "close_ms",
    "used", "rejects",
)  # fmt: skip
#: Fields of the runtime hash that make an Execution.
EXECUTION_FIELDS = (
    "v", "name", "version", "tenant", "generation", "inputs", "nodes", "left", "failed", "cancelling",
    "created_ms", "started_ms", "ended_ms", "updated_ms", "deadline_ms", "replay_of", "forked_from",
    "cancel_reason", "error", "paused", "paused_by", "paused_reason", "paused_ms", "seq",
    "parent", "depth", "children", "budget", "workflow_id", "workflow_version", "labels", "execution_key",
    *USED_FIELDS,
)  # fmt: skip


def read_text(value: bytes | None) -> str | None:
    return value.decode() if value else None


def _number(value: bytes | None) -> int | None:
    return int(float(value)) if value else None


def log_unreadable(execution_id: str, error: Exception) -> None:
    """Name an execution that holds what no engine wrote."""
    log.error("execution.unreadable", extra={"execution_id": execution_id, "error": str(error)})


def read_execution(execution_id: str, status: bytes | None, fields: list[bytes | None]) -> Execution | None:
    """Read one row. A damaged one counts as unknown: it must not hide all others. Raises LayoutUnknown."""
    if status is None:
        return None
    try:
        return _execution(execution_id, status, fields)
    except ValueError as error:
        log_unreadable(execution_id, error)
        return None


def read_outcome(execution_id: str, told: bytes) -> tuple[Execution | None, bytes | None] | None:
    """Read what the message of an end tells of an execution, and its output; None where it is to be read.

    told  as `outcome_of_end` in store/lua/include/base.lua writes it. Raises LayoutUnknown.
    """
    head, _, values = told.partition(b"\n")
    _, *lengths = head.split(b" ")
    if not lengths:
        return None
    found: list[bytes | None] = []
    at = 0
    for length in lengths:
        if length == b"-":
            found.append(None)
        else:
            found.append(values[at : at + int(length)])
            at += int(length)
    *fields, status, output = found
    return read_execution(execution_id, status, fields), output


def _execution(execution_id: str, status: bytes, fields: list[bytes | None]) -> Execution:
    row = dict(zip(EXECUTION_FIELDS, fields, strict=True))
    said = {
        name: orjson.loads(text) if (text := row[name]) else None
        for name in ("cancel_reason", "paused_by", "paused_reason")
    }
    parent, _, unit = (read_text(row["parent"]) or "").partition(" ")
    return Execution(
        execution_id=execution_id,
        name=read_text(row["name"]) or "",
        version=read_text(row["version"]) or "",
        tenant=read_text(row["tenant"]) or "default",
        status=ExecutionStatus(status.decode()),
        cancelling=Cancelling(row["cancelling"].decode()) if row["cancelling"] else None,
        generation=_number(row["generation"]) or 1,
        inputs=exact_json.loads(row["inputs"]) if row["inputs"] else None,
        total=_number(row["nodes"]),
        left=_number(row["left"]) or 0,
        failed=_number(row["failed"]) or 0,
        created_ms=_number(row["created_ms"]) or 0,
        started_ms=_number(row["started_ms"]),
        ended_ms=_number(row["ended_ms"]),
        updated_ms=_number(row["updated_ms"]) or 0,
        deadline_ms=_number(row["deadline_ms"]),
        workflow_id=read_text(row["workflow_id"]),
        workflow_version=_number(row["workflow_version"]),
        labels=orjson.loads(row["labels"]) if row["labels"] else {},
        execution_key=read_text(row["execution_key"]),
        replay_of=read_text(row["replay_of"]),
        forked_from=read_text(row["forked_from"]),
        reason=said["cancel_reason"],
        error=exact_json.loads(row["error"]) if row["error"] else None,
        paused=_number(row["paused"]),
        paused_by=said["paused_by"],
        paused_reason=said["paused_reason"],
        paused_ms=_number(row["paused_ms"]),
        parent=parent or None,
        parent_unit=unit or None,
        depth=_number(row["depth"]) or 0,
        children=_number(row["children"]) or 0,
        older_layout=older_layout(execution_id, row["v"]),
        usage=read_usage([row[name] for name in USED_FIELDS]),
        budget=read_caps(row["budget"]),
    )


class Record(NamedTuple):
    """What is known of a unit's attempts: the runtime field r|N, see store/layout.py."""

    attempt: int
    nonce: str | None
    message_id: str | None
    tries: int
    crashes: int
    queued_ms: int | None
    started_ms: int | None
    ended_ms: int | None
    worker: str | None


#: Counters of a node none of whose dependencies has ended.
_NOTHING_ENDED = (0, 0, 0, 0, 0)
_NO_RECORD = Record(0, None, None, 0, 0, None, None, None, None)


def read_record(text: bytes | None) -> Record:
    """Take a record apart. Raises ValueError for one that no engine wrote."""
    if not text:
        return _NO_RECORD
    attempt, nonce, message, tries, crashes, queued, started, ended, worker = text.decode().split(" ")
    return Record(
        int(attempt) if attempt != "-" else 0,
        nonce if nonce != "-" else None,
        message if message != "-" else None,
        int(tries) if tries != "-" else 0,
        int(crashes) if crashes != "-" else 0,
        int(queued) if queued != "-" else None,
        int(started) if started != "-" else None,
        int(ended) if ended != "-" else None,
        worker if worker != "-" else None,
    )


def read_node_state(node_id: str, status: bytes | None, fields: list[bytes | None]) -> NodeState:
    """Read one record. fields: values of NODE_FIELDS without the last."""
    known, counters, due_ms, reason, error, waiting_on, reused, caught, child, held, close_ms, used = fields
    record = read_record(known)
    ok, bad, skip, gates_done, not_taken = map(int, counters.split()) if counters else _NOTHING_ENDED
    return NodeState(
        node_id=node_id,
        status=NodeStatus(status.decode()) if status else NodeStatus.PENDING,
        reason=Reason(reason.decode()) if reason else None,
        waiting_on=WaitingOn(waiting_on.decode()) if waiting_on else None,
        attempt=record.attempt,
        tries=record.tries,
        crashes=record.crashes,
        queued_ms=record.queued_ms,
        started_ms=record.started_ms,
        ended_ms=record.ended_ms,
        due_ms=_number(due_ms),
        worker=record.worker,
        error=exact_json.loads(error) if error else None,
        ok=ok,
        bad=bad,
        skip=skip,
        gates_done=gates_done,
        not_taken=bool(not_taken),
        message_id=record.message_id,
        reused=reused == b"1",
        caught=read_text(caught) or None,
        close_ms=_number(close_ms),
        child=read_text(child),
        usage=read_usage(list(used.split())) if used else NOTHING_USED,
        held=_number(held),
    )


def read_event(execution_id: str, entry_id: bytes, fields: dict[bytes, bytes]) -> Event:
    attempt, kind = fields[b"attempt"], fields[b"type"].decode()
    return Event(
        seq=int(entry_id.split(b"-")[0]),
        type=kind,
        execution_id=execution_id,
        node_id=fields[b"node_id"].decode() or None,
        attempt=int(attempt) if attempt else None,
        ts_ms=int(fields[b"ts_ms"]),
        data=present_data(kind, fields[b"data"]),
        item=int(fields[b"item"]) if b"item" in fields else None,
    )


def read_worker(worker_id: str, fields: dict[bytes, bytes]) -> WorkerInfo:
    return WorkerInfo(
        worker_id=worker_id,
        name=fields[b"name"].decode(),
        host=fields[b"host"].decode(),
        pid=int(fields[b"pid"]),
        handlers=frozenset(fields[b"handlers"].decode().split()),
        queues=tuple(fields[b"queues"].decode().split()),
        slots=int(fields[b"slots"]),
        running=int(fields[b"running"]),
        started_ms=int(fields[b"started_ms"]),
        beat_ms=int(fields[b"beat_ms"]),
        instance=fields.get(b"instance", b"").decode(),
        blocked=int(fields.get(b"blocked") or 0),
        blocked_by=tuple(fields.get(b"blocked_by", b"").decode().split()),
        cards=fields.get(b"cards", b"").decode(),
        hosts=tuple(_host(each) for each in orjson.loads(fields.get(b"hosts") or b"[]")),
        refusal=fields.get(b"refusal", b"").decode(),
        workflows=orjson.loads(fields.get(b"workflows") or b"{}"),
        configured=_configured(fields.get(b"configured")),
    )


def _configured(text: bytes | None) -> Mapping[str, Configured] | None:
    """Read what the settings of a worker name, by tenant; a worker of another version may not say."""
    if not text:
        return None
    names = [each.name for each in dataclasses.fields(Configured)]
    return {
        tenant: Configured(*(frozenset(found.get(name, ())) for name in names))
        for tenant, found in orjson.loads(text).items()
    }


def _host(fields: dict[str, Any]) -> HostInfo:
    """Read what is known of a host; a worker of another version may tell more, or less."""
    return HostInfo(
        kind=fields.get("kind"),
        pid=fields.get("pid", 0),
        state=fields.get("state", "idle"),
        runs=fields.get("runs", 0),
        rss_mb=fields.get("rss_mb", 0),
        running=tuple((each[0], each[1]) for each in fields.get("running", ())),
    )


def read_dead_entry(entry_id: bytes, fields: dict[bytes, bytes]) -> DeadEntry:
    return DeadEntry(
        entry_id=entry_id.decode(),
        execution_id=fields[b"execution_id"].decode(),
        node_id=fields[b"node_id"].decode(),
        reason=fields[b"reason"].decode(),
        error=exact_json.loads(fields[b"error"]),
        attempt=int(fields[b"attempt"]),
        ts_ms=int(fields[b"ts_ms"]),
    )


def is_damaged(execution_id: str, *answers: Any) -> bool:
    """Whether keys of an execution hold what no engine wrote. Any other error is raised: it tells nothing."""
    for answer in answers:
        if isinstance(answer, WrongKind):
            log_unreadable(execution_id, answer)
            return True
        if isinstance(answer, Exception):
            raise answer
    return False


def read_spec(execution_id: str, row: Any, plan: Any) -> dict[str, Any]:
    """Read a node's spec with what decides about its ends; {} for one gone, damaged or of another layout.

    row, plan  what its runtime and its static layout answer.
    """
    if is_damaged(execution_id, row, plan) or row[0] != _CURRENT or not plan[0]:
        return {}
    *_, text, counts, kept = row
    spec, facts = plan
    try:
        record = read_record(text)
        return {
            **orjson.loads(spec),
            "tries": record.tries,
            "worker": record.worker,
            "nonce": record.nonce,
            "counts": [int(count) for count in (counts or b"").split()],
            "catch": catch_of(read_text(facts) or ""),
            "kept": kept or b"",
        }
    except ValueError as error:
        log_unreadable(execution_id, error)
        return {}
