"""Resolve the references in a node's config and evaluate its conditions.

Paths are followed as `references` cut them; what needs more is evaluated by `evaluator`. Outputs of nodes are
data: they are never read as templates.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from orchestrator.documents import exact_json
from orchestrator.documents.times import rfc3339
from orchestrator.errors import TemplateError
from orchestrator.templates.budget import Budget, TakesLong, join_parts
from orchestrator.templates.evaluator import Interpreter, Rendering
from orchestrator.templates.parser import Checked
from orchestrator.templates.references import (
    Path,
    Template,
    compile_expression,
    compile_template,
    is_template,
)
from orchestrator.templates.values import (
    EvaluationError,
    Missing,
    Secrets,
    Steps,
    checked_result,
    present,
    step_into,
    to_text,
)

#: Everything that templates put into one node's config, as JSON.
MAX_RESOLVED = 4 * 1024 * 1024
#: The trigger document of an execution that has none of its own.
BY_HAND: Mapping[str, Any] = MappingProxyType({"source": "manual"})
#: Templates resolved between two looks at the time.
_BETWEEN_LOOKS = 50


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What a template may know of another node: its status, and its output once it has one."""

    status: str
    output: Any = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a template can see. All values are JSON.

    nodes   results of the nodes it refers to; the others need not be there.
    now_ms  the attempt's moment, Redis time; `now()` gives it as RFC 3339 text.
    secrets  known only to the worker that runs the attempt.
    """

    nodes: Mapping[str, NodeResult] = field(default_factory=dict)
    inputs: Any = None
    trigger: Any = None
    execution_id: str = ""
    now_ms: int = 0
    #: Names of its own: the item of a mapped node, and its index.
    local: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def resolve(
    value: Any,
    scope: Scope,
    *,
    node_id: str,
    path: str = "config",
    skip: Collection[str] = (),
    budget: Budget | None = None,
) -> Any:
    """Give a copy of a config in which every template is replaced by what it stands for.

    A text that is one `{{ … }}` and nothing else becomes the value itself; any other becomes text, and so
    does every key of an object.
    skip    top-level fields left as they are.
    budget  shared with what else belongs to this resolution.
    Raises TemplateError naming node, field, template and what was there instead; TakesLong by a quick budget.
    """
    resolution = _Resolution(scope, node_id, budget)
    if skip and isinstance(value, dict):
        return resolution.with_keys(value, path, skip)
    return resolution.of(value, path)


def evaluate(
    expression: str, scope: Scope, *, node_id: str, path: str = "when", budget: Budget | None = None
) -> Any:
    """Evaluate a condition, written bare or as one `{{ … }}`; the result keeps its type.

    Raises TemplateError, also for what is not a single expression; TakesLong by a quick budget.
    """
    resolution = _Resolution(scope, node_id, budget)
    return resolution.guarded(lambda: resolution.render(compile_expression(expression)), path, expression)


class _Resolution:
    """Resolves the templates of one node once, within one budget of time and size."""

    __slots__ = ("budget", "count", "node_id", "now", "scope", "size")

    def __init__(self, scope: Scope, node_id: str, budget: Budget | None) -> None:
        self.budget = budget or Budget()
        self.count = 0
        self.scope = scope
        self.node_id = node_id
        self.now: str | None = None
        self.size = 0

    def of(self, value: Any, path: str) -> Any:
        if isinstance(value, str):
            if is_template(value):
                return self.guarded(lambda: self._within(self.render(compile_template(value))), path, value)
            return value
        if isinstance(value, dict):
            if is_template("".join(value)):
                return self.with_keys(value, path)
            return {key: self.of(below, f"{path}.{key}") for key, below in value.items()}
        if isinstance(value, list):
            return [self.of(below, f"{path}[{index}]") for index, below in enumerate(value)]
        return value

    def with_keys(self, value: dict[str, Any], path: str, skip: Collection[str] = ()) -> dict[str, Any]:
        """Resolve the values of an object, and those of its keys that have templates in them, to text."""
        resolved: dict[str, Any] = {}
        given: dict[str, str] = {}
        for key, below in value.items():
            where = f"{path}.{key}"
            name = self.guarded(partial(self._key, key), where, key) if is_template(key) else key
            if name in resolved:
                detail = f"this key and {given[name][:200]!r} both become {name[:200]!r}"
                raise TemplateError(self.node_id, where, key, detail)
            given[name] = key
            resolved[name] = below if key in skip else self.of(below, where)
        return resolved

    def _key(self, key: str) -> str:
        name: str = self._within(to_text(self.render(compile_template(key))))
        return name

    def guarded(self, work: Callable[[], Any], path: str, source: str) -> Any:
        """Do the work; whatever goes wrong inside a template becomes a TemplateError."""
        try:
            return work()
        except TakesLong:
            raise
        except (ValueError, TypeError, ArithmeticError, LookupError, RecursionError, MemoryError) as error:
            detail = str(error) or type(error).__name__
            raise TemplateError(self.node_id, path, source, detail[:1_000]) from None

    def render(self, template: Template) -> Any:
        self.count += 1
        if not self.count % _BETWEEN_LOOKS:  # paths take no steps, and thousands of them take their time
            self.budget.check_time()
        if template.tree is not None:
            return self._interpret(template.tree)
        parts = template.parts
        if len(parts) == 1:
            path = parts[0]
            assert isinstance(path, Path)
            return present(self._follow(path))
        return join_parts(part if isinstance(part, str) else to_text(self._follow(part)) for part in parts)

    def _interpret(self, checked: Checked) -> Any:
        if self.now is None:
            self.now = rfc3339(self.scope.now_ms)
        self.budget.begin_template()
        try:
            if isinstance(checked.tree, list):
                return Rendering(self._look_up, self.now, self.budget).text_of(checked.tree)
            value = Interpreter(self._look_up, self.now, self.budget).value_of(checked.tree)
            return checked_result(value, self.budget.check_time)
        except TakesLong:
            raise
        except Exception as error:
            raise EvaluationError(str(error) or type(error).__name__) from None

    def _follow(self, path: Path) -> Any:
        value = self._look_up(path.root)
        for index, key in enumerate(path.keys):
            below = step_into(value, key, "")
            if type(below) is Missing and type(value) is not Missing and below.detail.startswith(" "):
                below = Missing(_written(path.root, path.keys[:index]) + below.detail)
            value = below
        return value

    def _look_up(self, name: str) -> Any:
        scope = self.scope
        if name in scope.local:
            return scope.local[name]
        if name == "inputs":
            return {} if scope.inputs is None else scope.inputs
        if name == "steps":
            return Steps(self._step)
        if name == "trigger":
            return dict(BY_HAND) if scope.trigger is None else with_other_names(scope.trigger)
        if name == "execution":
            return {"id": scope.execution_id}
        if name == "secrets":
            return Secrets(scope.secrets.get)
        return self._step(name, "output")

    def _step(self, node_id: str, wanted: str) -> Any:
        result = self.scope.nodes.get(node_id)
        if result is None:
            return Missing(f"node {node_id!r} has no output yet")
        if wanted == "status":
            return str(result.status)
        if result.status == "COMPLETED" or result.output is not None:
            return result.output
        reason = f" ({result.reason})" if result.reason else ""
        return Missing(f"node {node_id!r} is {result.status}{reason} and has no output")

    def _within(self, value: Any) -> Any:
        """Count what was put in; the same output put in a thousand times counts a thousand times."""
        if isinstance(value, str):
            self.size += len(value)
        elif isinstance(value, dict | list):
            self.size += len(exact_json.dumps(value))
        if self.size > MAX_RESOLVED:
            raise EvaluationError(f"makes this node's config larger than the allowed {MAX_RESOLVED:,} bytes")
        return value


def with_other_names(trigger: Any) -> Any:
    """Give a trigger document whose body is kept once, as `payload`, with its other names: data and body."""
    if not isinstance(trigger, dict) or "payload" not in trigger:
        return trigger
    return {"data": trigger["payload"], "body": trigger["payload"], **trigger}


def _written(root: str, keys: tuple[str | int, ...]) -> str:
    return root + "".join(
        f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]" for key in keys
    )
