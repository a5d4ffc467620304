"""Workflow builds in Python the document that YAML describes.

    with Workflow("Greetings") as w:
        fetch = w.http(url=f"https://people.example/{w.inputs.id}")
        greet = w.llm(prompt=f"Greet {fetch.output.body.name}", when=fetch.output.status_code == 200)
        w.returns(greet.output.answer)

Steps depend on what they refer to; `a >> b` adds an order where nothing is read. A step has the id that is
given, or the name of its variable at the end of the `with` block.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from headrace.built_in import BuiltIn
from headrace.fields import NodeFields
from headrace.keywords import check_step_fields, check_workflow_fields, unknown_step
from headrace.plain_json import as_json
from headrace.references import RESERVED, TOKEN, Expression, Reference, code_of, root_of
from headrace.step import Step
from headrace.wording import did_you_mean
from headrace.yaml_text import to_yaml

_ID = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
#: Config fields that name steps, which then run behind the step that has them.
BRANCHES: Mapping[str, frozenset[str]] = {
    "condition": frozenset({"true_branch", "false_branch"}),
    "switch": frozenset({"cases", "default"}),
    "wait_for_signal": frozenset({"received_branch", "timeout_branch"}),
}
#: A field with a definition of its own: the templates in it are about its own steps.
_CHILD = ("sub_workflow", "workflow")
#: The first name of a template that is written as text.
_FIRST_NAME = re.compile(r"\{\{-?\s*([A-Za-z_]\w*)(?=\s*[.\[|}])")
_WORDS = RESERVED | {"none", "true", "false", "not"}
_STEP_IN_TEXT = re.compile(r"steps\[\"([^\"]*)\"\]")


class Workflow(BuiltIn):
    """A workflow under construction. Use it as a context manager.

    name     its title.
    inputs   JSON Schema of its inputs, or a pydantic model.
    fields   what else a definition may have: description, defaults, execution_timeout, fail_fast, budget,
             retention, id_conflict_policy, triggers, interface, on_complete, on_failure, on_cancel.
    """

    def __init__(self, name: str, *, inputs: Any = None, **fields: Any) -> None:
        check_workflow_fields(fields)
        self.name = name
        self._schema = inputs.model_json_schema() if hasattr(inputs, "model_json_schema") else inputs
        self._fields = fields
        self._steps: list[Step] = []
        self._output: Any = None
        self._names: dict[int, str] = {}
        self._is_open = False

    def __enter__(self) -> Self:
        self._is_open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False
        if kind is None:
            self._name_steps(sys._getframe(1))
            self.to_dict()

    # --- what templates may name

    @property
    def inputs(self) -> Reference:
        """The inputs of the execution."""
        return Reference("inputs")

    @property
    def trigger(self) -> Reference:
        """What started the execution: `w.trigger.payload.id`."""
        return Reference("trigger")

    @property
    def execution_id(self) -> Reference:
        """The id of the execution."""
        return Reference("execution.id")

    @property
    def item(self) -> Reference:
        """The item, in the config of a step with `map`."""
        return Reference("item")

    @property
    def index(self) -> Reference:
        """The place of the item, from 0."""
        return Reference("index")

    def secret(self, name: str) -> Reference:
        """A secret of the worker, for config fields that may hold one."""
        return Reference("secrets")[name]

    # --- steps

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(unknown_step(name, self))

    def node(
        self,
        handler: str,
        id: str | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        **fields: Unpack[NodeFields],
    ) -> Step:
        """Add a step of any handler; those that come with the engine have methods of their own."""
        if id is not None and not _ID.fullmatch(id):
            raise ValueError(f"id {id!r} is not allowed: 1 to 128 of A-Z a-z 0-9 _ . -")
        if not isinstance(handler, str):
            raise TypeError(f"a step has the name of a handler, as in @handler('name'), got {handler!r}")
        where = f"step {id!r} ({handler})" if id is not None else f"a step ({handler})"
        check_step_fields(where, handler, fields)
        if not isinstance(config, Mapping | None):
            raise TypeError(f"{where}: config is an object, got {type(config).__name__}")
        step = Step(self, len(self._steps), handler, id)
        step.config = dict(config or {})
        given: dict[str, Any] = {**fields}
        after = given.pop("after", None) or ()
        for each in [after] if not isinstance(after, list | tuple) else after:
            if not isinstance(each, str | Step):
                raise TypeError(f"{where}: after is steps or their ids, got {each!r}")
            step.after.append(each)
        step.fields = {name: value for name, value in given.items() if value is not None}
        self._steps.append(step)
        return step

    def returns(self, output: Any) -> None:
        """Say what the execution comes to: a value with references in it."""
        self._output = output

    # --- the document

    def to_dict(self) -> dict[str, Any]:
        """Give the definition.

        Raises ValueError for two steps of one id, and for what refers to a step that is not there; TypeError
        for a value that is no JSON.
        """
        ids = self._ids()
        nodes = [self._node(step, ids) for step in self._steps]
        self._add_branches(nodes, ids)
        document: dict[str, Any] = {"name": self.name}
        document |= {name: value for name, value in self._fields.items() if value is not None}
        if self._schema is not None:
            document["inputs"] = self._schema
        if self._output is not None:
            document["output"] = self._rendered(self._output, ids, set(), "output")
        document["nodes"] = nodes
        found: dict[str, Any] = as_json(document, "the workflow")
        return found

    def to_yaml(self) -> str:
        """Give the definition as YAML. Raises what to_dict raises."""
        return to_yaml(self.to_dict())

    def id_of(self, step: Step) -> str:
        """The id of a step. Raises ValueError while it may still become another one."""
        if step.given_id is None and self._is_open:
            raise ValueError("the id of a step is known at the end of the `with` block; give it one: id=…")
        return self._ids()[step._number]

    def _name_steps(self, frame: FrameType) -> None:
        """Give steps without an id the names of the variables that hold them."""
        for name, value in frame.f_locals.items():
            if isinstance(value, Step) and value._workflow is self and not name.startswith("_"):
                self._names.setdefault(value._number, name)

    def _ids(self) -> list[str]:
        """The id of each step: given, of its variable, or of its handler with a number."""
        wanted = [step.given_id or self._names.get(step._number) for step in self._steps]
        taken = {each for each in wanted if each is not None}
        if twice := [each for each in sorted(taken) if wanted.count(each) > 1]:
            raise ValueError(f"two steps have the id {twice[0]!r}")
        ids = []
        for step, known in zip(self._steps, wanted, strict=True):
            names = (f"{step.handler}_{number}" if number > 1 else step.handler for number in range(1, 10**6))
            found = known or next(each for each in names if each not in taken)
            taken.add(found)
            ids.append(found)
        return ids

    def _node(self, step: Step, ids: list[str]) -> dict[str, Any]:
        own, where = ids[step._number], f"step '{ids[step._number]}'"
        before: set[str] = {self._known(each, ids, f"{where}, after") for each in step.after}
        branches = BRANCHES.get(step.handler, frozenset())
        config = {}
        for name, value in step.config.items():
            place = f"{where}, config.{name}"
            if name in branches:
                config[name] = self._names_in(value, ids, place)
            elif (step.handler, name) == _CHILD and isinstance(value, Workflow | Mapping):
                config[name] = value.to_dict() if isinstance(value, Workflow) else value
            else:
                config[name] = self._rendered(value, ids, before, place)
        fields = {}
        for name, value in step.fields.items():
            fields[name] = self._field(name, value, ids, before, f"{where}, {name}")
        if own in before:
            raise ValueError(f"{where} refers to itself")
        node: dict[str, Any] = {"id": own, "handler": step.handler}
        if before:
            node["dependencies"] = sorted(before, key=ids.index)
        if config:
            node["config"] = config
        return node | fields

    def _field(self, name: str, value: Any, ids: list[str], before: set[str], where: str) -> Any:
        match name:
            case "retry" if isinstance(value, int):
                return {"max_attempts": value}
            case "map" if not isinstance(value, Mapping):
                return {"items": self._rendered(value, ids, before, where)}
            case "catch":
                return [self._caught(rule, ids, where) for rule in _rules(value, where)]
            case "when" if isinstance(value, Expression):
                return self._rendered(code_of(value), ids, before, where)
        return self._rendered(value, ids, before, where)

    def _caught(self, rule: Mapping[str, Any], ids: list[str], where: str) -> dict[str, Any]:
        return {**rule, "goto": self._known(rule["goto"], ids, where)}

    def _rendered(self, value: Any, ids: list[str], before: set[str], where: str) -> Any:
        """Give a value with references written out, and add the steps that it reads to `before`."""
        if isinstance(value, Step | Expression):
            value = f"{value}"
        if isinstance(value, str):
            return self._text(value, ids, before, where)
        if isinstance(value, Mapping):
            return {
                self._rendered(key, ids, before, where): self._rendered(item, ids, before, f"{where}.{key}")
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [
                self._rendered(item, ids, before, f"{where}[{number}]") for number, item in enumerate(value)
            ]
        return value

    def _text(self, text: str, ids: list[str], before: set[str], where: str) -> str:
        """Write out the references in a text, and check the names in templates that it holds already."""

        def written(found: re.Match[str]) -> str:
            number = int(found[1])
            if number >= len(ids):
                raise ValueError(f"{where} refers to a step of another workflow")
            before.add(ids[number])
            return root_of(ids[number], found[2])

        text = TOKEN.sub(written, text)
        for name in (*_FIRST_NAME.findall(text), *_STEP_IN_TEXT.findall(text)):
            if name in ids:
                before.add(name)
            elif name not in _WORDS and "{%" not in text and not self._is_item_name(name):
                hint = did_you_mean(name, [*ids, *RESERVED])
                more = f"; {hint}" if hint else ""
                raise ValueError(
                    f"{where} refers to '{name}', which is no step (steps: {', '.join(ids)}){more}"
                )
        return text

    def _is_item_name(self, name: str) -> bool:
        """Whether a map of the workflow calls its items so."""
        maps = (step.fields.get("map") for step in self._steps)
        return any(isinstance(each, Mapping) and each.get("item_name") == name for each in maps)

    def _known(self, step: str | Step, ids: list[str], where: str) -> str:
        """The id of a step, or an id that one of them has. Raises ValueError for any other."""
        if isinstance(step, Step):
            if step._workflow is not self:
                raise ValueError(f"{where} names a step of another workflow")
            return ids[step._number]
        if step not in ids:
            hint = did_you_mean(step, ids)
            raise ValueError(
                f"{where} names '{step}', which is no step (steps: {', '.join(ids)})"
                + (f"; {hint}" if hint else "")
            )
        return step

    def _names_in(self, value: Any, ids: list[str], where: str) -> Any:
        """Give a branch with ids in the place of steps."""
        if isinstance(value, Mapping):
            return {key: self._names_in(item, ids, where) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._known(each, ids, where) for each in value]
        return self._known(value, ids, where)

    def _add_branches(self, nodes: list[dict[str, Any]], ids: list[str]) -> None:
        """Let the steps of a branch run behind the step that chooses."""
        for step, node in zip(self._steps, nodes, strict=True):
            for name in BRANCHES.get(step.handler, ()):
                for target in _flat(node.get("config", {}).get(name)):
                    known = nodes[ids.index(target)].setdefault("dependencies", [])
                    if node["id"] not in known:
                        known.append(node["id"])


def _rules(value: Any, where: str) -> Sequence[Mapping[str, Any]]:
    """Give the rules of a catch. Raises TypeError for what are none."""
    if isinstance(value, list | tuple) and all(
        isinstance(rule, Mapping) and "goto" in rule for rule in value
    ):
        return value
    form = '[{"errors": ["*"], "goto": step}]'
    raise TypeError(f"{where} is a list of rules, each with the step that takes over: {form}")


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _flat(item)
    elif isinstance(value, list):
        for item in value:
            yield from _flat(item)
