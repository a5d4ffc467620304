"""Reads the `triggers` of a document: what starts its workflow once it is registered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.wording import quoted
from orchestrator.definitions.schedules import FIELDS, ScheduleSpec, given_fields, read_schedule
from orchestrator.definitions.webhooks import PATH_RULE, WebhookSpec, is_path, read_webhook
from orchestrator.documents.fields import Fields
from orchestrator.documents.problems import Findings

#: Schedules, webhooks and trigger paths that one document may name, of each.
MOST_NAMED = 20
_KINDS = ("schedules", "webhooks", "paths")
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
    """What starts a workflow by itself.

    paths  names by which those who have a key start it; one that cannot be guessed is made for None.
    """

    schedules: tuple[DeclaredSchedule, ...] = ()
    webhooks: tuple[WebhookSpec, ...] = ()
    paths: tuple[str | None, ...] = ()


NO_TRIGGERS = Triggers()


def read_triggers(top: Fields, findings: Findings) -> Triggers:
    """Read the triggers of a document, noting what is wrong."""
    raw = top.raw.get("triggers")
    if raw is None:
        return NO_TRIGGERS
    if not isinstance(raw, dict):
        hint = "write triggers: {schedules: […], webhooks: […]}"
        findings.add("triggers", "wrong_type", f"'triggers' must be an object, got {quoted(raw)}", hint)
        return NO_TRIGGERS
    fields = Fields(raw, "triggers", findings)
    fields.refuse_unknown(frozenset(_KINDS), _KINDS)
    return Triggers(
        tuple(_schedules(fields, findings)),
        tuple(_webhooks(fields, findings)),
        tuple(_paths(fields, findings)),
    )


def _schedules(fields: Fields, findings: Findings) -> list[DeclaredSchedule]:
    found: dict[str, DeclaredSchedule] = {}
    for entry_fields in _entries(fields, "schedules"):
        path, each = entry_fields.path, entry_fields.raw
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


def _webhooks(fields: Fields, findings: Findings) -> list[WebhookSpec]:
    found: list[WebhookSpec] = []
    for entry in _entries(fields, "webhooks"):
        spec = read_webhook(entry)
        if spec is not None and spec.path is not None and spec.path in [each.path for each in found]:
            message = f"'{entry.path}' has the path {spec.path!r}, as another webhook before it"
            findings.add(f"{entry.path}.path", "twice", message)
        elif spec is not None and spec.path is None and None in [each.path for each in found]:
            message = f"'{entry.path}' has no path, as another webhook before it; one may be without"
            findings.add(f"{entry.path}.path", "twice", message)
        elif spec is not None:
            found.append(spec)
    return found


def _paths(fields: Fields, findings: Findings) -> list[str | None]:
    found: list[str | None] = []
    for entry in _entries(fields, "paths"):
        entry.refuse_unknown(frozenset({"path"}), ("path",))
        path = entry.text("path")
        if path is not None and not is_path(path, "path"):
            entry.wrong("path", f"segments parted by '/', {PATH_RULE}", path, code="bad_value")
        elif path in found:
            which = "no path" if path is None else f"the path {path!r}"
            message = f"'{entry.path}' has {which}, as another one before it"
            findings.add(f"{entry.path}.path", "twice", message)
        else:
            found.append(path)
    return found


def _entries(fields: Fields, name: str) -> Iterator[Fields]:
    """Give the objects of a list, noting what is none."""
    raw = fields.raw.get(name)
    if raw is None:
        return
    if not isinstance(raw, list):
        fields.wrong(name, "a list", raw)
        return
    if len(raw) > MOST_NAMED:
        message = f"'{fields.where(name)}' has {len(raw)} entries; allowed are {MOST_NAMED}"
        fields.findings.add(fields.where(name), "too_many", message)
        return
    for place, each in enumerate(raw):
        path = f"{fields.where(name)}[{place}]"
        if isinstance(each, dict):
            yield Fields(each, path, fields.findings)
        else:
            fields.findings.add(path, "wrong_type", f"'{path}' must be an object, got {quoted(each)}")


def _entry(fields: Fields) -> str | None:
    """Read the name of an entry: empty where it has none, None where it is wrong."""
    name = fields.text("name")
    if name is None:
        return "" if fields.raw.get("name") is None else None
    if not _is_entry(name):
        fields.wrong("name", "1 to 40 of a-z, 0-9 and -, not at an edge", name, code="bad_value")
        return None
    return name
