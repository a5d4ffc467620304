"""What somebody outside says in a simulation to nodes that wait for it: signals and decisions, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.documents.durations import parse_duration_ms
from orchestrator.errors import Problem

#: Nothing comes; what the node does then is its time limit's matter.
NEVER = "never"
#: Who decides where neither the stub nor the approval names anybody.
SOMEBODY = "somebody"
_SIGNAL = ("payload", "after")
_KEPT = ("name", "payload", "at")
_DECISION = ("decision", "by", "form", "after")
#: Tells of a field that no answer has.
Refuse = Callable[[Mapping[str, Any], str, tuple[str, ...], list[Problem]], None]


@dataclass(frozen=True, slots=True)
class SignalAnswer:
    """A signal. after_ms: virtual time from when the node begins to wait, or from the start of it all."""

    payload: Any = None
    after_ms: int = 0
    #: Of one that comes by the clock, whether or not anybody waits for it.
    name: str = ""


@dataclass(frozen=True, slots=True)
class DecisionAnswer:
    """One person's decision about an approval. after_ms: virtual time from when the node begins to wait."""

    approves: bool
    #: Who decides; where the stub does not say, those asked, one after the other.
    by: str | None = None
    form: Any = None
    after_ms: int = 0


Answer = SignalAnswer | DecisionAnswer


def read_signal(raw: Any, path: str, problems: list[Problem], refuse: Refuse) -> tuple[Answer, ...] | None:
    """Read `signal: {payload, after}` of a stub; () for `never`, None when there is none."""
    if raw is None or raw == NEVER:
        return None if raw is None else ()
    if not isinstance(raw, dict):
        problems.append(Problem(path, "wrong_type", f"'{path}' is 'never' or {{payload, after}}"))
        return None
    refuse(raw, path, _SIGNAL, problems)
    return (SignalAnswer(raw.get("payload"), read_span(raw, "after", path, problems) or 0),)


def read_decisions(raw: Any, path: str, problems: list[Problem], refuse: Refuse) -> tuple[Answer, ...] | None:
    """Read `decision: {decision, by, form, after}`, or a list of them, of a stub; None when there is none."""
    if raw is None or raw == NEVER:
        return None if raw is None else ()
    rows = raw if isinstance(raw, list) else [raw]
    found: list[Answer] = []
    for index, row in enumerate(rows):
        where = f"{path}[{index}]" if isinstance(raw, list) else path
        if not isinstance(row, dict) or row.get("decision") not in ("approve", "deny"):
            message = f"'{where}' is 'never' or {{decision: approve or deny, by, form, after}}"
            problems.append(Problem(where, "bad_value", message))
            continue
        refuse(row, where, _DECISION, problems)
        by = row.get("by")
        if by is not None and (not isinstance(by, str) or not by):
            problems.append(Problem(f"{where}.by", "wrong_type", f"'{where}.by' must be text"))
            continue
        after_ms = read_span(row, "after", where, problems) or 0
        found.append(DecisionAnswer(row["decision"] == "approve", by, row.get("form"), after_ms))
    return tuple(found)


def read_signals(raw: Any, path: str, problems: list[Problem], refuse: Refuse) -> tuple[SignalAnswer, ...]:
    """Read the signals that come by the clock: `[{name, payload, at}]`."""
    found = []
    if not isinstance(raw, list):
        problems.append(Problem(path, "wrong_type", f"'{path}' must be a list of {{name, payload, at}}"))
        return ()
    for index, row in enumerate(raw):
        where = f"{path}[{index}]"
        if not isinstance(row, dict) or not isinstance(row.get("name"), str) or not row["name"]:
            problems.append(
                Problem(where, "bad_value", f"'{where}' must be {{name, payload, at}} with a name")
            )
            continue
        refuse(row, where, _KEPT, problems)
        at_ms = read_span(row, "at", where, problems) or 0
        found.append(SignalAnswer(row.get("payload"), at_ms, row["name"]))
    return tuple(found)


def read_span(raw: Mapping[str, Any], name: str, path: str, problems: list[Problem]) -> int | None:
    """Read a duration as definitions write it, in ms; None when there is none."""
    if raw.get(name) is None:
        return None
    try:
        return parse_duration_ms(raw[name])
    except ValueError as error:
        problems.append(Problem(f"{path}.{name}", "bad_duration", f"'{path}.{name}': {error}"))
        return None
