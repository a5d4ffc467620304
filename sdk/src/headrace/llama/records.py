"""What is kept of a run in the journal of its node, and how the run is put together from that.

An entry has what the library calls ticks, in order: those between two waits of its loop, with what changed in
the store meanwhile. A snapshot has the state that all entries up to it led to.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows.context.context_types import CURRENT_SERIALIZED_VERSION, SerializedContext
from workflows.context.serializers import BaseSerializer
from workflows.runtime.control_loop import replay_ticks_stream
from workflows.runtime.types.internal_state import BrokerState
from workflows.runtime.types.results import AddWaiter, StepWorkerWaiter
from workflows.runtime.types.ticks import TickStepResult, WorkflowTick, WorkflowTickAdapter
from workflows.workflow import Workflow

from headrace.durable import Journaled
from headrace.llama.known_types import KnownTypes
from headrace.llama.store import Texts, merge, payload_of
from headrace.outcome import Terminal

#: Of snapshots.
VERSION = 1
#: A step and the id of what it waits for.
Waiter = tuple[str, str]


@dataclass(slots=True)
class Kept:
    """A run as its journal has it.

    broker      the library's state; None before the first entry.
    store       what `ctx.store` holds.
    due         when waits end without an event, by step and id, in seconds since the epoch.
    started_s   when the run began.
    code        digests of its steps.
    wanted      what fields of an event a wait asks for, as far as it is JSON.
    """

    broker: BrokerState | None = None
    store: Texts = field(default_factory=dict)
    due: dict[Waiter, float] = field(default_factory=dict)
    started_s: float | None = None
    code: dict[str, str] = field(default_factory=dict)
    last: int = 0
    wanted: dict[Waiter, Any] = field(default_factory=dict)


class Records:
    """Writes and reads what is kept of the runs of one workflow."""

    def __init__(self, workflow: Workflow, serializer: BaseSerializer) -> None:
        self._workflow = workflow
        #: What values are written and read with.
        self.serializer = serializer

    def entry(
        self,
        ticks: Sequence[WorkflowTick],
        *,
        store: Mapping[str, Any] | None = None,
        started_s: float | None = None,
        code: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Write an entry. store: what has changed in it. Raises Terminal for what is no JSON."""
        written: dict[str, Any] = {"ticks": [self._tick(tick) for tick in ticks]}
        if store:
            written["store"] = store
        if wanted := wanted_by(ticks):
            written["wanted"] = [[*waiter, fields] for waiter, fields in wanted.items()]
        if started_s is not None:
            written["started_s"] = started_s
        if code is not None:
            written["code"] = code
        return written

    def snapshot(self, kept: Kept) -> dict[str, Any]:
        """Write all of a run. Raises Terminal for what is no JSON."""
        assert kept.broker is not None
        try:
            broker = kept.broker.to_serialized(self.serializer).model_dump(mode="json", exclude_defaults=True)
        except Exception as error:
            raise _unwritable("the run", error) from error
        return {
            "version": VERSION,
            "broker": broker,
            "store": kept.store,
            "due": [[*waiter, due_s] for waiter, due_s in kept.due.items()],
            # The library writes neither down.
            "timed_out": [waiter for waiter, wait in waits_of(kept.broker) if wait.timed_out],
            "wanted": [
                [*waiter, fields]
                for waiter, wait in waits_of(kept.broker)
                if (fields := _as_json(wait.requirements))
            ],
            "started_s": kept.started_s,
            "code": kept.code,
        }

    async def read(self, journaled: Journaled, run_id: str) -> Kept:
        """Put a run together. Raises Terminal where the code that is here cannot go on with it."""
        kept = Kept(last=journaled.last)
        try:
            if journaled.snapshot is not None:
                self._read_snapshot(journaled.snapshot, kept)
            for entry in journaled.entries:
                await self._read_entry(entry.data, kept, run_id)
        except Exception as error:
            raise Terminal(
                f"what is kept of the run cannot be read by the code that is here: {error}",
                type="RunUnreadable",
            ) from error
        return kept

    def to_context(self, kept: Kept, *, elapsed_s: float) -> dict[str, Any]:
        """Give a run as the library restores it. elapsed_s: the time it has taken so far."""
        assert kept.broker is not None
        found = kept.broker.to_serialized(self.serializer)
        # The library counts the time in which the process lives; a limit holds while nobody works, too.
        found.elapsed_alive = elapsed_s
        found.state = payload_of(kept.store)
        return found.model_dump(mode="python")

    def _read_snapshot(self, data: Mapping[str, Any], kept: Kept) -> None:
        if data["version"] != VERSION:
            raise ValueError(f"its version is {data['version']!r}; this one reads {VERSION}")
        parsed = SerializedContext.from_dict_auto(
            {"version": CURRENT_SERIALIZED_VERSION, **data["broker"]}, self.serializer
        )
        kept.broker = BrokerState.from_serialized(parsed, self._workflow, self.serializer)
        kept.store = dict(data["store"])
        kept.due = {(step, waiter): due_s for step, waiter, due_s in data["due"]}
        kept.wanted = {(step, waiter): fields for step, waiter, fields in data.get("wanted", ())}
        timed_out = {(step, waiter) for step, waiter in data.get("timed_out", ())}
        for waiter, wait in waits_of(kept.broker):
            wait.timed_out = waiter in timed_out
        _want(kept)
        kept.started_s = data["started_s"]
        kept.code = dict(data["code"])

    async def _read_entry(self, data: Mapping[str, Any], kept: Kept, run_id: str) -> None:
        kept.started_s = data.get("started_s", kept.started_s)
        kept.code = data.get("code", kept.code)
        wanted = {(step, waiter): fields for step, waiter, fields in data.get("wanted", ())}
        merge(kept.store, data.get("store") or {})
        for raw in data["ticks"]:
            tick = self._read_tick(raw)
            before = kept.broker or BrokerState.from_workflow(self._workflow)
            kept.broker = (await replay_ticks_stream(before, _one(tick), run_id=run_id)).state
            note_waits(tick, kept.due)
            _mark_requirements(raw, kept.broker)
            # A wait may have the id of an earlier one, and ask for something else, or for nothing.
            for waiter, _ in begun_waits(tick):
                kept.wanted[waiter] = wanted.get(waiter, {})
            _want(kept)

    def _tick(self, tick: WorkflowTick) -> Any:
        try:
            if isinstance(self.serializer, KnownTypes):
                return tick.model_dump(mode="json", exclude_none=True)
            return self.serializer.serialize(tick)
        except Exception as error:
            step = getattr(tick, "step_id", None)
            raise _unwritable(f"the result of step '{step}'" if step else "an event", error) from error

    def _read_tick(self, raw: Any) -> WorkflowTick:
        if isinstance(raw, str):
            raw = self.serializer.deserialize(raw)
        with self.serializer.validation_context():
            return WorkflowTickAdapter.validate_python(raw)


def note_waits(tick: WorkflowTick, due: dict[Waiter, float]) -> None:
    """Note when the waits that a step has begun end without an event: the library knows it in memory only."""
    for waiter, wait in begun_waits(tick):
        if wait.timeout is not None and isinstance(tick, TickStepResult) and tick.stamped_at is not None:
            due.setdefault(waiter, tick.stamped_at + wait.timeout)


def wanted_by(ticks: Sequence[WorkflowTick]) -> dict[Waiter, Any]:
    """Give what fields of an event the waits ask for that steps have begun, as far as it is JSON."""
    return {
        waiter: fields
        for tick in ticks
        for waiter, wait in begun_waits(tick)
        if (fields := _as_json(wait.requirements))
    }


def begun_waits(tick: WorkflowTick) -> Iterator[tuple[Waiter, AddWaiter[Any]]]:
    """Go through the waits that a step has begun, where the tick is its result."""
    if isinstance(tick, TickStepResult):
        for result in tick.result:
            if isinstance(result, AddWaiter):
                yield (str(tick.step_id), result.waiter_id), result


def waits_of(broker: BrokerState) -> Iterator[tuple[Waiter, StepWorkerWaiter[Any]]]:
    """Go through the waits of a run's steps."""
    for step, worker in broker.workers.items():
        for wait in worker.collected_waiters:
            yield (str(step), wait.waiter_id), wait


def complete_waits(broker: BrokerState, kept: Kept) -> None:
    """Give back to waits what the library leaves out of a run that it restores.

    Without it one whose time is over waits again, for ever, and one that has its event takes those that are
    meant for another.
    """
    assert kept.broker is not None
    known = dict(waits_of(kept.broker))
    for waiter, wait in waits_of(broker):
        wait.timed_out, wait.requirements = known[waiter].timed_out, known[waiter].requirements


def open_waits(broker: BrokerState, due: Mapping[Waiter, float]) -> dict[Waiter, float]:
    """Give those waits that are still open."""
    still = {
        waiter for waiter, wait in waits_of(broker) if wait.resolved_event is None and not wait.timed_out
    }
    return {waiter: due_s for waiter, due_s in due.items() if waiter in still}


def _mark_requirements(raw: Any, broker: BrokerState) -> None:
    """Mark waits for events of certain fields: a tick that was written does not say of which.

    The library asks the step for them again, before it takes an event for it.
    """
    found = json.loads(raw)["value"] if isinstance(raw, str) and raw.startswith("{") else raw
    results = found.get("result", ()) if isinstance(found, dict) else ()
    ids = {each["waiter_id"] for each in results if each.get("has_requirements")}
    if not ids:
        return
    for (_, waiter_id), wait in waits_of(broker):
        if waiter_id in ids:
            wait.has_requirements = True


def _want(kept: Kept) -> None:
    """Say what waits ask for, before another event is read: it may be for one of them alone."""
    assert kept.broker is not None
    for waiter, wait in waits_of(kept.broker):
        wait.requirements = wait.requirements or kept.wanted.get(waiter) or {}


def _as_json(fields: Mapping[str, Any]) -> Any:
    """Give requirements where JSON has them as they are; None else: the library asks the step for them."""
    try:
        return fields if json.loads(json.dumps(fields, allow_nan=False)) == fields else None
    except (TypeError, ValueError, RecursionError):
        return None


async def _one(tick: WorkflowTick) -> AsyncIterator[WorkflowTick]:
    yield tick


def _unwritable(what: str, error: Exception) -> Terminal:
    return Terminal(f"{what} cannot be kept: {error}", type="NotSerializable")
