"""Makes a definition of a job: its steps as a chain, in the order in which they run. Pure.

The request is the execution's inputs. Templates read what it says from there, so none of its own text can be
taken for a template, and equal steps make equal definitions whatever they are given.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from orchestrator.documents.fields import TITLE_MAX_CHARS
from orchestrator.documents.problems import joined

#: The parameters of each op, and the keys of its output.
PARAMS: Mapping[str, tuple[str, ...]] = {
    "preprocess": ("field",),
    "llm_summarize": ("source", "max_tokens"),
    "store_result": ("namespace", "data"),
}
OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "preprocess": ("clean_text",),
    "llm_summarize": ("summary",),
    "store_result": ("stored_under", "items"),
}
#: The error of a job whose steps have no order.
NO_ORDER = "Cyclic or missing dependencies in steps."
#: Type of the error of a step that refers to nothing.
UNRESOLVED = "ReferenceNotFound"
#: Characters of a reference that an error shows.
SHOWN_CHARS = 140
#: Steps that an error lists.
SHOWN_STEPS = 20
_NOT_ON_A_LINE = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it was sent. index: its place in the request, by which templates find it."""

    index: int
    id: str
    op: str
    needs: tuple[str, ...]
    params: Mapping[str, Any]

    def param(self, name: str) -> str:
        """Write where templates find one of its parameters."""
        return f"inputs.steps[{self.index}].params.{name}"


class NotThere(LookupError):
    """A reference leads nowhere. The message is a template: it quotes what was sent."""


def lower(job: Mapping[str, Any]) -> dict[str, Any]:
    """Give the definition of a job, whose inputs are the job itself with every default filled in.

    A job without an order of its steps has a definition that fails, and so has a step that refers to nothing.
    """
    steps = [
        Step(index, each["id"], each["op"], tuple(each["needs"]), each["params"])
        for index, each in enumerate(job["steps"])
    ]
    name, order = title_of(job["run_name"]), in_order(steps)
    own_id = _free_id({step.id for step in steps})
    if order is None:
        return {"name": name, "nodes": [_failing(own_id, NO_ORDER)]}
    chain = _Chain()
    for step in order:
        chain.add(step)
    return {
        "name": name,
        "nodes": chain.nodes or [{"id": own_id, "handler": "noop"}],
        "output": {
            "run_name": "{{ inputs.run_name }}",
            "inputs": "{{ inputs.inputs }}",
            "outputs": {step.id: f'{{{{ steps["{step.id}"].output }}}}' for step in order},
            "stores": chain.stores,
        },
    }


def in_order(steps: Sequence[Step]) -> list[Step] | None:
    """Order steps behind what they need; None where that cannot be.

    Of those that are ready, the one that became ready last comes first.
    """
    missing = {step.id: len(step.needs) for step in steps}
    behind: defaultdict[str, list[Step]] = defaultdict(list)
    for step in steps:
        for need in step.needs:
            behind[need].append(step)
    ready = [step for step in steps if not step.needs]
    order: list[Step] = []
    while ready:
        step = ready.pop()
        order.append(step)
        for each in behind[step.id]:
            missing[each.id] -= 1
            if not missing[each.id]:
                ready.append(each)
    return order if len(order) == len(steps) else None


def title_of(run_name: str) -> str:
    """Make a title of any text: one line, not too long, not blank."""
    line = "".join(" " if unicodedata.category(each) in _NOT_ON_A_LINE else each for each in run_name)
    return line.strip()[:TITLE_MAX_CHARS] or "job"


class _Chain:
    """Nodes, each behind the one before it, and what has been stored so far."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        #: Templates of what is stored, by the template of their namespace.
        self.stores: dict[str, list[str]] = {}
        self._before: dict[str, Step] = {}
        #: The template under which each namespace is written first.
        self._namespaces: dict[str, str] = {}

    def add(self, step: Step) -> None:
        """Put a step at the end."""
        try:
            node = {"id": step.id, "handler": "output", "config": _CONFIGS[step.op](self, step)}
        except NotThere as error:
            node = _failing(step.id, str(error), type=UNRESOLVED)
        if self.nodes:
            node["dependencies"] = [self.nodes[-1]["id"]]
        self.nodes.append(node)
        self._before[step.id] = step

    def value(self, step: Step, name: str) -> str:
        """Write a parameter's value as an expression: what it refers to, or the parameter as it is.

        Raises NotThere.
        """
        sent = step.params[name]
        if not isinstance(sent, str) or not sent.startswith("@"):
            return step.param(name)
        if sent[1:] in self._before:
            return f'steps["{sent[1:]}"].output'
        step_id, _, key = sent[1:].rpartition(".")
        found = self._before.get(step_id)
        if found is None:
            shown = joined(list(islice(self._before, SHOWN_STEPS)))
            known = f"before it: {shown}" if self._before else "it is the first step"
            raise NotThere(f"{_reference(step, name)}, which is no step before it ({known})")
        if key not in OUTPUTS[found.op]:
            known = joined(OUTPUTS[found.op])
            raise NotThere(f"{_reference(step, name)}, which is not in the output of '{step_id}' ({known})")
        return f'steps["{step_id}"].output.{key}'

    def preprocess(self, step: Step) -> dict[str, Any]:
        """Collapse the blanks of an input; one that is not there is empty."""
        value = f"inputs.inputs[{step.param('field')}]"
        text = f'({value} if {value} is defined and {value} is not none else "")'
        return {"clean_text": f'{{{{ ({text} | string).split() | join(" ") }}}}'}

    def summarize(self, step: Step) -> dict[str, Any]:
        """Cut a text, and say how much of it that is."""
        text, most = f"({self.value(step, 'source')} | string)", step.param("max_tokens")
        count = f"([{text} | length, {most}] | min)"
        return {"summary": f'{{{{ "Summary(" ~ {count} ~ "): " ~ {text}[:{most}] }}}}'}

    def store(self, step: Step) -> dict[str, Any]:
        """Store a value behind those of its namespace; how many that makes is known now."""
        value = self.value(step, "data")
        namespace = f"{{{{ {step.param('namespace')} }}}}"
        stored = self.stores.setdefault(self._namespaces.setdefault(step.params["namespace"], namespace), [])
        stored.append(f"{{{{ {value} }}}}")
        return {"stored_under": namespace, "items": len(stored)}


_CONFIGS = {"preprocess": _Chain.preprocess, "llm_summarize": _Chain.summarize, "store_result": _Chain.store}


def _reference(step: Step, name: str) -> str:
    return f"step '{step.id}' refers to '{{{{ {step.param(name)} | truncate({SHOWN_CHARS}) }}}}'"


def _failing(node_id: str, message: str, **config: str) -> dict[str, Any]:
    return {"id": node_id, "handler": "fail", "config": {"message": message, **config}}


def _free_id(taken: set[str]) -> str:
    """Name a node that is no step."""
    numbered = (f"job-{number}" for number in itertools.count(2))
    return next(node_id for node_id in itertools.chain(["job"], numbered) if node_id not in taken)
