"""Arguments of the builder that do not exist, and the ones that were probably meant."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping

from headrace.built_in import BuiltIn
from headrace.fields import NodeFields
from headrace.wording import did_you_mean, unknown_argument

#: What a definition has beside its name, inputs, output and nodes.
WORKFLOW_FIELDS = (
    "description", "defaults", "execution_timeout", "fail_fast", "budget", "retention", "id_conflict_policy",
    "triggers", "interface", "on_complete", "on_failure", "on_cancel",
)  # fmt: skip
STEP_FIELDS = tuple(NodeFields.__annotations__)
#: Words of other engines, and ours.
_STEP_WORDS = {
    **dict.fromkeys(("depends_on", "depend_on", "depends", "dependencies", "needs", "upstream"), "after"),
    **dict.fromkeys(("retries", "max_attempts", "max_retries", "retry_policy"), "retry"),
    **dict.fromkeys(("timeout", "timeout_s"), "start_to_close_timeout"),
    **dict.fromkeys(("if_", "condition", "run_if"), "when"),
    **dict.fromkeys(("foreach", "for_each", "items", "expand"), "map"),
    **dict.fromkeys(("on_error", "on_failure", "fallback"), "catch"),
    **dict.fromkeys(("name", "node_id", "task_id"), "id"),
}
_WORKFLOW_WORDS = {
    **dict.fromkeys(("input", "schema", "params", "inputs_schema"), "inputs"),
    **dict.fromkeys(("timeout", "timeout_s"), "execution_timeout"),
    **dict.fromkeys(("schedule", "schedules", "cron"), "triggers"),
}


def check_step_fields(where: str, handler: str, given: Iterable[str]) -> None:
    """Raise TypeError for an argument of a step that is none, with the nearest that is.

    where  names the step.
    """
    if unknown := next((name for name in given if name not in STEP_FIELDS), None):
        own = _arguments_of(handler)
        allowed = [*(own or ("id", "config")), *STEP_FIELDS]
        hint = _nearest(unknown, allowed, _STEP_WORDS)
        if hint is None and not own:
            hint = f"what the handler itself takes goes into config: config={{{unknown!r}: …}}"
        raise unknown_argument(where, unknown, allowed, hint)


def check_workflow_fields(given: Iterable[str]) -> None:
    """Raise TypeError for an argument of a workflow that is none, with the nearest that is."""
    allowed = ("inputs", *WORKFLOW_FIELDS)
    if unknown := next((name for name in given if name not in allowed), None):
        hint = _nearest(unknown, allowed, _WORKFLOW_WORDS)
        if unknown in ("output", "outputs", "returns"):
            hint = "say what it gives with w.returns(…)"
        raise unknown_argument("a Workflow", unknown, allowed, hint)


def unknown_step(name: str, workflow: object) -> str:
    """What to say of a method that a workflow does not have."""
    known = [each for each in dir(type(workflow)) if not each.startswith("_")]
    hint = did_you_mean(name, known)
    own = f"a step of a handler of your own is w.node({name!r}, config={{…}})"
    return f"a Workflow has no {name!r}; {f'{hint}; ' if hint else ''}{own}"


def _arguments_of(handler: str) -> list[str]:
    """What the method of a handler of the engine takes of its own; nothing for any other handler."""
    method = vars(BuiltIn).get(handler)
    if handler == "node" or not inspect.isfunction(method):
        return []
    return [name for name in inspect.signature(method).parameters if name not in ("self", "fields")]


def _nearest(name: str, allowed: Collection[str], words: Mapping[str, str]) -> str | None:
    return f"did you mean {words[name]!r}?" if name in words else did_you_mean(name, allowed)
