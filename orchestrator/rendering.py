"""Run the statements of a checked template and give the text they put out."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes

from orchestrator.interpreter import Interpreter
from orchestrator.kinds import kind_of
from orchestrator.template_budget import check_length
from orchestrator.values import EvaluationError, items_of, present, to_text


class Rendering(Interpreter):
    """Runs one template that is more than an expression once."""

    def text_of(self, body: list[nodes.Node]) -> str:
        """Run statements and give the text they put out."""
        out: list[str] = []
        try:
            self._run(body, {}, out)
        except (ValueError, TypeError, ArithmeticError, LookupError) as error:
            if self.line == 1:
                raise
            raise EvaluationError(f"{error} (line {self.line})") from None
        return "".join(out)

    def _run(self, body: list[nodes.Node], names: dict[str, Any], out: list[str]) -> None:
        for node in body:
            self.line = node.lineno
            if isinstance(node, nodes.Output):
                for part in node.nodes:
                    if isinstance(part, nodes.TemplateData):
                        self._put(part.data, out)
                    else:
                        self._put(to_text(self.evaluate(part, names)), out)
            elif isinstance(node, nodes.Assign):
                self._assign(node.target, present(self.evaluate(node.node, names)), names)
            elif isinstance(node, nodes.If):
                self._if(node, names, out)
            elif isinstance(node, nodes.For):
                self._for(node, names, out)
            else:  # the check lets nothing else through
                raise EvaluationError(f"cannot run {type(node).__name__}")

    def _put(self, text: str, out: list[str]) -> None:
        self.budget.spend(1)
        self.length += len(text)
        check_length(self.length)
        out.append(text)

    def _if(self, node: nodes.If, names: dict[str, Any], out: list[str]) -> None:
        for branch in (node, *node.elif_):
            if present(self.evaluate(branch.test, names)):
                self._run(branch.body, names, out)
                return
        self._run(node.else_, names, out)

    def _for(self, node: nodes.For, names: dict[str, Any], out: list[str]) -> None:
        items = items_of(present(self.evaluate(node.iter, names)))
        if node.test is not None:
            kept = []
            for item in items:
                inner = dict(names)
                self._assign(node.target, item, inner)
                if present(self.evaluate(node.test, inner)):
                    kept.append(item)
            items = kept
        total = len(items)
        for index, item in enumerate(items):
            self.budget.spend(1 + len(names))
            self.budget.check_time()
            inner = dict(names)
            inner["loop"] = {
                "index": index + 1,
                "index0": index,
                "revindex": total - index,
                "revindex0": total - index - 1,
                "first": index == 0,
                "last": index == total - 1,
                "length": total,
            }
            self._assign(node.target, item, inner)
            self._run(node.body, inner, out)
        if not items:
            self._run(node.else_, names, out)

    def _assign(self, target: nodes.Node, value: Any, names: dict[str, Any]) -> None:
        if isinstance(target, nodes.Name):
            names[target.name] = value
            return
        assert isinstance(target, nodes.Tuple)
        if not isinstance(value, list) or len(value) != len(target.items):
            wanted = len(target.items)
            raise EvaluationError(f"expected a list of {wanted} to take apart, got {kind_of(value)}")
        for part, item in zip(target.items, value, strict=True):
            self._assign(part, item, names)
