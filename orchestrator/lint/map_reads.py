"""Warns of templates that read a map's output by the shape that it does not have.

The definition decides the shape: with a tolerance a list of {index, status, output | error}, without one the
plain list of what its items put out. There is a warning only where it is certain: of a plain list for those
handlers whose output is known, and never behind a test such as `is defined`, which may ask for the shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from orchestrator.definitions.definition import Node
from orchestrator.lint.context import Linter
from orchestrator.lint.template_reads import templates_of
from orchestrator.templates.references import Path, Template, compile_template, is_template
from orchestrator.templates.values import spelled

#: What an entry says of an item; never both of the last two.
ENTRY = ("index", "status", "output", "error")
#: Handlers whose output is known whatever their config, and which of these fields it has itself.
KNOWN_OUTPUTS: Mapping[str, frozenset[str]] = {
    "call_external_service": frozenset({"status"}),
    "http": frozenset({"status"}),
    "noop": frozenset({"status"}),
    "transform": frozenset(),
}
#: Filters whose argument `attribute` is a field of each item, and its place among those without a name.
_BY_FIELD = {"groupby": 0, "map": 99, "sum": 0, "join": 1, "sort": 1}
_SAME_LIST = frozenset({"list", "sort", "reverse", "unique", "default", "d"})
_MAY_LACK = frozenset({"defined", "undefined"})

#: Path relative to the node, code, message, hint.
Finding = tuple[str, str, str, str]


def misread_maps(linter: Linter) -> Iterator[Finding]:
    """Give path, code, message and hint of each place that reads a map's output by the wrong shape."""
    mapped = {node.id: node for node in linter.definition.nodes if node.map is not None}
    if not mapped:
        return
    for node in linter.definition.nodes:
        if not mapped.keys().isdisjoint(node.references):
            for path, code, message, hint in _found_in(node, f"node {node.id!r}", mapped):
                yield linter.at(node, path), code, message, hint
    last = linter.definition.output_node
    if last is not None and not mapped.keys().isdisjoint(last.references):
        for path, code, message, hint in _found_in(last, "the output", mapped):
            yield path.removeprefix("config."), code, message, hint


def _found_in(node: Node, reader: str, mapped: Mapping[str, Node]) -> list[Finding]:
    item = _item_of(node, mapped)
    reading = _Reading(reader, mapped)
    for template, path in templates_of(node):
        reading.judge(template, path, item if path.startswith("config") else {})
    return reading.found


def _item_of(node: Node, mapped: Mapping[str, Node]) -> dict[str, _Shape | None]:
    """Say what the item of a mapped node is where its list is the output of another map."""
    if node.map is None:
        return {}
    items, rows = node.map.items, None
    if isinstance(items, str) and is_template(items):
        rows = _Reading("", mapped).shape_of(compile_template(items))
    return {node.map.item_name: _Shape(rows.of, is_entry=True) if rows and not rows.is_entry else None}


@dataclass(frozen=True, slots=True)
class _Shape:
    """The output of a mapped node, or an entry in it."""

    of: Node
    is_entry: bool = False


#: What names stand for; None for what is not known.
_Names = dict[str, _Shape | None]


class _Reading:
    """Follows what the templates of one node read of the outputs of maps."""

    def __init__(self, reader: str, mapped: Mapping[str, Node]) -> None:
        self.reader = reader
        self.mapped = mapped
        self.found: list[Finding] = []
        self.path = ""
        self.warned: set[tuple[str, str, str]] = set()

    def judge(self, template: Template, path: str, names: _Names) -> None:
        """Note what one template reads wrongly."""
        self.path = path
        for part in template.parts:
            if isinstance(part, Path):
                self._follow(part, names)
        if template.tree is not None:
            tree = template.tree.tree
            self._all(tree if isinstance(tree, list) else [tree], dict(names))

    def shape_of(self, template: Template) -> _Shape | None:
        """Say what a template that is one expression gives."""
        if template.tree is None:
            (part,) = template.parts if len(template.parts) == 1 else ("",)
            return self._follow(part, {}) if isinstance(part, Path) else None
        tree = template.tree.tree
        return None if isinstance(tree, list) else self.visit(tree, {})

    def _follow(self, part: Path, names: _Names) -> _Shape | None:
        keys: tuple[str | int, ...] = part.keys
        if part.root == "steps":
            shape, written, keys = self._step(str(keys[0]), keys[1]), f'steps["{keys[0]}"].output', keys[2:]
        else:
            shape, written = self._named(part.root, names), part.root
        for key in keys:
            if shape is None:
                return None
            shape = self._into(shape, key, written)
            written += f"[{key}]" if isinstance(key, int) else f".{key}"
        return shape

    def _named(self, name: str, names: _Names) -> _Shape | None:
        return names[name] if name in names else self._step(name, "output")

    def _step(self, node_id: str, field: Any) -> _Shape | None:
        node = self.mapped.get(node_id)
        return _Shape(node) if node is not None and field == "output" else None

    # -- judging

    def _into(self, shape: _Shape, key: Any, written: str) -> _Shape | None:
        """Follow a key or an index; None where nothing is known of what is there."""
        if not isinstance(key, str):
            return None if shape.is_entry else _Shape(shape.of, is_entry=True)
        if shape.is_entry:
            self._field(shape.of, key, written)
        elif key != "error":  # a map that failed and was caught has an error for its output
            message = f"{self.reader} reads the field {key!r} of {shape.of.id!r}, which is mapped: its output"
            inner = f"output.{key}" if _tolerates(shape.of) and key not in ENTRY else key
            hint = f"write {written}[0].{inner} for one item, {written} | map(attribute='{inner}') for all"
            self._warn(shape.of, key, f"{message} is a list", hint)
        return None

    def _field(self, node: Node, key: str, written: str | None) -> None:
        """Judge a field of an entry.

        written  what stands before the field; None where it is an attribute of a filter.
        """
        what = f"{self.reader} reads the field {key!r} of an item of {node.id!r}"
        if _tolerates(node):
            if key not in ENTRY:
                right = f"attribute='output.{key}'" if written is None else f"{written}.output.{key}"
                message = (
                    f"{what}, whose output is a list of {{index, status, output | error}}, as it tolerates"
                )
                hint = f"write {right}, of items whose status is COMPLETED"
                self._warn(node, key, f"{message} failures", hint)
        elif key in ENTRY and key not in KNOWN_OUTPUTS.get(node.handler, ENTRY):
            message = (
                f"{what}, which tolerates no failures: its output is the plain list of what {node.handler}"
            )
            hint = "give the map a tolerated_failure_count to see how each item ended"
            if key == "output":
                hint = f"leave out .output, or {hint}"
            self._warn(node, key, f"{message} put out, without a field {key!r}", hint)

    def _warn(self, node: Node, key: str, message: str, hint: str) -> None:
        if (self.path, node.id, key) not in self.warned:
            self.warned.add((self.path, node.id, key))
            self.found.append((self.path, "map_misread", message, hint))

    # -- walking

    def visit(self, node: nodes.Node, names: _Names) -> _Shape | None:
        """Judge a part of a template, and say what it gives as far as that is a map's output or an entry."""
        own = _VISIT.get(type(node))
        if own is not None:
            return own(self, node, names)
        self._all(list(node.iter_child_nodes()), names)
        return None

    def _all(self, parts: list[nodes.Node], names: _Names) -> None:
        for part in parts:
            self.visit(part, names)

    def _name(self, node: nodes.Name, names: _Names) -> _Shape | None:
        return self._named(node.name, names)

    def _attribute(self, node: nodes.Getattr | nodes.Getitem, names: _Names) -> _Shape | None:
        step = _key(node.node)
        if step is not None and _is_steps(node.node.node):  # type: ignore[attr-defined]
            return self._step(step, _key(node))
        shape = self.visit(node.node, names)
        if isinstance(node, nodes.Getitem):
            self.visit(node.arg, names)
            if isinstance(node.arg, nodes.Slice):
                return shape
            if not isinstance(node.arg, nodes.Const):
                return _Shape(shape.of, is_entry=True) if shape and not shape.is_entry else None
        key = node.attr if isinstance(node, nodes.Getattr) else node.arg.value  # type: ignore[attr-defined]
        return None if shape is None else self._into(shape, key, spelled(node.node))

    def _filter(self, node: nodes.Filter, names: _Names) -> _Shape | None:
        assert node.node is not None
        shape = self.visit(node.node, names)
        self._all([*node.args, *node.kwargs], names)
        if shape is None or shape.is_entry:
            return shape if node.name in ("default", "d") else None
        if node.name in ("selectattr", "rejectattr"):
            tests = [each.value if isinstance(each, nodes.Const) else "defined" for each in node.args[1:2]]
            if _MAY_LACK.intersection(tests):
                return None
            self._attribute_of(shape, node.args[:1])
            return shape
        if node.name in _BY_FIELD:
            place = _BY_FIELD[node.name]
            named = [option.value for option in node.kwargs if option.key == "attribute"]
            self._attribute_of(shape, named or node.args[place : place + 1])
        if node.name in ("first", "last"):
            return _Shape(shape.of, is_entry=True)
        return shape if node.name in _SAME_LIST else None

    def _attribute_of(self, shape: _Shape, given: list[nodes.Expr]) -> None:
        for each in given:
            if isinstance(each, nodes.Const) and isinstance(each.value, str):
                self._field(shape.of, each.value.split(".")[0], None)

    def _test(self, node: nodes.Test, names: _Names) -> None:
        read = node.node
        while node.name in _MAY_LACK and isinstance(read, nodes.Getattr | nodes.Getitem):
            read = read.node
        self._all([read, *node.args], names)

    def _call(self, node: nodes.Call, names: _Names) -> None:
        function = node.node
        self._all([*([function.node] if isinstance(function, nodes.Getattr) else []), *node.args], names)

    def _choice(self, node: nodes.CondExpr, names: _Names) -> None:
        self.visit(node.test, names)
        if not _is_guard(node.test):
            self._all([each for each in (node.expr1, node.expr2) if each is not None], names)

    def _either(self, node: nodes.And | nodes.Or, names: _Names) -> None:
        self.visit(node.left, names)
        if not _is_guard(node.left):
            self.visit(node.right, names)

    def _if(self, node: nodes.If, names: _Names) -> None:
        is_guarded = False
        for branch in (node, *node.elif_):
            self.visit(branch.test, names)
            is_guarded = is_guarded or _is_guard(branch.test)
            if not is_guarded:
                self._all(branch.body, dict(names))
        if not is_guarded:
            self._all(node.else_, dict(names))
        for assigned in node.find_all(nodes.Assign):  # which of the branches ran is not known
            _bind(assigned.target, None, names)

    def _for(self, node: nodes.For, names: _Names) -> None:
        rows = self.visit(node.iter, names)
        inner = dict(names)
        _bind(node.target, _Shape(rows.of, is_entry=True) if rows and not rows.is_entry else None, inner)
        if node.test is not None:
            self.visit(node.test, inner)
        if node.test is None or not _is_guard(node.test):
            self._all(node.body, inner)
        self._all(node.else_, dict(names))

    def _assign(self, node: nodes.Assign, names: _Names) -> None:
        _bind(node.target, self.visit(node.node, names), names)


def _bind(target: nodes.Node, shape: _Shape | None, names: _Names) -> None:
    if isinstance(target, nodes.Name):
        names[target.name] = shape
    for part in target.find_all(nodes.Name):
        names[part.name] = None


def _tolerates(node: Node) -> bool:
    wanted = node.map
    return wanted is not None and bool(wanted.tolerated_count or wanted.tolerated_percentage)


def _is_guard(test: nodes.Node) -> bool:
    """Whether a condition may ask which shape there is."""
    if isinstance(test, nodes.Test) or next(test.find_all(nodes.Test), None) is not None:
        return True
    return any(each.op in ("in", "notin") for each in test.find_all(nodes.Operand))


def _is_steps(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "steps"


def _key(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        return node.arg.value if isinstance(node.arg.value, str) else None
    return None


_VISIT: dict[type[nodes.Node], Callable[[_Reading, Any, _Names], _Shape | None]] = {
    nodes.Name: _Reading._name,
    nodes.Getattr: _Reading._attribute,
    nodes.Getitem: _Reading._attribute,
    nodes.Filter: _Reading._filter,
    nodes.Test: _Reading._test,
    nodes.Call: _Reading._call,
    nodes.CondExpr: _Reading._choice,
    nodes.And: _Reading._either,
    nodes.Or: _Reading._either,
    nodes.If: _Reading._if,
    nodes.For: _Reading._for,
    nodes.Assign: _Reading._assign,
}
