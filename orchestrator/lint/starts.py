"""What a definition starts by name, and what starts it: whether that is there, and the inputs fit. Pure.

A name that is not known to be registered or not is left alone, and so is all that templates decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.definitions.definition import Definition
from orchestrator.definitions.registry import is_name, is_workflow_id, name_of
from orchestrator.definitions.sub_workflows import SUB_WORKFLOW
from orchestrator.definitions.targets import TARGET_FIELDS
from orchestrator.definitions.triggers import Triggers
from orchestrator.definitions.unknown_inputs import unknown_inputs
from orchestrator.documents.json_schema import filled_inputs, judge
from orchestrator.documents.problems import joined
from orchestrator.errors import Problem
from orchestrator.templates.references import is_template

#: A registered workflow as it is named: name or id, and the number of a version, or None for the newest.
Named = tuple[str, int | None]
#: The code of a warning of a workflow that is not registered (yet).
UNKNOWN = "unknown_workflow"
#: Keywords by which the value of one input may decide what another may be.
_TOGETHER = frozenset(
    {
        "allOf", "anyOf", "oneOf", "not", "if", "$ref", "$dynamicRef", "dependentSchemas",
        "dependentRequired", "unevaluatedProperties", "minProperties", "maxProperties",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Missing:
    """Stands for a workflow that is not registered, or for a version that it has not.

    hint    the workflow that was probably meant.
    newest  the number of its newest version; None where there is no such workflow.
    """

    hint: str | None = None
    newest: int | None = None


#: Definitions of registered workflows, or what stands for one; what is not in it is not known.
Known = Mapping[Named, Mapping[str, Any] | Missing]


@dataclass(frozen=True, slots=True)
class Start:
    """A workflow that a definition starts: as the child of a node, or at the end of the execution.

    who     what starts it, in the words of a message.
    inputs  None where a template makes them.
    """

    who: str
    path: str
    workflow: Mapping[str, Any] | Named
    inputs: Mapping[str, Any] | None

    @property
    def called(self) -> str:
        """What a message calls the workflow."""
        if isinstance(self.workflow, tuple):
            return f"the workflow {self.workflow[0]!r}"
        return f"the child of {self.who}"


def names_in(document: Mapping[str, Any]) -> list[Named]:
    """List the registered workflows that a definition starts, each once."""
    named = [each.workflow for each in _starts(document) if isinstance(each.workflow, tuple)]
    return list(dict.fromkeys(named))


def known_beside(documents: list[Any]) -> dict[Named, Mapping[str, Any]]:
    """Give definitions that are registered together, by the names they are registered under."""
    titles = [(each.get("name"), each) for each in documents if isinstance(each, Mapping)]
    named = [(name_of(title), each) for title, each in titles if isinstance(title, str)]
    return {(name, None): each for name, each in named if name}


def misfits(document: Mapping[str, Any], known: Known) -> Iterator[Problem]:
    """Warn of workflows that are started and not there, and of inputs that they do not take."""
    for start in _starts(document):
        child: Mapping[str, Any] | Missing | None
        if isinstance(start.workflow, tuple):
            child = known.get(start.workflow)
            name, version = start.workflow
        else:
            child, name, version = start.workflow, "", None
        if isinstance(child, Missing):
            if child.newest is None:
                message = f"{start.who} starts the workflow {name!r}, which is not registered"
                hint, field = child.hint or "register it before this one starts it", "workflow"
            else:
                message = f"{start.who} starts version {version} of {name!r}, which has no such version"
                hint, field = f"its newest is {child.newest}", "version"
            yield Problem(f"{start.path}.{field}", UNKNOWN, message, hint, kind="graph")
        elif child is not None and start.inputs is not None:
            yield from _of_inputs(start, start.inputs, child)


def misfit_schedules(definition: Definition) -> list[Problem]:
    """List what a schema refuses of the inputs of the schedules of a document."""
    found = []
    for place, each in enumerate(definition.triggers.schedules):
        schema, given = definition.inputs_schema, dict(each.spec.inputs or {})
        for problem in _problems(schema, filled_inputs(schema, given)) if schema else ():
            found.append(replace(problem, path=f"triggers.schedules[{place}].{problem.path}"))
    return found


def of_schedules(definition: Definition) -> Iterator[Problem]:
    """Warn of inputs of the schedules of a document that it does not know, and of odd steps."""
    for place, each in enumerate(definition.triggers.schedules):
        path = f"triggers.schedules[{place}]"
        yield from unknown_inputs(definition.source, each.spec.inputs, f"{path}.inputs")
        for odd in each.spec.cron.oddities if each.spec.cron else ():
            yield odd_step(odd, f"{path}.cron")


def odd_step(oddity: str, path: str = "cron") -> Problem:
    """Warn of what a cron expression hardly means."""
    return Problem(path, "cron_step", oddity, "for an interval use 'every'", kind="graph")


def of_triggers(schema: dict[str, Any] | None, triggers: Triggers) -> Iterator[Problem]:
    """Warn of webhooks and trigger paths that give no inputs to a workflow which cannot be without."""
    given = [(f"triggers.webhooks[{i}]", "webhook", each.inputs) for i, each in enumerate(triggers.webhooks)]
    given += [(f"triggers.paths[{i}]", "trigger path", "none") for i, _ in enumerate(triggers.paths)]
    for path, what, inputs in given:
        if inputs == "none" and (problem := without_inputs(schema, what, path)):
            yield problem


def without_inputs(schema: dict[str, Any] | None, what: str, path: str) -> Problem | None:
    """Warn of a webhook, or a trigger path, that gives no inputs; None where the workflow takes that."""
    verdict = None if schema is None else judge(schema, filled_inputs(schema, {}), "inputs")
    if verdict is None or verdict.is_partial or not verdict.problems:
        return None
    why = joined([problem.message for problem in verdict.problems], most=2)
    message = f"every call of this {what} will be refused: it gives the workflow no inputs, and {why}"
    hint = "give what is required a default, and read trigger.payload"
    if what == "webhook":
        hint = f"let the body become the inputs with 'inputs: payload', or {hint}"
    return Problem(path, "starts_without_inputs", message, hint, kind="graph")


def _starts(document: Mapping[str, Any], path: str = "") -> Iterator[Start]:
    is_wrapped = isinstance(document.get("dag"), Mapping)
    nodes = (document["dag"] if is_wrapped else document).get("nodes")
    for place, node in enumerate(nodes if isinstance(nodes, list) else ()):
        config = node.get("config") if isinstance(node, Mapping) else None
        if not isinstance(config, Mapping) or node.get("handler") != SUB_WORKFLOW:
            continue
        where = f"{path}{'dag.' * is_wrapped}nodes[{place}].config"
        workflow, inputs = config.get("workflow"), config.get("inputs")
        given = {} if inputs is None else inputs if isinstance(inputs, Mapping) else None
        who = f"node {node.get('id')!r}"
        if isinstance(workflow, Mapping):
            yield Start(who, where, workflow, given)
            yield from _starts(workflow, f"{where}.workflow.")
        elif named := _named(workflow, config.get("version")):
            yield Start(who, where, named, given)
    for field in TARGET_FIELDS:
        raw = document.get(field)
        targets = raw if isinstance(raw, list) else [raw]
        for place, target in enumerate(targets):
            if isinstance(target, Mapping) and (named := _named(target.get("workflow"), None)):
                where = f"{path}{field}[{place}]" if isinstance(raw, list) else f"{path}{field}"
                yield Start(f"'{where}'", where, named, target.get("inputs") or {})


def _named(workflow: Any, version: Any) -> Named | None:
    if not isinstance(workflow, str) or not (is_name(workflow) or is_workflow_id(workflow)):
        return None  # a template, or an execution whose definition is run
    if isinstance(version, str) and is_template(version):
        return None
    return workflow, version if isinstance(version, int) else None


def _of_inputs(start: Start, given: Mapping[str, Any], child: Mapping[str, Any]) -> Iterator[Problem]:
    """Warn of inputs that a workflow will refuse, or does not know."""
    if any(is_template(name) for name in given):
        return
    where, schema = f"{start.path}.inputs", child.get("inputs")
    yield from unknown_inputs(child, given, where, called=start.called)
    if not isinstance(schema, dict):
        return
    decided = {name for name, value in given.items() if _is_templated(value)}
    for problem in _refusals(schema, filled_inputs(schema, dict(given)), decided):
        path = f"{start.path}.{problem.path}"
        message = f"{start.who} gives {start.called} inputs that it will refuse: {problem.message}"
        yield Problem(path, "child_inputs", message, problem.hint, kind="graph")


def _refusals(schema: dict[str, Any], filled: dict[str, Any], decided: Set[str]) -> list[Problem]:
    """Give what a schema refuses whatever templates make of the inputs that they decide."""
    found = _problems(schema, filled)
    if not decided:
        return found
    if not _TOGETHER.isdisjoint(schema):
        return []
    places = [f"inputs.{name}" for name in decided]
    by_value = [
        problem
        for problem in found
        if problem.path != "inputs" and not any(_is_within(problem.path, place) for place in places)
    ]
    return _problems(_of_names(schema), dict.fromkeys(filled)) + by_value


def _problems(schema: dict[str, Any], filled: dict[str, Any]) -> list[Problem]:
    verdict = judge(schema, filled, "inputs")
    return [] if verdict.is_partial else [each for each in verdict.problems if each.code == "bad_input"]


def _of_names(schema: dict[str, Any]) -> dict[str, Any]:
    """Reduce a schema to the names that must be there, and those that may."""
    by_name = {
        keyword: dict.fromkeys(schema[keyword], True)
        for keyword in ("properties", "patternProperties")
        if isinstance(schema.get(keyword), dict)
    }
    is_closed = schema.get("additionalProperties") is False
    required = {"required": schema["required"]} if "required" in schema else {}
    return by_name | required | ({"additionalProperties": False} if is_closed else {})


def _is_within(path: str, place: str) -> bool:
    return path == place or path.startswith((f"{place}.", f"{place}["))


def _is_templated(value: Any) -> bool:
    if isinstance(value, str):
        return is_template(value)
    if isinstance(value, Mapping):
        return any(map(_is_templated, value)) or any(map(_is_templated, value.values()))
    return isinstance(value, list) and any(map(_is_templated, value))
