"""Parse template text with Jinja's grammar and let through only what is harmless.

Jinja is used as a parser alone. It compiles templates to Python, and every escape on record for its sandbox
went through the objects that compiled code can reach; `interpreter` walks the checked tree instead, so there
is no generated code, no attribute access on Python objects, and each step can be counted.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from headrace.wording import did_you_mean
from orchestrator.documents.exact_json import MAX_INT_BITS
from orchestrator.templates.filters import (
    FILTERS,
    ITEM_FILTERS,
    METHODS,
    OPTIONS,
    TESTS,
    WRITTEN_OUT,
)
from orchestrator.templates.foreign_words import meant_by_call, meant_by_sign
from orchestrator.templates.values import EvaluationError

MAX_SOURCE = 16 * 1024
MAX_NODES = 500
MAX_DEPTH = 100
#: Words and signs that are read of one text: one of so few parts has less, but for brackets without need.
MAX_TOKENS = 5 * MAX_NODES
MAX_LOOP_DEPTH = 2

#: Words with a meaning of their own; a node of that name is reachable only as steps["…"].
ROOTS = frozenset({"steps", "inputs", "trigger", "execution"})
RESERVED = ROOTS | {"item", "index", "secrets", "now", "range", "loop", "self"}
LITERALS = frozenset({"true", "false", "none", "True", "False", "None"})
KEYWORDS = LITERALS | {"not", "and", "or", "in", "is", "if", "else"}
STEP_FIELDS = ("output", "status")
FUNCTIONS = ("now", "range")
_ALL_FILTERS = FILTERS.keys() | ITEM_FILTERS

_ALLOWED: frozenset[type[nodes.Node]] = frozenset(
    {
        nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Assign,
        nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.CondExpr,
        nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Call, nodes.Filter, nodes.Test, nodes.Keyword,
        nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or, nodes.Concat, nodes.Neg, nodes.Pos,
        nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod,
    }
)  # fmt: skip

#: Blanks beyond what an octal escape can spell.
_RARE_BLANKS = "\u1680\u205f\u202f\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u3000"
_TOO_COMPLEX = f"is too complex (allowed: {MAX_NODES} parts, nested {MAX_DEPTH} deep)"


class _Bounded(Extension):
    """Ends the reading of a text that is too complex before all of it is parsed, which takes long."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        for count, token in enumerate(stream):
            if count >= MAX_TOKENS:
                raise EvaluationError(_TOO_COMPLEX)
            yield token


#: Jinja always knows some mark of a comment. Half a character is in no text that is read, so `{#` stays text.
_NEVER = "\udc23"
_PARSING = ImmutableSandboxedEnvironment(
    keep_trailing_newline=True,
    autoescape=False,
    optimized=False,
    extensions=[_Bounded],
    comment_start_string=_NEVER + "{",
    comment_end_string="}" + _NEVER,
)


@dataclass(frozen=True, slots=True)
class Checked:
    """A parsed template that may be evaluated.

    tree   the expression, or the list of statements when it is not a single expression.
    names   names it uses that it does not assign itself: nodes and roots.
    locals  names it assigns; none of them may be a node's, or the two would be confused.
    steps   node ids it reaches as steps["…"].
    """

    tree: nodes.Expr | list[nodes.Node]
    names: frozenset[str]
    locals: frozenset[str]
    steps: frozenset[str]


def parse_template(source: str) -> Checked:
    """Parse text with `{{ }}` and `{% %}` in it; raises EvaluationError saying what is not allowed."""
    mark = _return_mark(source)
    template = _parsed(source.replace("\r", mark), None)
    body = template.body
    single = body[0] if len(body) == 1 else None
    parts = single.nodes if isinstance(single, nodes.Output) else []
    if len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData):
        return _checked(parts[0], parts, mark)
    return _checked(body, body, mark)


def parse_expression(source: str) -> Checked:
    """Parse a bare expression such as `A.count > 3`."""
    mark = _return_mark(source)
    tree = _parsed(source.replace("\r", mark), "variable")
    return _checked(tree, [tree], mark)


def _return_mark(source: str) -> str:
    """Choose what stands for a carriage return while a text is parsed: Jinja makes a line feed of it.

    A blank, as it is one itself, that the text has in no spelling; `\\r` where there is none to put back.
    """
    if "\r" not in source:
        return "\r"
    spelled = source.upper()
    free = (
        blank
        for blank in _RARE_BLANKS
        if not (blank in source or f"{ord(blank):X}" in spelled or unicodedata.name(blank) in spelled)
    )
    return next(free, "\r")


def _parsed(source: str, state: str | None) -> Any:
    if len(source) > MAX_SOURCE:
        raise EvaluationError(f"is longer than the allowed {MAX_SOURCE:,} characters")
    try:
        parser = Parser(_PARSING, source, state=state)
        if state is None:
            return parser.parse()
        tree = parser.parse_expression()
        if not parser.stream.eos:
            rest = str(parser.stream.current)
            hint = "; write ==" if rest == "=" else ""
            raise EvaluationError(f"is not one expression: {rest[:64]!r} follows its end{hint}")
        return tree
    except TemplateSyntaxError as error:
        line = f" in line {error.lineno}" if "\n" in source else ""
        hint = meant_by_sign(error.message or "")
        raise EvaluationError(f"is not a valid template{line}: {error.message}{hint}") from None
    except (RecursionError, MemoryError):
        raise EvaluationError("is nested too deeply") from None
    except EvaluationError:
        raise
    except (ValueError, OverflowError) as error:  # absurd literals
        raise EvaluationError(str(error)[:200]) from None


def _checked(tree: Any, top: Iterable[nodes.Node], mark: str) -> Checked:
    """Walk the tree without recursion, refuse what is not on the list, and gather what it refers to.

    mark  what stands for a carriage return; it is put back.
    """
    names: set[str] = set()
    local: set[str] = set()
    steps: set[str] = set()
    stack: list[tuple[nodes.Node, int, int, nodes.Node | None]] = [(node, 1, 0, None) for node in top]
    count = 0
    while stack:
        node, depth, loops, parent = stack.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise EvaluationError(_TOO_COMPLEX)
        if type(node) not in _ALLOWED:
            raise EvaluationError(f"uses {_spoken(node)}, which templates may not")
        if isinstance(node, nodes.For):
            loops += 1
            local.add("loop")
            if loops > MAX_LOOP_DEPTH or node.recursive:
                raise EvaluationError(f"has loops nested deeper than the allowed {MAX_LOOP_DEPTH}")
        elif isinstance(node, nodes.Name):
            (names if node.ctx == "load" else local).add(node.name)
        elif isinstance(node, nodes.TemplateData):
            node.data = node.data.replace(mark, "\r")
        elif isinstance(node, nodes.Const):
            if isinstance(node.value, str):
                node.value = node.value.replace(mark, "\r")
            _check_constant(node.value)
        elif isinstance(node, nodes.Filter | nodes.Test | nodes.Call):
            _check_operation(node)
        _check_steps(node, parent, steps)
        _check_secrets(node, parent)
        function = node.node if isinstance(node, nodes.Call) else None
        for child in node.iter_child_nodes():
            if child is function:  # a call's name is no reference; what a method is called on may be one
                if isinstance(child, nodes.Name):
                    continue
                assert isinstance(child, nodes.Getattr)
                _check_steps(child, node, steps)
                _check_secrets(child, node)
                child = child.node
            stack.append((child, depth + 1, loops, node))
    _check_names(names, local)
    return Checked(tree, frozenset(names - local), frozenset(local - {"loop"}), frozenset(steps))


def _check_names(names: set[str], local: set[str]) -> None:
    for name in sorted(local - {"loop"}):
        if name in RESERVED:
            raise EvaluationError(f"assigns {name!r}, which has a meaning of its own; choose another name")
    for name in sorted(names | local):
        if not name.isascii():
            raise EvaluationError(f"uses the name {name!r}; names are ASCII letters, digits and _")


def _check_constant(value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise EvaluationError("contains a number that is too large")
    if isinstance(value, int) and value.bit_length() > MAX_INT_BITS:
        raise EvaluationError(f"contains a number of more than {MAX_INT_BITS:,} bits")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise EvaluationError("contains a \\u escape that stands for half a character") from None


def _check_operation(node: nodes.Filter | nodes.Test | nodes.Call) -> None:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise EvaluationError("uses * or ** in a call, which templates may not")
    if isinstance(node, nodes.Call):
        if isinstance(node.node, nodes.Name):
            _known(node.node.name, FUNCTIONS, "function")
        elif isinstance(node.node, nodes.Getattr):
            _known(node.node.attr, METHODS, "method")
        else:
            raise EvaluationError("calls something that is not a function")
    elif isinstance(node, nodes.Test):
        _known(node.name, TESTS, "test")
    elif node.node is None:
        raise EvaluationError("uses a filter block, which templates may not")
    else:
        _known(node.name, _ALL_FILTERS, "filter")
        _check_arguments(node)


def _check_arguments(node: Any) -> None:
    """Find what is wrong with arguments that are written out, such as a pattern that is none."""
    for option in node.kwargs:
        if option.key not in OPTIONS.get(node.name, (option.key,)):
            _known(option.key, OPTIONS[node.name], f"argument of {node.name}")
    if node.name in ITEM_FILTERS:
        _check_item_filter(node)
    named = {option.key: option.value for option in node.kwargs}
    for place, name, check in WRITTEN_OUT.get(node.name, ()):
        argument = node.args[place] if place < len(node.args) else named.get(name)
        if isinstance(argument, nodes.Const) and isinstance(argument.value, str):
            try:
                check(argument.value)
            except EvaluationError as error:
                raise EvaluationError(f"uses {node.name} wrongly: {error}") from None


def _check_item_filter(node: Any) -> None:
    """Check the name of the filter, or test, that is applied to each item, where it is written out."""
    place = 1 if node.name.endswith("attr") else 0
    argument = node.args[place] if place < len(node.args) else None
    if isinstance(argument, nodes.Const) and isinstance(argument.value, str):
        names, what = (FILTERS, "filter") if node.name == "map" else (TESTS, "test")
        _known(argument.value, names, what)


def _known(name: str, allowed: Iterable[str], what: str) -> None:
    words = sorted(allowed)
    if name not in words:
        hint = meant_by_call(name, _ALL_FILTERS - set(words), METHODS.keys() - set(words))
        hint = hint or did_you_mean(name[:64], words)
        allowed_words = f"(allowed: {', '.join(words)})" + (f"; {hint}" if hint else "")
        raise EvaluationError(f"uses the unknown {what} {name[:64]!r} {allowed_words}")


def _check_steps(node: nodes.Node, parent: nodes.Node | None, steps: set[str]) -> None:
    """Insist on steps["id"].output or .status, so that what a template needs is known before it runs."""
    if isinstance(node, nodes.Name) and node.name == "steps" and node.ctx == "load":
        if _key_of(parent) is None:
            raise EvaluationError('has steps without the id of a node; write steps["id"].output')
    elif isinstance(node, nodes.Getattr | nodes.Getitem) and _is_steps(node.node):
        if _key_of(parent) not in STEP_FIELDS:
            raise EvaluationError(f'has steps["{_key_of(node)}"] without .output or .status behind it')
        steps.add(str(_key_of(node)))


def _check_secrets(node: nodes.Node, parent: nodes.Node | None) -> None:
    """Insist on secrets.NAME: what a template reads is known before it runs, and none can list them."""
    is_secrets = isinstance(node, nodes.Name) and node.name == "secrets" and node.ctx == "load"
    if is_secrets and _key_of(parent) is None:
        raise EvaluationError("has secrets without the name of one; write secrets.NAME")


def _is_steps(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == "steps"


def _key_of(node: nodes.Node | None) -> str | None:
    if isinstance(node, nodes.Getattr):
        return node.attr
    constant = node.arg if isinstance(node, nodes.Getitem) else None
    if isinstance(constant, nodes.Const) and isinstance(constant.value, str):
        return constant.value
    return None


def _spoken(node: nodes.Node) -> str:
    words = {nodes.Pow: "** (power)", nodes.AssignBlock: "a set block", nodes.NSRef: "namespace attributes"}
    return words.get(type(node), f"{type(node).__name__.lower()}")
