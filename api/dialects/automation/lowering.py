"""Makes definitions of the workflows that are sent to this door, and says what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import orjson

from api.dialects.automation.templates import compile_templates
from headrace.wording import quoted
from orchestrator.definitions.graph import find_cycle
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.errors import Problem

STEP_TYPES = ("http", "transform", "condition", "delay", "sub_workflow")
TRIGGER_TYPES = ("manual", "webhook", "cron")
STEP_FIELDS = ("id", "type", "config", "depends_on", "retry", "name", "description")
#: What a step that says nothing about it is retried by; sub-workflows retry their own steps.
MAX_ATTEMPTS, DELAY_S = 3, 5
MOST_ATTEMPTS, MOST_DELAY_S = 10, 300
#: Of a step `delay`, in seconds.
MOST_DELAY_STEP_S = 3600
_is_step_id = re.compile(r"[A-Za-z0-9_.-]{1,128}").fullmatch
_FIELDS = {
    "http": ("url", "method", "headers", "body", "timeout_seconds", "expect_status"),
    "transform": ("expression",),
    "condition": ("expression", "true_branch", "false_branch"),
    "delay": ("seconds",),
    "sub_workflow": ("workflow_id", "input_mapping"),
}
_REQUIRED = {
    "http": "url",
    "transform": "expression",
    "condition": "expression",
    "delay": "seconds",
    "sub_workflow": "workflow_id",
}


@dataclass(frozen=True, slots=True)
class AutomationDocument:
    """A workflow as its writer sent it, without what is secret in it.

    is_signed  deliveries to its webhook are signed; kept while it has another trigger.
    """

    name: str
    trigger_type: str
    steps: Sequence[Any]
    description: str | None = None
    trigger_config: Mapping[str, Any] = field(default_factory=dict)
    is_signed: bool = False

    def to_json(self) -> bytes:
        """Write it as the source of the workflow."""
        return orjson.dumps(self)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the deployment says of every workflow of this door."""

    max_steps: int = 50
    execution_timeout_s: int = 300
    http_timeout_s: float = 30.0
    cron_timezone: str = "UTC"
    limits: Limits = field(default_factory=Limits)


def lower(document: AutomationDocument, terms: Terms) -> dict[str, Any]:
    """Make a definition of a workflow. Raises DefinitionInvalid with the first `max_problems` problems."""
    _raise_any(_step_problems(document.steps, terms), terms.limits)
    _raise_any(chain(_graph_problems(document.steps), _trigger_problems(document)), terms.limits)
    definition: dict[str, Any] = {
        "name": document.name,
        "execution_timeout": terms.execution_timeout_s,
        "nodes": _nodes(document.steps, terms),
    }
    if document.description:
        definition["description"] = document.description
    if document.trigger_type == "webhook":
        definition["triggers"] = {"webhooks": [{"scheme": "hub256" if document.is_signed else "none"}]}
    if document.trigger_type == "cron":
        schedule = {"cron": document.trigger_config["cron_expression"], "timezone": terms.cron_timezone}
        definition["triggers"] = {"schedules": [schedule]}
    return definition


def branch_of(config: Mapping[str, Any], name: str) -> list[str]:
    """Give the ids of a branch of a condition; a single one may stand without a list."""
    value = config.get(name) or []
    return [value] if isinstance(value, str) else list(value)


def _raise_any(problems: Iterable[Problem], limits: Limits) -> None:
    findings = Findings(limits)
    for problem in problems:
        findings.take(problem)
    findings.raise_any()


def _nodes(steps: Sequence[dict[str, Any]], terms: Terms) -> list[dict[str, Any]]:
    dependencies = _dependencies(steps)
    return [_node(step, dependencies[step["id"]], terms) for step in steps]


def _dependencies(steps: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Give what each step comes behind: what it names, and the conditions in whose branches it is."""
    found = {step["id"]: list(dict.fromkeys(step.get("depends_on") or [])) for step in steps}
    for step in steps:
        # A branch is decided by its condition, whatever else its steps wait for.
        for _, target in _branches(step):
            if target in found and step["id"] not in found[target]:
                found[target].append(step["id"])
    return found


def _node(step: dict[str, Any], dependencies: list[str], terms: Terms) -> dict[str, Any]:
    kind, config = step["type"], step.get("config") or {}
    node = {
        "id": step["id"],
        "handler": kind,
        "dependencies": dependencies,
        "config": compile_templates(_config(kind, config, terms)),
    }
    retry = step.get("retry")
    if retry is not None or kind != "sub_workflow":
        node["retry"] = _retry(kind, retry or {})
    return node


def _config(kind: str, config: dict[str, Any], terms: Terms) -> dict[str, Any]:
    match kind:
        case "http":
            own = {
                name: value
                for name, value in config.items()
                if name != "timeout_seconds" and value is not None
            }
            return own | {"timeout": config.get("timeout_seconds") or terms.http_timeout_s}
        case "transform":
            return {"expression": config["expression"], "as": "text"}
        case "condition":
            branches = {name: branch_of(config, name) for name in ("true_branch", "false_branch")}
            return {"expression": config["expression"], **branches}
        case "delay":
            return {"seconds": config["seconds"]}
        case _:
            return {
                "workflow": config["workflow_id"],
                "inputs": config.get("input_mapping") or {},
                "inputs_as_payload": True,
                "as": "context",
            }


def _retry(kind: str, retry: Mapping[str, Any]) -> dict[str, Any]:
    delay_s = retry.get("delay_seconds", DELAY_S)
    return {
        "max_attempts": retry.get("max_attempts", MAX_ATTEMPTS),
        "initial_interval": delay_s,
        "maximum_interval": delay_s,
        "backoff_coefficient": 1,
        "jitter": "none",
        # The delay is as long as the step says, whatever the server asks for.
        "respect_retry_after": False,
        # The receiver understood, and said no; of passing faults it says so by a 5xx.
        **({"non_retryable": ["Http.4xx"]} if kind == "http" else {}),
    }


def _step_problems(steps: Sequence[Any], terms: Terms) -> Iterator[Problem]:
    if not steps:
        yield _problem("steps", "NO_STEPS", "a workflow needs at least one step; found none")
    if len(steps) > terms.max_steps:
        message = (
            f"the workflow has {len(steps)} steps; allowed are {terms.max_steps} (MAX_STEPS_PER_WORKFLOW)"
        )
        yield _problem("steps", "TOO_MANY_STEPS", message)
        return
    seen: set[str] = set()
    for place, step in enumerate(steps):
        path = f"steps[{place}]"
        if not isinstance(step, dict):
            yield _problem(path, "VALIDATION_ERROR", f"'{path}' must be an object; found {quoted(step)}")
            continue
        yield from _shape_problems(step, path, terms.limits.max_config_bytes)
        step_id = step.get("id")
        if isinstance(step_id, str) and step_id in seen:
            yield _problem(f"{path}.id", "DUPLICATE_STEP_ID", f"two steps have the id {quoted(step_id)}")
        if isinstance(step_id, str):
            seen.add(step_id)


def _shape_problems(step: dict[str, Any], path: str, max_config_bytes: int) -> Iterator[Problem]:
    for name in sorted(step.keys() - set(STEP_FIELDS)):
        allowed = ", ".join(STEP_FIELDS)
        message = f"unknown field {name[:80]!r} in a step (allowed: {allowed})"
        yield _problem(f"{path}.{name[:80]}", "VALIDATION_ERROR", message)
    step_id = step.get("id")
    if not isinstance(step_id, str) or not _is_step_id(step_id):
        message = f"'{path}.id' must be 1 to 128 of A-Z a-z 0-9 _ . -; found {quoted(step_id)}"
        yield _problem(f"{path}.id", "VALIDATION_ERROR", message)
    kind, config = step.get("type"), step.get("config")
    depends_on = step.get("depends_on")
    if depends_on is not None and not _is_texts(depends_on):
        message = f"'{path}.depends_on' must be a list of step ids; found {quoted(depends_on)}"
        yield _problem(f"{path}.depends_on", "VALIDATION_ERROR", message)
    yield from _retry_problems(step.get("retry"), f"{path}.retry")
    if kind not in STEP_TYPES:
        message = f"unknown step type {quoted(kind)} (allowed: {', '.join(STEP_TYPES)})"
        yield _problem(f"{path}.type", "UNKNOWN_STEP_TYPE", message)
    elif config is not None and not isinstance(config, dict):
        message = f"'{path}.config' must be an object; found {quoted(config)}"
        yield _problem(f"{path}.config", "VALIDATION_ERROR", message)
    else:
        yield from _config_problems(kind, config or {}, f"{path}.config")
        # Before its templates are read.
        if (size := len(orjson.dumps(config))) > max_config_bytes:
            message = (
                f"'{path}.config' has {size:,} bytes; allowed are {max_config_bytes:,} (max_config_bytes)"
            )
            yield Problem(f"{path}.config", "STEP_CONFIG_ERROR", message, kind="size")


def _retry_problems(retry: Any, path: str) -> Iterator[Problem]:
    if retry is None:
        return
    if not isinstance(retry, dict):
        yield _problem(path, "VALIDATION_ERROR", f"'{path}' must be an object; found {quoted(retry)}")
        return
    bounds = {"max_attempts": (1, MOST_ATTEMPTS), "delay_seconds": (0, MOST_DELAY_S)}
    for name, value in retry.items():
        if name not in bounds:
            message = f"unknown field {str(name)[:80]!r} (allowed: {', '.join(bounds)})"
            yield _problem(f"{path}.{str(name)[:80]}", "VALIDATION_ERROR", message)
            continue
        least, most = bounds[name]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            message = f"'{path}.{name}' must be a whole number, {least} to {most}; found {quoted(value)}"
            yield _problem(f"{path}.{name}", "VALIDATION_ERROR", message)


def _config_problems(kind: str, config: dict[str, Any], path: str) -> Iterator[Problem]:
    for name in sorted(config.keys() - set(_FIELDS[kind])):
        allowed = ", ".join(_FIELDS[kind])
        message = f"unknown field {name[:80]!r} in the config of a step {kind!r} (allowed: {allowed})"
        yield _problem(f"{path}.{name[:80]}", "STEP_CONFIG_ERROR", message)
    required = _REQUIRED[kind]
    value = config.get(required)
    if value is None or value == "":
        yield _problem(f"{path}.{required}", "STEP_CONFIG_ERROR", f"a step {kind!r} needs '{required}'")
    elif kind == "delay":
        if not _is_number(value) or not 0 < value <= MOST_DELAY_STEP_S:
            expected = f"a number of seconds above 0, at most {MOST_DELAY_STEP_S}"
            yield _wrong(f"{path}.seconds", expected, value)
    elif not isinstance(value, str):
        yield _wrong(f"{path}.{required}", "a text", value)
    if kind == "condition":
        for name in ("true_branch", "false_branch"):
            if (
                config.get(name) is not None
                and not isinstance(config[name], str)
                and not _is_texts(config[name])
            ):
                yield _wrong(f"{path}.{name}", "a list of step ids", config[name])
    timeout = config.get("timeout_seconds")
    if kind == "http" and timeout is not None and (not _is_number(timeout) or timeout <= 0):
        yield _wrong(f"{path}.timeout_seconds", "a number of seconds above 0", timeout)
    mapping = config.get("input_mapping")
    if kind == "sub_workflow" and mapping is not None and not isinstance(mapping, dict):
        yield _wrong(f"{path}.input_mapping", "an object", mapping)


def _graph_problems(steps: Sequence[dict[str, Any]]) -> Iterator[Problem]:
    known = {step["id"] for step in steps}
    is_whole = True
    for place, step in enumerate(steps):
        named = [(f"depends_on[{at}]", name) for at, name in enumerate(step.get("depends_on") or [])]
        named += _branches(step)
        for where, name in named:
            if name not in known:
                is_whole = False
                message = f"step {step['id']!r} names {name[:128]!r}, which is no step of this workflow"
                yield _problem(f"steps[{place}].{where}", "INVALID_DEPENDENCY", message)
    if is_whole and (cycle := find_cycle(_dependencies(steps))):
        yield _problem(
            "steps", "CYCLE_DETECTED", f"steps depend on each other in a cycle: {' -> '.join(cycle)}"
        )


def _branches(step: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give the steps that a condition names in its branches, each behind the field that names it."""
    if step["type"] != "condition":
        return []
    config, fields = step.get("config") or {}, ("true_branch", "false_branch")
    return [(f"config.{name}", target) for name in fields for target in branch_of(config, name)]


def _trigger_problems(document: AutomationDocument) -> Iterator[Problem]:
    if document.trigger_type != "cron":
        return
    expression, path = document.trigger_config.get("cron_expression"), "trigger_config.cron_expression"
    if not isinstance(expression, str) or len(expression.split()) != 5:
        expected = "a cron expression of 5 fields, such as '*/5 * * * *'"
        message = f"'{path}' must be {expected}; found {quoted(expression)}"
        yield _problem(path, "INVALID_CRON", message)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _wrong(path: str, expected: str, found: Any) -> Problem:
    return _problem(path, "STEP_CONFIG_ERROR", f"'{path}' must be {expected}; found {quoted(found)}")


def _problem(path: str, code: str, message: str) -> Problem:
    return Problem(path, code, message, kind="graph")
