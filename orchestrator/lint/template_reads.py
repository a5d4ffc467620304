"""Lists what the templates of a node read, and which of it must be there for them not to fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from orchestrator.definitions.branches import CONDITION
from orchestrator.definitions.definition import Node
from orchestrator.definitions.sub_workflows import own_config
from orchestrator.templates.parser import ROOTS
from orchestrator.templates.references import (
    Path,
    Template,
    compile_expression,
    compile_template,
    is_template,
)
from orchestrator.templates.values import EvaluationError

#: What workers alone know: not an input, and no node.
SECRETS = "secrets"
_FORGIVING = frozenset({"default", "d", "defined", "undefined"})


@dataclass(frozen=True, slots=True)
class Use:
    """One place where a template reads something.

    root       `inputs` or `trigger`, or the id of a node.
    key        the first key below it; None when it is read whole, or by a computed key.
    path       where the template stands, relative to the node: `config.url`, `when`.
    is_needed  the template fails if it is not there, whatever else happens.
    is_status  only the status of the node is read, which is always there.
    """

    root: str
    key: str | None
    path: str
    source: str
    is_needed: bool = True
    is_status: bool = False


def uses_of(node: Node) -> Iterator[Use]:
    """List what a node's `when`, the list it is mapped over, and its config read, `when` first.

    What an item is called is known to its config alone, and stands for nothing outside.
    """
    local = {node.map.item_name, "index"} if node.map else set()
    for template, path in templates_of(node):
        is_outside = path == "when" or path.startswith("map.items")
        for use in _uses(template, path):
            if use.root != SECRETS and (is_outside or use.root not in local):
                yield use


def secrets_of(node: Node) -> Iterator[Use]:
    """List the secrets that a node reads, each by its name as the key."""
    for template, path in templates_of(node):
        yield from (use for use in _uses(template, path) if use.root == SECRETS)


def templates_of(node: Node) -> Iterator[tuple[Template, str]]:
    """Give every template of a node with its path, `when` first; those of a child are the child's own."""
    if node.when is not None:
        yield from _compiled(node.when, "when", is_expression=True)
    if node.map:
        yield from _within(node.map.items, "map.items", node)
    yield from _within(own_config(node.handler, node.config), "config", node)


def _within(value: Any, path: str, node: Node) -> Iterator[tuple[Template, str]]:
    stack = [(value, path)]
    while stack:
        value, path = stack.pop()
        if isinstance(value, str):
            is_expression = node.handler == CONDITION and path == "config.expression"
            if is_expression or is_template(value):
                yield from _compiled(value, path, is_expression=is_expression)
        elif isinstance(value, dict):
            stack += [(below, f"{path}.{key}") for key, below in value.items()]
            for key in value:
                if is_template(key):
                    yield from _compiled(key, f"{path}.{key}", is_expression=False)
        elif isinstance(value, list):
            stack += [(below, f"{path}[{index}]") for index, below in enumerate(value)]


def uses_in(text: str, path: str) -> Iterator[Use]:
    """List what any text reads if it is a template or an expression; none if it is neither."""
    for template, where in _compiled(text, path, is_expression=not is_template(text)):
        yield from (use for use in _uses(template, where) if use.root != SECRETS)


def _compiled(text: str, path: str, *, is_expression: bool) -> Iterator[tuple[Template, str]]:
    try:
        template = compile_expression(text) if is_expression else compile_template(text)
    except EvaluationError:  # plain text that was only suspected of being an expression
        return
    yield template, path


def _uses(template: Template, path: str) -> Iterator[Use]:
    for piece in template.parts:
        if isinstance(piece, Path):
            yield _of_path(piece, path, template.source)
    if template.tree is None:
        return
    tree = template.tree.tree
    parts: list[nodes.Node] = tree if isinstance(tree, list) else [tree]
    stack = [(part, True) for part in parts]
    while stack:
        node, is_needed = stack.pop()
        found = _read(node, path, template.source, is_needed)
        if found is None:
            stack += _below(node, is_needed)
        elif (
            found.root == SECRETS
            or found.root in ROOTS
            or found.root in template.tree.names
            or found.root in template.tree.steps
        ):
            yield found


def _of_path(piece: Path, path: str, source: str) -> Use:
    keys = piece.keys
    if piece.root == "steps":
        return Use(str(keys[0]), None, path, source, is_status=keys[1] == "status")
    key = keys[0] if keys and isinstance(keys[0], str) else None
    return Use(piece.root, key, path, source)


def _read(node: nodes.Node, path: str, source: str, is_needed: bool) -> Use | None:
    """Take a name, a name with one key, or steps["id"].field for what it reads."""
    if isinstance(node, nodes.Name):
        return Use(node.name, None, path, source, is_needed) if node.ctx == "load" else None
    key = key_of(node)
    if key is None:
        return None
    base = node.node  # type: ignore[attr-defined]
    if isinstance(base, nodes.Name) and base.name != "steps":
        return Use(base.name, key, path, source, is_needed)
    step = key_of(base)
    if step is not None and isinstance(base.node, nodes.Name) and base.node.name == "steps":
        return Use(step, None, path, source, is_needed, is_status=key == "status")
    return None


def _below(node: nodes.Node, is_needed: bool) -> list[tuple[nodes.Node, bool]]:
    """Give the parts of an expression, each with whether it is evaluated, and must be there, in any case."""
    if isinstance(node, nodes.Filter | nodes.Test) and node.name in _FORGIVING:
        return [(child, is_needed and child is not node.node) for child in node.iter_child_nodes()]
    if isinstance(node, nodes.Call):
        function = node.node
        arguments = [(child, is_needed) for child in node.iter_child_nodes() if child is not function]
        return [*arguments, (function.node, is_needed)] if isinstance(function, nodes.Getattr) else arguments
    always = _always_evaluated(node)
    return [
        (child, is_needed and (always is None or any(child is each for each in always)))
        for child in node.iter_child_nodes()
    ]


def _always_evaluated(node: nodes.Node) -> list[nodes.Node] | None:
    """Name the parts that are evaluated whatever the others give; None: all of them."""
    if isinstance(node, nodes.CondExpr | nodes.If):
        return [node.test]
    if isinstance(node, nodes.And | nodes.Or):
        return [node.left]
    if isinstance(node, nodes.For):
        return [node.iter]
    if isinstance(node, nodes.Compare):
        return [node.expr, *node.ops[:1]]
    return None


def key_of(node: nodes.Node) -> str | None:
    """Name the key that an expression ends in; None when it ends in none, or in a computed one."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return node.arg.value if isinstance(node.arg.value, str) else None
    return None
