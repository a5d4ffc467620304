"""Schedules as values: their ids and names, and what Redis knows of each.

Fields of a record (a hash, written by the scripts of include/schedules.lua):

    schedule_id, workflow_id, name, created_ms   never change
    spec                the rule as its writer gave it, JSON; see definitions/schedules.py
    overlap, pauses_on_failure, max_runs         what scripts need of it
    is_declared         1: the document of its workflow names it
    revision            from 1, one more for each change of rule or pause
    turn                one more at every change, see the scripts
    next_ms, due_ms     the next slot and when it is due, Redis ms; empty for none
    is_paused, paused_ms, paused_by, paused_reason
    runs                executions started for slots
    backfilled          executions started by backfills, all of them; triggered: those started by hand
    skipped             slots that gave way to an execution before them
    missed              slots let go because no orchestrator could start them in time
    failed              slots for which no execution could be made; last_error, last_error_ms say why
    live, buffer        executions that may still run; slots that wait for their end
    last_slot_ms        slot of the one that was started last for a slot, or by a backfill
    last_execution_id   the execution that was started last, in any way; last_started_ms: when
    backfill_id, backfill_first, backfill_next, backfill_end, backfill_most, backfill_live, backfill_runs
    call, put_call      the calls that changed it last
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import orjson

from orchestrator.definitions.schedules import ScheduleSpec, stored_schedule

_ID_PREFIX = "sch_"
_is_schedule_id = re.compile(r"sch_[a-z2-7]{26}").fullmatch


def schedule_id_of(unique: bytes) -> str:
    """Write 16 bytes that no other schedule has as `sch_` and 26 characters of base32, lower case."""
    return _ID_PREFIX + base64.b32encode(unique).decode().rstrip("=").lower()


def declared_id(workflow_id: str, entry: str) -> str:
    """Give the id of a schedule that the document of a workflow names; the same for the same entry."""
    return schedule_id_of(hashlib.sha256(f"{workflow_id} {entry}".encode()).digest()[:16])


def is_schedule_id(text: str) -> bool:
    """Say whether a text is the id of a schedule; no name looks like one."""
    return _is_schedule_id(text) is not None


@dataclass(frozen=True, slots=True)
class Backfill:
    """Slots of the past that are being started.

    next_ms  the next of them; None once all were.
    most     executions of it at a time.
    live     executions of it that may still run.
    """

    backfill_id: str
    first_ms: int
    end_ms: int
    next_ms: int | None
    most: int
    runs: int
    live: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScheduleRecord:
    """What is kept of a schedule; see the fields above."""

    schedule_id: str
    tenant: str
    workflow_id: str
    name: str
    spec: ScheduleSpec
    #: The rule as its writer gave it, JSON.
    spec_text: bytes
    is_declared: bool
    revision: int
    turn: int
    next_ms: int | None
    due_ms: int | None
    is_paused: bool
    paused_ms: int | None
    paused_by: str
    paused_reason: str
    runs: int
    backfilled: int
    triggered: int
    skipped: int
    missed: int
    failed: int
    last_error: str
    live: tuple[str, ...]
    buffer: tuple[int, ...]
    last_slot_ms: int | None
    last_execution_id: str
    last_started_ms: int | None
    backfill: Backfill | None
    created_ms: int
    updated_ms: int

    @property
    def tag(self) -> str:
        """Name this state of the schedule; another state, or another schedule, has another tag."""
        return f"{self.schedule_id}.{self.revision}.{self.turn}"

    def is_meant(self, tags: Collection[str]) -> bool:
        """Say whether one of these tags has its rule; what it has started since does not count."""
        rule, _, _ = self.tag.rpartition(".")
        return any(tag.rpartition(".")[0] == rule for tag in tags)

    @property
    def is_finished(self) -> bool:
        """Say whether it starts nothing more by itself."""
        return not self.is_paused and self.next_ms is None and not self.buffer

    @classmethod
    def from_redis(cls, tenant: str, fields: Mapping[bytes, bytes]) -> ScheduleRecord:
        """Read a record. Raises ValueError for one that no engine wrote."""

        def text(name: str) -> str:
            return fields.get(name.encode(), b"").decode()

        def number(name: str) -> int:
            return int(text(name) or 0)

        def maybe(name: str) -> int | None:
            return int(text(name)) if text(name) else None

        try:
            spec_text = fields[b"spec"]
            return cls(
                schedule_id=fields[b"schedule_id"].decode(),
                tenant=tenant,
                workflow_id=fields[b"workflow_id"].decode(),
                name=fields[b"name"].decode(),
                spec=stored_schedule(orjson.loads(spec_text)),
                spec_text=spec_text,
                is_declared=text("is_declared") == "1",
                revision=number("revision"),
                turn=int(fields[b"turn"]),
                next_ms=maybe("next_ms"),
                due_ms=maybe("due_ms"),
                is_paused=text("is_paused") == "1",
                paused_ms=maybe("paused_ms"),
                paused_by=text("paused_by"),
                paused_reason=text("paused_reason"),
                runs=number("runs"),
                backfilled=number("backfilled"),
                triggered=number("triggered"),
                skipped=number("skipped"),
                missed=number("missed"),
                failed=number("failed"),
                last_error=text("last_error"),
                live=tuple(text("live").split()),
                buffer=tuple(map(int, text("buffer").split())),
                last_slot_ms=maybe("last_slot_ms"),
                last_execution_id=text("last_execution_id"),
                last_started_ms=maybe("last_started_ms"),
                backfill=_backfill(fields),
                created_ms=number("created_ms"),
                updated_ms=number("updated_ms"),
            )
        except KeyError as error:
            raise ValueError(f"the record of a schedule lacks the field {error}") from None


def _backfill(fields: Mapping[bytes, bytes]) -> Backfill | None:
    if b"backfill_id" not in fields:
        return None
    next_ms = fields[b"backfill_next"]
    return Backfill(
        backfill_id=fields[b"backfill_id"].decode(),
        first_ms=int(fields[b"backfill_first"]),
        end_ms=int(fields[b"backfill_end"]),
        next_ms=int(next_ms) if next_ms else None,
        most=int(fields[b"backfill_most"]),
        runs=int(fields[b"backfill_runs"]),
        live=tuple(fields[b"backfill_live"].decode().split()),
    )
