"""Evaluates checked templates over JSON values, counting every step: expressions and statements around them.

Values are None, bool, int, float, str, list and dict, and Missing for what is not there. Nothing here touches
an attribute of a Python object, so a template can reach its data and nothing else.
"""

# long: one evaluator: expressions and the statements around them

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import nodes

from headrace.wording import kind_of
from orchestrator.documents.exact_json import MAX_INT_BITS
from orchestrator.documents.json_types import is_true
from orchestrator.templates.budget import Budget, check_length, join_parts
from orchestrator.templates.filters import FILTERS, METERED, METHODS, TESTS, range_of
from orchestrator.templates.ordering import COMPARISONS
from orchestrator.templates.values import (
    EvaluationError,
    Missing,
    field_of,
    items_of,
    present,
    step_into,
    to_text,
)

#: Looks a name up among nodes and roots.
Lookup = Callable[[str], Any]


# Expressions


class Interpreter:
    """Evaluates the expressions of one template once."""

    def __init__(self, lookup: Lookup, now: str, budget: Budget | None = None) -> None:
        self.lookup = lookup
        self.now = now
        self.budget = budget or Budget()
        #: Line of the statement run last, for error messages, and length of the text put out so far.
        self.line = 1
        self.length = 0

    def value_of(self, tree: nodes.Expr) -> Any:
        """Evaluate a single expression; the result keeps its type."""
        return present(self.evaluate(tree, {}))

    def evaluate(self, node: nodes.Node, names: dict[str, Any]) -> Any:
        """Evaluate any expression; may give Missing, which the caller must pass on or refuse."""
        self.budget.spend(1)
        return _EVALUATE[type(node)](self, node, names)

    def _needed(self, node: nodes.Node, names: dict[str, Any]) -> Any:
        return present(self.evaluate(node, names))

    def _name(self, node: nodes.Name, names: dict[str, Any]) -> Any:
        return names[node.name] if node.name in names else self.lookup(node.name)

    def _const(self, node: nodes.Const, names: dict[str, Any]) -> Any:
        return node.value

    def _list(self, node: nodes.List | nodes.Tuple, names: dict[str, Any]) -> Any:
        return self.budget.weigh([self._needed(item, names) for item in node.items])

    def _dict(self, node: nodes.Dict, names: dict[str, Any]) -> Any:
        built: dict[str, Any] = {}
        for pair in node.items:
            key = self._needed(pair.key, names)
            if not isinstance(key, str):
                raise EvaluationError(f"the key of an object must be text, got {kind_of(key)}")
            built[key] = self._needed(pair.value, names)
        return self.budget.weigh(built)

    def _attribute(self, node: nodes.Getattr, names: dict[str, Any]) -> Any:
        return step_into(self.evaluate(node.node, names), node.attr, node.node)

    def _item(self, node: nodes.Getitem, names: dict[str, Any]) -> Any:
        value = self.evaluate(node.node, names)
        if isinstance(node.arg, nodes.Slice):
            return self._slice(present(value), node.arg, names)
        return step_into(value, self._needed(node.arg, names), node.node)

    def _slice(self, value: Any, part: nodes.Slice, names: dict[str, Any]) -> Any:
        if not isinstance(value, str | list):
            raise EvaluationError(f"only text and lists can be sliced, got {kind_of(value)}")
        given = (part.start, part.stop, part.step)
        bounds = [None if bound is None else self._needed(bound, names) for bound in given]
        if not all(bound is None or type(bound) is int for bound in bounds):
            raise EvaluationError("the bounds of a slice must be whole numbers")
        return self._counted(value[slice(*bounds)])

    def _condition(self, node: nodes.CondExpr, names: dict[str, Any]) -> Any:
        if is_true(self._needed(node.test, names)):
            return self.evaluate(node.expr1, names)
        if node.expr2 is None:
            return Missing("the inline if is false and has no else")
        return self.evaluate(node.expr2, names)

    def _and(self, node: nodes.And, names: dict[str, Any]) -> Any:
        left = self._needed(node.left, names)
        return self._needed(node.right, names) if is_true(left) else left

    def _or(self, node: nodes.Or, names: dict[str, Any]) -> Any:
        left = self._needed(node.left, names)
        return left if is_true(left) else self._needed(node.right, names)

    def _not(self, node: nodes.Not, names: dict[str, Any]) -> Any:
        return not is_true(self._needed(node.node, names))

    def _negative(self, node: nodes.Neg, names: dict[str, Any]) -> Any:
        return -_numeric(self._needed(node.node, names))

    def _positive(self, node: nodes.Pos, names: dict[str, Any]) -> Any:
        return _numeric(self._needed(node.node, names))

    def _concat(self, node: nodes.Concat, names: dict[str, Any]) -> Any:
        return self.budget.take_text(join_parts(to_text(self._needed(part, names)) for part in node.nodes))

    def _compare(self, node: nodes.Compare, names: dict[str, Any]) -> Any:
        left = self._needed(node.expr, names)
        for operand in node.ops:
            right = self._needed(operand.expr, names)
            if isinstance(left, _SIZED) or isinstance(right, _SIZED):
                self.budget.check_operands(left, right)
            if not COMPARISONS[operand.op](left, right):
                return False
            left = right
        return True

    def _binary(self, node: nodes.BinExpr, names: dict[str, Any]) -> Any:
        left, right = self._needed(node.left, names), self._needed(node.right, names)
        if node.operator == "+" and isinstance(left, str) and isinstance(right, str):
            check_length(len(left) + len(right))
            return self.budget.take_text(left + right)
        if node.operator == "+" and isinstance(left, list) and isinstance(right, list):
            return self.budget.weigh(left + right)
        if node.operator == "+" and isinstance(left, str) != isinstance(right, str):
            raise EvaluationError(f"cannot add {kind_of(left)} and {kind_of(right)}; use ~ to join text")
        return self._counted(_ARITHMETIC[node.operator](_numeric(left), _numeric(right)))

    # -- filters, tests, calls

    def _filter(self, node: nodes.Filter, names: dict[str, Any]) -> Any:
        assert node.node is not None
        value = self.evaluate(node.node, names)
        args, options = self._arguments(node, names)
        if node.name in _ITEM_FILTERS:
            return self._counted(_ITEM_FILTERS[node.name](self, present(value), args, options))
        return self._apply(FILTERS[node.name], node.name, value, args, options)

    def _test(self, node: nodes.Test, names: dict[str, Any]) -> Any:
        value = self.evaluate(node.node, names)
        args, options = self._arguments(node, names)
        return self._apply(TESTS[node.name], node.name, value, args, options)

    def _call(self, node: nodes.Call, names: dict[str, Any]) -> Any:
        args, options = self._arguments(node, names)
        if isinstance(node.node, nodes.Getattr):
            value = self.evaluate(node.node.node, names)
            return self._apply(METHODS[node.node.attr], node.node.attr, value, args, options)
        assert isinstance(node.node, nodes.Name)
        if options or (node.node.name == "now" and args):
            raise EvaluationError(f"{node.node.name} does not take these arguments")
        return self.now if node.node.name == "now" else self._counted(range_of(*args))

    def _arguments(self, node: Any, names: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        args = [self._needed(argument, names) for argument in node.args]
        return args, {option.key: self._needed(option.value, names) for option in node.kwargs}

    def _apply(
        self,
        operation: Callable[..., Any],
        name: str,
        value: Any,
        args: list[Any],
        options: Mapping[str, Any],
    ) -> Any:
        if name not in _SEE_MISSING:
            present(value)
        if name in _CONSTANT_TIME:
            self.budget.check_time()
        else:
            self.budget.check_operands(value, *args)
            if isinstance(value, list | dict):
                self.budget.spend(len(value))
        try:
            if name in METERED:
                return self._counted(operation(self.budget, value, *args, **options))
            return self._counted(operation(value, *args, **options))
        except EvaluationError as error:
            raise EvaluationError(f"{name}: {error}") from None
        except TypeError:
            message = f"{name} cannot be applied to {kind_of(value)} with these arguments"
            raise EvaluationError(message) from None

    def _counted(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.budget.take_text(value)
        if isinstance(value, list):
            self.budget.spend(len(value))
        if isinstance(value, int) and value.bit_length() > MAX_INT_BITS:
            raise EvaluationError("gives a number that is too large")
        if isinstance(value, float) and not math.isfinite(value):
            raise EvaluationError("gives a number that is not finite")
        return value

    # -- filters that apply another filter or test to each item

    def _map(self, value: Any, args: list[Any], options: dict[str, Any]) -> list[Any]:
        items = items_of(value)
        if not args:
            path = options.get("attribute")
            if not isinstance(path, str):
                raise EvaluationError("map takes the name of a filter, or attribute='…'")
            mapped = []
            for item in items:
                self.budget.spend(1)  # one by one: each looks at the time, and a long list takes long
                mapped.append(self._or_default(field_of(item, path), options))
        else:
            filter_name, *rest = args
            if not isinstance(filter_name, str) or filter_name not in FILTERS:
                raise EvaluationError(f"map: there is no filter {filter_name!r:.60}")
            operation = FILTERS[filter_name]
            mapped = [self._apply(operation, filter_name, item, rest, options) for item in items]
        # A default stands in the result once per item: the one way besides a literal to multiply a value.
        return self.budget.weigh(mapped) if options or len(args) > 1 else mapped

    def _or_default(self, value: Any, options: dict[str, Any]) -> Any:
        if isinstance(value, Missing) and "default" in options:
            return options["default"]
        return present(value)

    def _select(self, value: Any, args: list[Any], options: dict[str, Any]) -> list[Any]:
        return [item for item in items_of(value) if self._passes(item, args)]

    def _reject(self, value: Any, args: list[Any], options: dict[str, Any]) -> list[Any]:
        return [item for item in items_of(value) if not self._passes(item, args)]

    def _select_by(self, value: Any, args: list[Any], options: dict[str, Any]) -> list[Any]:
        path, rest = _path_and_rest(args)
        return [item for item in items_of(value) if self._passes(field_of(item, path), rest)]

    def _reject_by(self, value: Any, args: list[Any], options: dict[str, Any]) -> list[Any]:
        path, rest = _path_and_rest(args)
        return [item for item in items_of(value) if not self._passes(field_of(item, path), rest)]

    def _passes(self, value: Any, args: list[Any]) -> bool:
        self.budget.spend(1)
        if not args:
            return is_true(present(value))
        test_name, *rest = args
        if not isinstance(test_name, str) or test_name not in TESTS:
            raise EvaluationError(f"there is no test {test_name!r:.60}")
        return bool(self._apply(TESTS[test_name], test_name, value, rest, {}))


def _path_and_rest(args: list[Any]) -> tuple[str, list[Any]]:
    if not args or not isinstance(args[0], str):
        raise EvaluationError("takes the name of a field first")
    return args[0], args[1:]


def _numeric(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EvaluationError(f"can only calculate with numbers, got {kind_of(value)}")
    return value


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}

_SIZED = (str, list, dict)
_SEE_MISSING = frozenset({"default", "d", "defined", "undefined"})
_CONSTANT_TIME = _SEE_MISSING | {
    "length", "count", "first", "last", "get", "mapping", "string", "iterable", "sequence", "none",
}  # fmt: skip

_ITEM_FILTERS: dict[str, Callable[[Interpreter, Any, list[Any], dict[str, Any]], list[Any]]] = {
    "map": Interpreter._map,
    "select": Interpreter._select,
    "reject": Interpreter._reject,
    "selectattr": Interpreter._select_by,
    "rejectattr": Interpreter._reject_by,
}

_EVALUATE: dict[type[nodes.Node], Callable[[Interpreter, Any, dict[str, Any]], Any]] = {
    nodes.Name: Interpreter._name,
    nodes.Const: Interpreter._const,
    nodes.List: Interpreter._list,
    nodes.Tuple: Interpreter._list,
    nodes.Dict: Interpreter._dict,
    nodes.Getattr: Interpreter._attribute,
    nodes.Getitem: Interpreter._item,
    nodes.CondExpr: Interpreter._condition,
    nodes.And: Interpreter._and,
    nodes.Or: Interpreter._or,
    nodes.Not: Interpreter._not,
    nodes.Neg: Interpreter._negative,
    nodes.Pos: Interpreter._positive,
    nodes.Concat: Interpreter._concat,
    nodes.Compare: Interpreter._compare,
    nodes.Add: Interpreter._binary,
    nodes.Sub: Interpreter._binary,
    nodes.Mul: Interpreter._binary,
    nodes.Div: Interpreter._binary,
    nodes.FloorDiv: Interpreter._binary,
    nodes.Mod: Interpreter._binary,
    nodes.Filter: Interpreter._filter,
    nodes.Test: Interpreter._test,
    nodes.Call: Interpreter._call,
}


# Statements


class Rendering(Interpreter):
    """Runs the statements of one template once; the result is text."""

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
            if is_true(present(self.evaluate(branch.test, names))):
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
                if is_true(present(self.evaluate(node.test, inner))):
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
