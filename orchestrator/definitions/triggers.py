"""Reads the `triggers` of a document: what starts its workflow once it is registered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.definitions.schedules import FIELDS, ScheduleSpec, given_fields, read_schedule
from orchestrator.documents.fields import Fields
from orchestrator.documents.problems import Findings, quoted

#: Schedules that one document may name.
MOST_SCHEDULES = 20
_KINDS = ("schedules",)
_SCHEDULE_FIELDS = ("name", *FIELDS)
_is_entry = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?").fullmatch


@dataclass(frozen=True, slots=True)
class DeclaredSchedule:
    """A schedule that a document names.

    entry  its name within the document; empty for the only one without a name.
    given  its fields as they are written there.
    """

    entry: str
    spec: ScheduleSpec
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Triggers:
    """What starts a workflow by itself."""

    schedules: tuple[DeclaredSchedule, ...] = ()


NO_TRIGGERS = Triggers()


def read_triggers(top: Fields, findings: Findings) -> Triggers:
    """Read the triggers of a document, noting what is wrong."""
    raw = top.raw.get("triggers")
    if raw is None:
        return NO_TRIGGERS
    if not isinstance(raw, dict):
        findings.add("triggers", "wrong_type", f"'triggers' must be an object, got {quoted(raw)}")
        return NO_TRIGGERS
    fields = Fields(raw, "triggers", findings)
    fields.refuse_unknown(frozenset(_KINDS), _KINDS)
    return Triggers(schedules=tuple(_schedules(fields, findings)))


def _schedules(fields: Fields, findings: Findings) -> list[DeclaredSchedule]:
    raw = fields.raw.get("schedules")
    if raw is None:
        return []
    if not isinstance(raw, list):
        fields.wrong("schedules", "a list", raw)
        return []
    if len(raw) > MOST_SCHEDULES:
        message = f"'triggers.schedules' has {len(raw)} entries; allowed are {MOST_SCHEDULES}"
        findings.add("triggers.schedules", "too_many", message)
        return []
    found: dict[str, DeclaredSchedule] = {}
    for place, each in enumerate(raw):
        path = f"triggers.schedules[{place}]"
        if not isinstance(each, dict):
            findings.add(path, "wrong_type", f"'{path}' must be an object, got {quoted(each)}")
            continue
        entry_fields = Fields(each, path, findings)
        entry_fields.refuse_unknown(frozenset(_SCHEDULE_FIELDS), _SCHEDULE_FIELDS)
        entry = _entry(entry_fields)
        spec = read_schedule(entry_fields, is_stored=findings.is_stored)
        if entry in found:
            named = f"the name {entry!r}" if entry else "no name"
            message = f"'{path}' has {named}, as another schedule before it; give each a 'name' of its own"
            findings.add(f"{path}.name", "twice", message)
        elif entry is not None and spec is not None:
            found[entry] = DeclaredSchedule(entry, spec, given_fields(each))
    return list(found.values())


def _entry(fields: Fields) -> str | None:
    """Read the name of an entry: empty where it has none, None where it is wrong."""
    name = fields.text("name")
    if name is None:
        return "" if fields.raw.get("name") is None else None
    if not _is_entry(name):
        fields.wrong("name", "1 to 40 of a-z, 0-9 and -, not at an edge", name, code="bad_value")
        return None
    return name
