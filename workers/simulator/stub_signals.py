"""The signals and approval decisions that stubs give in a simulation, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.wording import quoted
from orchestrator.documents.fields import Fields
from orchestrator.documents.problems import Findings

#: Nothing comes; the node's time limit, if any, decides.
NEVER = "never"
#: Who decides where neither the stub nor the approval has a name.
SOMEONE = "someone"
_SIGNAL = ("payload", "after")
_TIMED_SIGNAL = ("name", "payload", "at")
_DECISION = ("decision", "by", "form", "after")


@dataclass(frozen=True, slots=True)
class SignalAnswer:
    """A signal. after_ms: virtual time from when the node begins to wait; of a timed one, from the start."""

    payload: Any = None
    after_ms: int = 0
    #: Of one that comes by the clock, whether or not a node waits for it.
    name: str = ""


@dataclass(frozen=True, slots=True)
class DecisionAnswer:
    """One person's decision about an approval. after_ms: virtual time from when the node begins to wait."""

    approves: bool
    #: Who decides; None: the assignees, one after the other.
    by: str | None = None
    form: Any = None
    after_ms: int = 0


Answer = SignalAnswer | DecisionAnswer


def read_signal(raw: Any, path: str, findings: Findings) -> tuple[Answer, ...] | None:
    """Read `signal: {payload, after}` of a stub; () for `never`, None when there is none."""
    if raw is None or raw == NEVER:
        return None if raw is None else ()
    fields = read_object(raw, path, _SIGNAL, findings, "'never' or an object with payload, after")
    return None if fields is None else (SignalAnswer(fields.raw.get("payload"), _after_ms(fields, "after")),)


def read_decisions(raw: Any, path: str, findings: Findings) -> tuple[Answer, ...] | None:
    """Read `decision: {decision, by, form, after}`, or a list of them, of a stub; None when there is none."""
    if raw is None or raw == NEVER:
        return None if raw is None else ()
    rows = [(path, raw)]
    if isinstance(raw, list):
        rows = [(f"{path}[{index}]", row) for index, row in enumerate(raw)]
    found = [_decision(row, where, findings) for where, row in rows]
    return tuple(decision for decision in found if decision is not None)


def _decision(raw: Any, path: str, findings: Findings) -> DecisionAnswer | None:
    expected = "'never' or an object with decision, by, form, after"
    fields = read_object(raw, path, _DECISION, findings, expected)
    if fields is None:
        return None
    if fields.raw.get("decision") is None:
        where = fields.where("decision")
        findings.add(where, "missing", f"'{where}' is missing: approve or deny")
    approves = fields.choice("decision", {"approve": True, "deny": False}, False)
    by = fields.text("by")
    if by == "":
        fields.wrong("by", "a name", by)
    return DecisionAnswer(approves, by, fields.raw.get("form"), _after_ms(fields, "after"))


def read_signals(raw: Any, path: str, findings: Findings) -> tuple[SignalAnswer, ...]:
    """Read the signals that come by the clock: `[{name, payload, at}]`."""
    if raw is None:
        return ()
    if not isinstance(raw, list):
        message = f"'{path}' must be a list of {{name, payload, at}}, got {quoted(raw)}"
        findings.add(path, "wrong_type", message)
        return ()
    found = [_timed_signal(row, f"{path}[{index}]", findings) for index, row in enumerate(raw)]
    return tuple(signal for signal in found if signal is not None)


def _timed_signal(raw: Any, path: str, findings: Findings) -> SignalAnswer | None:
    fields = read_object(raw, path, _TIMED_SIGNAL, findings)
    if fields is None:
        return None
    name = fields.identifier("name", required=True)
    return SignalAnswer(fields.raw.get("payload"), _after_ms(fields, "at"), name)


def read_object(
    raw: Any, path: str, allowed: tuple[str, ...], findings: Findings, expected: str = ""
) -> Fields | None:
    """Give the fields of an object, noting those that are not allowed; None for what is no object."""
    if not isinstance(raw, dict):
        wanted = expected or f"an object with {', '.join(allowed)}"
        findings.add(path, "wrong_type", f"'{path}' must be {wanted}, got {quoted(raw)}")
        return None
    fields = Fields(raw, path, findings)
    fields.refuse_unknown(frozenset(allowed), allowed)
    return fields


def _after_ms(fields: Fields, name: str) -> int:
    return fields.duration(name, minimum_ms=0) or 0
