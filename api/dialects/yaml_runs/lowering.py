"""Makes a definition of a document with `steps` and a `trigger`: one node for each step. Pure.

Every step depends on the one before it; those that a condition jumps over skip themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from api.dialects.yaml_runs.jumps import Jump, When, when_of
from api.dialects.yaml_runs.templates import (
    NOTIFY,
    TRIGGER,
    ConditionRefused,
    Question,
    compile_condition,
    compile_text,
    compile_value,
    constant,
    expression,
    has_reference,
)
from headrace.wording import quoted
from orchestrator.definitions.webhooks import PATH_RULE, is_path
from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings, joined
from orchestrator.errors import Problem

MODEL, MAX_TOKENS = "claude-sonnet-4-6", 1024
#: Seconds that a call may take.
TIMEOUT_S = 30
#: Conditions that may jump over one step: it asks them all.
MOST_JUMPS = 16
#: Steps that a problem lists.
SHOWN_STEPS = 20
CHANNELS = ("email", "slack", "webhook", "ghl", "log")
#: What stands before the path of a trigger.
TRIGGERS = "/triggers/"

_TOP = ("name", "description", "trigger", "steps")
_COMMON = ("id", "type", "name", "description")
#: The fields of each type: those it needs, and those it may have.
_FIELDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    TRIGGER: ((), ()),
    "http": (("url",), ("method", "headers", "body", "timeout")),
    "llm": (("prompt",), ("model", "max_tokens")),
    "condition": (("condition",), ("on_true", "on_false")),
    NOTIFY: (("channel",), ("recipient", "subject", "message")),
}
TYPES = tuple(_FIELDS)
_NODE = re.compile(r"\bnodes\[(\d+)\](?:\.config)?")
_WORDS = ((re.compile(r"\bnode '"), "step '"), (re.compile(r"'config\."), "'"))


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it was written."""

    place: int
    id: str
    type: str
    fields: Fields


def lower(document: Any, *, limits: Limits, chooses_path: bool = True) -> dict[str, Any]:
    """Give the definition of a document. Raises DefinitionInvalid with the places of all that is wrong.

    chooses_path  whether the trigger has the path that is written; it is given one otherwise.
    """
    findings = Findings(limits)
    if not isinstance(document, dict):
        findings.add("", "wrong_type", f"a workflow must be a mapping, got {quoted(document)}")
        findings.raise_any()
    top = Fields(document, "", findings)
    top.refuse_unknown(frozenset(_TOP), _TOP)
    name, description = top.title("name"), top.text("description")
    path = _read_trigger(top)
    steps = _read_steps(top)
    nodes = _nodes(steps)
    findings.raise_any()
    definition: dict[str, Any] = {"name": name}
    if description is not None:
        definition["description"] = description
    return definition | {
        # The first failure ends the run; what was not begun is left out.
        "fail_fast": True,
        "triggers": {"paths": [{"path": path} if chooses_path else {}]},
        "nodes": nodes,
    }


def trigger_path_of(text: str) -> str:
    """Give the path of a trigger, which may be written with or without what stands before it."""
    return f"{text.strip('/')}/".removeprefix(TRIGGERS.lstrip("/")).rstrip("/")


def in_their_words(problem: Problem) -> Problem:
    """Give a problem of the definition as one of the document it was made of."""
    path, message = problem.path, problem.message
    if path.startswith("triggers."):
        return replace(problem, path="trigger.path")
    message = _NODE.sub(r"steps[\1]", message)
    for pattern, word in _WORDS:
        message = pattern.sub(word, message)
    return replace(problem, path=_NODE.sub(r"steps[\1]", path), message=message)


# Reading


def _read_trigger(top: Fields) -> str:
    """Read the path of the trigger; empty where it is wrong."""
    raw = top.raw.get("trigger")
    if not isinstance(raw, dict):
        problem = "is missing" if raw is None else f"must be a mapping, got {quoted(raw)}"
        top.findings.add("trigger", "missing" if raw is None else "wrong_type", f"'trigger' {problem}")
        return ""
    fields = Fields(raw, "trigger", top.findings)
    fields.refuse_unknown(frozenset({"type", "path"}), ("type", "path"))
    fields.choice("type", {"webhook": "webhook"}, "webhook")
    text = fields.text("path")
    if fields.raw.get("path") is None:
        top.findings.add("trigger.path", "missing", "'trigger.path' is missing")
    path = trigger_path_of(text or "")
    if text is not None and not is_path(path, "path"):
        expected = f"{TRIGGERS} and segments parted by '/', {PATH_RULE}"
        fields.wrong("path", expected, text, code="bad_value")
    return path


def _read_steps(top: Fields) -> list[Step]:
    raw = top.raw.get("steps")
    if raw is None or raw == []:
        top.findings.add("steps", "missing", "'steps' is missing: a workflow needs at least one step")
        return []
    if not isinstance(raw, list):
        top.wrong("steps", "a list", raw)
        return []
    steps: list[Step] = []
    taken: set[str] = set()
    for place, each in enumerate(raw):
        where = f"steps[{place}]"
        if not isinstance(each, dict):
            top.findings.add(where, "wrong_type", f"'{where}' must be a mapping, got {quoted(each)}")
            continue
        fields = Fields(each, where, top.findings)
        step_id, kind = fields.identifier("id", required=True), _read_type(fields)
        if step_id and step_id in taken:
            top.findings.add(
                f"{where}.id", "duplicate_id", f"'{where}.id': another step has the id {step_id!r}"
            )
        steps.append(Step(place, step_id, kind, fields))
        taken.add(step_id)
    return steps


def _read_type(fields: Fields) -> str:
    """Read the type of a step, and which fields it has; empty where it is wrong."""
    if fields.raw.get("type") is None:
        where = fields.where("type")
        fields.findings.add(where, "missing", f"'{where}' is missing: one of {joined(TYPES)}")
        return ""
    kind: str = fields.choice("type", {each: each for each in TYPES}, "")
    if kind:
        needed, optional = _FIELDS[kind]
        allowed = (*_COMMON, *needed, *optional)
        fields.refuse_unknown(frozenset(allowed), allowed)
        for name in needed:
            if fields.raw.get(name) is None:
                where = fields.where(name)
                fields.findings.add(where, "missing", f"'{where}' is missing: a step of type {kind} needs it")
    return kind


# Nodes


def _nodes(steps: list[Step]) -> list[dict[str, Any]]:
    """Make a node of each step, behind the one before it."""
    places: dict[str, int] = {}
    for step in steps:
        if step.id:
            places.setdefault(step.id, step.place)
    nodes: list[dict[str, Any]] = []
    #: Types of the steps before the one that is made, by id, and the conditions that may jump over it.
    before: dict[str, str] = {}
    jumps: list[Jump] = []
    for step in steps:
        # Behind all that it may jump to, a condition decides nothing unless one before it still does.
        while jumps and max(jumps[0].if_true, jumps[0].if_false) < step.place:
            del jumps[0]
        if len(jumps) > MOST_JUMPS:
            message = f"'{step.fields.path}': {MOST_JUMPS} conditions at most may jump over one step"
            step.fields.findings.add(step.fields.path, "too_many", message)
            break
        when = when_of(step.place, jumps)
        if step.type == "condition":
            jump = _jump(step, places, when)
            jumps.append(jump)
            node = _condition(step, before, jump, steps)
        else:
            node = _MAKERS[step.type](step, before) if step.type else {}
        nodes.append({"id": step.id, **node, **_order(nodes, when)})
        before.setdefault(step.id, step.type)
    return nodes


def _order(nodes: list[dict[str, Any]], when: When) -> dict[str, Any]:
    order: dict[str, Any] = {} if when is True else {"when": when}
    return order | {"dependencies": [nodes[-1]["id"]], "trigger_rule": "none_failed"} if nodes else order


def _trigger(step: Step, before: Mapping[str, str]) -> dict[str, Any]:
    values = {name: f"{{{{ trigger.{name} | default({{}}) }}}}" for name in ("body", "headers")}
    return {"handler": "output", "config": values}


def _http(step: Step, before: Mapping[str, str]) -> dict[str, Any]:
    fields = step.fields
    config: dict[str, Any] = {
        "url": compile_text(fields.text("url") or "", before),
        # Whatever is answered is an answer, and no answer at all is one with the code 0.
        "expect_status": ["4xx", "5xx"],
        "on_failure": "output",
        "timeout": TIMEOUT_S if fields.raw.get("timeout") is None else fields.raw["timeout"],
    }
    for name in ("method", "headers", "body"):
        if (value := fields.raw.get(name)) is not None:
            config[name] = compile_value(value, before)
    return {"handler": "http", "config": config}


def _llm(step: Step, before: Mapping[str, str]) -> dict[str, Any]:
    fields = step.fields
    config = {
        "prompt": compile_text(fields.text("prompt") or "", before),
        "model": compile_text(fields.text("model") or MODEL, before),
        "max_tokens": fields.whole_number("max_tokens", least=1, most=1_000_000, default=MAX_TOKENS),
        "parse": True,
    }
    return {"handler": "llm", "config": config}


def _notify(step: Step, before: Mapping[str, str]) -> dict[str, Any]:
    """Write a notice to the log, and say so: nothing is sent."""
    fields = step.fields
    channel = fields.text("channel") or ""
    names = ", ".join(map(constant, CHANNELS))
    known = f"(({expression(channel, before)} | string | lower) in [{names}])"
    is_open = has_reference(channel, before)
    is_known = channel.lower() in CHANNELS
    notes = ("written to the log; nothing leaves from here", f"no such channel; there are {joined(CHANNELS)}")
    note = f"{{{{ {constant(notes[0])} if {known} else {constant(notes[1])} }}}}"
    data = {
        "channel": compile_text(channel, before),
        "recipient": compile_value(fields.raw.get("recipient"), before),
        "subject": compile_value(fields.raw.get("subject"), before),
        "sent": f"{{{{ {known} }}}}" if is_open else is_known,
        "note": note if is_open else notes[0 if is_known else 1],
    }
    config: dict[str, Any] = {"channel": "log", "data": data}
    if (message := fields.raw.get("message")) is not None:
        config["message"] = compile_value(message, before)
    if not is_open and not is_known:
        config["level"] = "warning"
    return {"handler": "notify", "config": config}


def _condition(step: Step, before: Mapping[str, str], jump: Jump, steps: list[Step]) -> dict[str, Any]:
    question = _question(step, before)
    targets = [
        constant(steps[place].id) if place < len(steps) else "none" for place in (jump.if_true, jump.if_false)
    ]
    config = {
        "result": f"{{{{ {question.answer} }}}}",
        "next_step": f"{{{{ {targets[0]} if {question.answer} else {targets[1]} }}}}",
        "condition": f"{{{{ {question.words} }}}}",
    }
    return {"handler": "output", "config": config}


def _question(step: Step, before: Mapping[str, str]) -> Question:
    raw = step.fields.raw.get("condition")
    text = str(raw).lower() if isinstance(raw, bool) else step.fields.text("condition") or "false"
    try:
        return compile_condition(text, before)
    except ConditionRefused as error:
        where = step.fields.where("condition")
        step.fields.findings.add(where, "bad_value", f"'{where}': {error}; found {quoted(text)}")
        return Question("false", "false")


def _jump(step: Step, places: Mapping[str, int], when: When) -> Jump:
    if_true, if_false = (_target(step, name, places) for name in ("on_true", "on_false"))
    return Jump(step.id, if_true, if_false, when)


def _target(step: Step, name: str, places: Mapping[str, int]) -> int:
    """Give the place of a target: of the next step where none is written, or one that cannot be."""
    following = step.place + 1
    target = step.fields.text(name)
    if target is None:
        return following
    place = places.get(target)
    if place is not None and place > step.place:
        return place
    where, findings = step.fields.where(name), step.fields.findings
    if findings.full:
        findings.add(where, "unknown_step", "")
    elif place is None:
        hint = findings.did_you_mean(target, places)
        behind = (each for each, at in places.items() if at > step.place)
        known = joined(list(islice(behind, SHOWN_STEPS))) or "none"
        message = f"'{where}': there is no step {quoted(target)} (steps behind this one: {known})"
        findings.add(where, "unknown_step", message, hint)
    else:
        which = "itself" if place == step.place else f"{target!r}, which is before it"
        message = f"'{where}': a condition goes forward, and this one goes to {which}"
        findings.add(where, "backward", message)
    return following


_MAKERS: Mapping[str, Callable[[Step, Mapping[str, str]], dict[str, Any]]] = {
    TRIGGER: _trigger,
    "http": _http,
    "llm": _llm,
    NOTIFY: _notify,
}
