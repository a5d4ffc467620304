"""A schedule as its writer gives it: when executions of a workflow are started, and when not.

Times have two names. A slot is when a schedule means to start: the nominal time. It is due at its slot, plus
the jitter of that slot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import count, islice, pairwise, takewhile
from typing import Any
from zoneinfo import ZoneInfo

from headrace.wording import quoted
from orchestrator.definitions.cron import Cron
from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.documents.times import parse_time_ms
from orchestrator.documents.zones import zone_hint


class OverlapPolicy(StrEnum):
    """What happens at a slot while an earlier execution of the schedule has not ended."""

    #: The slot starts nothing.
    SKIP = "skip"
    #: It waits; slots after it start nothing as long as it does.
    BUFFER_ONE = "buffer_one"
    #: It waits behind those before it, 100 at most.
    BUFFER_ALL = "buffer_all"
    #: The earlier one is cancelled, and the slot waits for its end; a later slot takes its place.
    CANCEL_OTHER = "cancel_other"
    #: The earlier one is ended at once.
    TERMINATE_OTHER = "terminate_other"
    ALLOW_ALL = "allow_all"


class CatchupPolicy(StrEnum):
    """Which slots start late that no orchestrator could start in time."""

    NONE = "none"
    #: The newest of them.
    LATEST = "latest"
    #: All, in order.
    ALL = "all"


FIELDS = (
    "cron", "every", "timezone", "inputs", "overlap_policy", "catchup_policy", "catchup_window", "jitter",
    "start_at", "end_at", "max_runs", "pause_on_failure",
)  # fmt: skip
_OVERLAPS = {str(policy): policy for policy in OverlapPolicy}
_CATCHUPS = {str(policy): policy for policy in CatchupPolicy}
LEAST_EVERY_MS = 1_000
#: The last second of the year 9999.
LAST_MS = 253_402_300_799_000
#: Slots between which the smallest gap of a cron expression is looked for.
LOOKED_AT = 100
CATCHUP_WINDOW_MS = 3_600_000
MOST_RUNS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """When a schedule starts executions, with what inputs.

    cron, every_ms  one of the two.
    anchor_ms       `every` counts from here.
    jitter_ms       a slot is due up to so much later, always the same for the same slot.
    start_ms, end_ms  no slot lies before or after them; None for no bound.
    max_runs        starts after which it is finished; None for no bound.
    """

    cron: Cron | None
    every_ms: int | None
    anchor_ms: int
    inputs: Mapping[str, Any] | None
    overlap: OverlapPolicy
    catchup: CatchupPolicy
    catchup_window_ms: int
    jitter_ms: int
    start_ms: int | None
    end_ms: int | None
    max_runs: int | None
    pauses_on_failure: bool

    def slots(self, after_ms: int) -> Iterator[int]:
        """Give the slots after a moment, in order, Unix epoch ms."""
        if self.start_ms is not None:
            after_ms = max(after_ms, self.start_ms - 1)
        for slot in self.unbounded_slots(after_ms):
            if self.end_ms is not None and slot > self.end_ms:
                return
            yield slot

    def unbounded_slots(self, after_ms: int) -> Iterator[int]:
        """Give the same as if the schedule had neither start nor end."""
        return takewhile(lambda slot: slot <= LAST_MS - self.jitter_ms, self._all_slots(after_ms))

    def _all_slots(self, after_ms: int) -> Iterator[int]:
        if self.cron is not None:
            return self.cron.after(after_ms)
        every_ms = self.every_ms or LEAST_EVERY_MS
        first = self.anchor_ms + ((after_ms - self.anchor_ms) // every_ms + 1) * every_ms
        return count(first, every_ms)

    def next_slot(self, after_ms: int) -> int | None:
        """Give the first slot after a moment; None where there is none."""
        return next(self.slots(after_ms), None)

    def due_ms(self, schedule_id: str, slot: int) -> int:
        """Say when a slot of a schedule is due."""
        if not self.jitter_ms:
            return slot
        digest = hashlib.sha256(f"{schedule_id} {slot}".encode()).digest()
        return slot + int.from_bytes(digest[:8]) % (self.jitter_ms + 1)


def read_schedule(fields: Fields, *, is_stored: bool = False) -> ScheduleSpec | None:
    """Read a schedule out of the fields of an object, noting what is wrong; None where it cannot be used.

    Fields that are no part of a schedule are its caller's to refuse.
    is_stored  it was accepted before.
    """
    findings = fields.findings
    before = len(findings.problems) + findings.left_out
    zone = _zone(fields)
    cron, every_ms = _rhythm(fields, zone)
    start_ms, end_ms = _time(fields, "start_at"), _time(fields, "end_at")
    if start_ms is not None and end_ms is not None and end_ms < start_ms:
        fields.wrong("end_at", "after 'start_at'", fields.raw["end_at"], code="bad_value")
    jitter_ms = fields.duration("jitter", minimum_ms=0) or 0
    if every_ms is not None and jitter_ms >= every_ms:
        fields.wrong("jitter", "shorter than 'every'", fields.raw["jitter"], code="bad_value")
    spec = ScheduleSpec(
        cron=cron,
        every_ms=every_ms,
        anchor_ms=start_ms or 0,
        inputs=_inputs(fields),
        overlap=fields.choice("overlap_policy", _OVERLAPS, OverlapPolicy.SKIP),
        catchup=fields.choice("catchup_policy", _CATCHUPS, CatchupPolicy.LATEST),
        catchup_window_ms=_or(fields.duration("catchup_window", minimum_ms=0), CATCHUP_WINDOW_MS),
        jitter_ms=jitter_ms,
        start_ms=start_ms,
        end_ms=end_ms,
        max_runs=_or(fields.whole_number("max_runs", least=1, most=MOST_RUNS, default=0) or None, None),
        pauses_on_failure=fields.flag("pause_on_failure", default=False),
    )  # fmt: skip
    if len(findings.problems) + findings.left_out > before:
        return None
    if not is_stored and cron is not None and jitter_ms and jitter_ms >= _smallest_gap_ms(spec):
        # Those behind a slot that is due late would be late themselves, and count as missed.
        expected = "shorter than the time between two slots of 'cron'"
        fields.wrong("jitter", expected, fields.raw["jitter"], code="bad_value")
        return None
    if not is_stored and next(spec.slots(0), None) is None:
        _refuse_never(fields, spec)
        return None
    return spec


def stored_schedule(raw: dict[str, Any]) -> ScheduleSpec:
    """Read a schedule that was accepted before. Raises ValueError for one that no engine accepted."""
    findings = Findings(Limits(), is_stored=True)
    spec = read_schedule(Fields(raw, "", findings), is_stored=True)
    if spec is None:
        raise ValueError("; ".join(problem.message for problem in findings.problems))
    return spec


def given_fields(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of a schedule that its writer has set, as they were written."""
    return {name: raw[name] for name in FIELDS if raw.get(name) is not None}


def _refuse_never(fields: Fields, spec: ScheduleSpec) -> None:
    """Note of a schedule without any slot why it has none."""
    name = "every" if spec.cron is None else "cron"
    where, given = fields.where(name), quoted(fields.raw[name])
    if spec.cron is not None and next(spec.cron.after(0), None) is None:
        message = f"'{where}': {given} {spec.cron.why_never}"
    else:
        bounds = [f"'{each}' ({fields.raw[each]})" for each in ("start_at", "end_at") if fields.raw.get(each)]
        between = " and ".join(bounds) if bounds else "now and the end of the calendar"
        message = f"'{where}': {given} is never due {'between' if len(bounds) != 1 else 'with'} {between}"
    fields.findings.add(where, "bad_value", message)


def _smallest_gap_ms(spec: ScheduleSpec) -> float:
    gaps = (after - before for before, after in pairwise(islice(spec.slots(0), LOOKED_AT)))
    return min(gaps, default=float("inf"))


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _zone(fields: Fields) -> ZoneInfo:
    name = fields.text("timezone")
    if name is None:
        return ZoneInfo("UTC")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # LookupError: ZoneInfoNotFoundError
        where = fields.where("timezone")
        message = f"'{where}' must be the IANA name of a time zone, such as 'Europe/Berlin' or 'UTC', got"
        fields.findings.add(where, "bad_value", f"{message} {quoted(name)}", zone_hint(name))
        return ZoneInfo("UTC")


def _rhythm(fields: Fields, zone: ZoneInfo) -> tuple[Cron | None, int | None]:
    """Read when it is due: a cron expression, or an interval in ms."""
    expression, every = fields.text("cron"), fields.raw.get("every")
    if expression is not None and every is not None:
        findings = fields.findings
        findings.add(fields.where("every"), "twice", "both 'cron' and 'every' are given; keep one")
    elif expression is not None:
        try:
            return Cron(expression, zone), None
        except ValueError as error:
            fields.findings.add(fields.where("cron"), "bad_cron", f"'{fields.where('cron')}': {error}")
    elif every is not None:
        return None, fields.duration("every", minimum_ms=LEAST_EVERY_MS)
    elif fields.raw.get("cron") is None:
        message = "a schedule needs 'cron' (such as '30 8 * * 1-5') or 'every' (such as '5m')"
        fields.findings.add(fields.where("cron"), "missing", message)
    return None, None


def _time(fields: Fields, name: str) -> int | None:
    value = fields.raw.get(name)
    if value is None:
        return None
    try:
        if not isinstance(value, str):
            raise ValueError(f"must be a time such as '2027-01-31T09:00:00Z', got {quoted(value)}")
        return parse_time_ms(value)
    except ValueError as error:
        fields.findings.add(fields.where(name), "bad_value", f"'{fields.where(name)}': {error}")
        return None


def _inputs(fields: Fields) -> Mapping[str, Any] | None:
    value = fields.raw.get("inputs")
    if value is not None and not isinstance(value, dict):
        fields.wrong("inputs", "an object", value)
        return None
    return value
