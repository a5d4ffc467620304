"""The definition a lint run examines, what is known of it, and the list of its warnings."""

from __future__ import annotations

import re
from typing import Any

from orchestrator.definitions.definition import Definition, Node
from orchestrator.documents.problems import Findings
from orchestrator.lint.budget import BUDGET, LintBudget
from orchestrator.lint.constants import known_answers
from orchestrator.lint.reachability import Reachability
from orchestrator.lint.template_reads import Use, uses_of


class Places:
    """One definition, the paths of places in it, and what is found there."""

    def __init__(self, definition: Definition, findings: Findings) -> None:
        self.definition = definition
        self.findings = findings
        self.path = "nodes" if definition.source.get("dag") is None else "dag.nodes"
        self.index = {node.id: index for index, node in enumerate(definition.nodes)}

    def at(self, node: Node, field: str = "") -> str:
        path = f"{self.path}[{self.index[node.id]}]"
        return f"{path}.{field}" if field else path

    def warn(self, path: str, code: str, message: str, hint: str | None = None) -> None:
        self.findings.add(path, code, message, hint, kind="graph")


class Linter(Places):
    """One definition with its template uses and reachability, and the paths of places in it."""

    def __init__(self, definition: Definition, findings: Findings, budget: LintBudget = BUDGET) -> None:
        super().__init__(definition, findings)
        self.budget = budget
        self.uses: dict[str, list[Use]] = {
            node.id: list(uses_of(node))
            for node in definition.nodes
            if node.config or node.when is not None or node.map
        }
        self.known = known_answers(definition, budget)
        read = {use.root for uses in self.uses.values() for use in uses}
        self.watched = read.intersection(self.index)
        self.reach = Reachability(definition, self.known, watched=self.watched, budget=budget)

    def where_set(self, node: Node, field: str) -> str | None:
        """Find where the author gave a node this field: itself, or the defaults; None when it did not."""
        source = self.definition.source
        raw = (source if source.get("dag") is None else source["dag"]).get("nodes", [])
        own = raw[self.index[node.id]] if self.index[node.id] < len(raw) else {}
        if own.get(field) is not None:
            return self.at(node, field)
        return f"defaults.{field}" if (source.get("defaults") or {}).get(field) is not None else None

    def is_list(self, path: str) -> bool:
        """Say whether the author wrote a list at this path of a node or of the defaults."""
        holder: Any = self.definition.source
        for index, name in re.findall(r"\[(\d+)\]|([^.\[\]]+)", path):
            holder = holder[int(index)] if index else holder[name]
        return isinstance(holder, list)
