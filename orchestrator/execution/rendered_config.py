"""Shows the config of a node as its handler would get it: templates resolved as far as they can be now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.definitions.branches import CONDITION
from orchestrator.definitions.definition import Node
from orchestrator.definitions.sub_workflows import own_config
from orchestrator.errors import Problem, TemplateError
from orchestrator.templates.budget import Budget
from orchestrator.templates.resolver import Scope, evaluate, resolve

#: What a secret is shown as.
MASK = "***"


@dataclass(frozen=True, slots=True)
class RenderedConfig:
    """A config with what could not be resolved left as it was written, and a problem for each of those."""

    config: Mapping[str, Any]
    problems: tuple[Problem, ...]


class MaskedSecrets(Mapping[str, str]):
    """Every secret there may be, each as the same mask."""

    def __getitem__(self, name: str) -> str:
        return MASK

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def render_configs(nodes: Iterable[Node], scope: Scope) -> dict[str, RenderedConfig]:
    """Resolve the configs of several nodes, by node id, all within one budget."""
    budget = Budget()
    return {node.id: render_config(node, scope, budget) for node in nodes}


def render_config(node: Node, scope: Scope, budget: Budget | None = None) -> RenderedConfig:
    """Resolve each template of a node's config by itself, all within one budget: it may take a second."""
    config = own_config(node.handler, node.config)
    rendering = _Rendering(node.id, scope, budget or Budget())
    shown: dict[str, Any] = {}
    for field, value in config.items():
        if node.handler == CONDITION and field == "expression" and isinstance(value, str):
            shown[field] = rendering.expression(value)
        else:
            shown |= rendering.of({field: value}, "config")
    apart = {name: value for name, value in node.config.items() if name not in config}
    return RenderedConfig({**apart, **shown}, tuple(rendering.problems))


class _Rendering:
    def __init__(self, node_id: str, scope: Scope, budget: Budget) -> None:
        self.problems: list[Problem] = []
        self._node_id = node_id
        self._scope = scope
        self._budget = budget

    def expression(self, source: str) -> Any:
        where = {"node_id": self._node_id, "path": "config.expression"}
        return self._guarded(lambda: evaluate(source, self._scope, budget=self._budget, **where), source)

    def of(self, value: Any, path: str) -> Any:
        """Resolve a value; where that fails, resolve what is in it, as far down as needed."""
        noted = len(self.problems)
        resolved = self._guarded(
            lambda: resolve(value, self._scope, node_id=self._node_id, path=path, budget=self._budget), value
        )
        if len(self.problems) == noted or not isinstance(value, dict | list):
            return resolved
        whole = self.problems.pop()
        if isinstance(value, dict):
            parts: Any = {key: self.of(below, f"{path}.{key}") for key, below in value.items()}
        else:
            parts = [self.of(below, f"{path}[{index}]") for index, below in enumerate(value)]
        if len(self.problems) == noted:
            self.problems.append(whole)  # It is about the object itself: a key.
        return parts

    def _guarded(self, work: Callable[[], Any], as_written: Any) -> Any:
        try:
            return work()
        except TemplateError as error:
            self.problems.append(Problem(error.field, "template", error.detail))
            return as_written
