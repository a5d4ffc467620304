"""References to what is known only when a workflow runs: outputs of steps, inputs, the trigger.

    f"Sum up: {fetch.output.body}"       # in a text
    rows=fetch.output.rows               # the list itself, not its text
    when=(fetch.output.total > 100) & w.inputs.is_urgent
    count=fetch.output.rows | "length"   # a filter of the template language

While a workflow is built a reference has no value, so it can be neither tested nor iterated.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

#: Names that a template reads as something else than a step.
RESERVED = frozenset(
    {"steps", "inputs", "trigger", "execution", "item", "index", "secrets", "now", "range", "loop", "self"}
)
#: Stands for a step in a text until its id is known.
TOKEN = re.compile(r"\u27e8step-(\d+)\u27e9(\.output|\.status)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Expression:
    """An expression of the template language. As text it is `{{ … }}`."""

    __slots__ = ("_code",)

    def __init__(self, code: str) -> None:
        self._code = code

    def __str__(self) -> str:
        return f"{{{{ {self._code} }}}}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {TOKEN.sub('step', self._code)}>"

    def __format__(self, spec: str) -> str:
        if spec:
            raise TypeError(f"a reference has no value yet, so it takes no format (found {spec!r})")
        return str(self)

    def __or__(self, other: Any) -> Expression:
        """`| "length"` applies a filter; `| expression` is `or`."""
        if isinstance(other, str):
            return Expression(f"{_inner(self)} | {other}")
        return _joined(self, "or", other)

    def __and__(self, other: Any) -> Expression:
        return _joined(self, "and", other)

    def __invert__(self) -> Expression:
        return Expression(f"not {_inner(self)}")

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]
        return _joined(self, "==", other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]
        return _joined(self, "!=", other)

    def __lt__(self, other: Any) -> Expression:
        return _joined(self, "<", other)

    def __le__(self, other: Any) -> Expression:
        return _joined(self, "<=", other)

    def __gt__(self, other: Any) -> Expression:
        return _joined(self, ">", other)

    def __ge__(self, other: Any) -> Expression:
        return _joined(self, ">=", other)

    def __add__(self, other: Any) -> Expression:
        return _joined(self, "+", other)

    def __sub__(self, other: Any) -> Expression:
        return _joined(self, "-", other)

    def __mul__(self, other: Any) -> Expression:
        return _joined(self, "*", other)

    def __truediv__(self, other: Any) -> Expression:
        return _joined(self, "/", other)

    def __mod__(self, other: Any) -> Expression:
        return _joined(self, "%", other)

    def __floordiv__(self, other: Any) -> Expression:
        return _joined(self, "//", other)

    def __radd__(self, other: Any) -> Expression:
        return _joined(other, "+", self)

    def __rsub__(self, other: Any) -> Expression:
        return _joined(other, "-", self)

    def __rmul__(self, other: Any) -> Expression:
        return _joined(other, "*", self)

    def __rtruediv__(self, other: Any) -> Expression:
        return _joined(other, "/", self)

    def __rfloordiv__(self, other: Any) -> Expression:
        return _joined(other, "//", self)

    def __rmod__(self, other: Any) -> Expression:
        return _joined(other, "%", self)

    def __neg__(self) -> Expression:
        return Expression(f"-{_inner(self)}")

    def is_in(self, other: Any) -> Expression:
        """Whether the value is in another one, a list or a text."""
        return _joined(self, "in", other)

    def __contains__(self, item: Any) -> NoReturn:
        raise TypeError("a reference has no value while the workflow is built: say `value.is_in(reference)`")

    def __int__(self) -> NoReturn:
        raise TypeError('a reference has no value while the workflow is built: say `reference | "int"`')

    def __float__(self) -> NoReturn:
        raise TypeError('a reference has no value while the workflow is built: say `reference | "float"`')

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> NoReturn:
        hint = "say `when=`, and & | ~ for and, or, not"
        raise TypeError(f"a reference has no value while the workflow is built: {hint}")

    def __iter__(self) -> NoReturn:
        hint = "say `map=` to run a step for each item"
        raise TypeError(f"a reference has no value while the workflow is built: {hint}")

    def __len__(self) -> NoReturn:
        raise TypeError('a reference has no length while the workflow is built: say `reference | "length"`')


class Reference(Expression):
    """A value that is known when the workflow runs: `.name`, `["name"]` and `[0]` lead into it."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Reference:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

    def __call__(self, *arguments: Any, **named: Any) -> NoReturn:
        hint = 'filters stand in the place of methods, `reference | "upper"`'
        raise TypeError(f"a reference has no value while the workflow is built, and no methods: {hint}")

    def __getitem__(self, key: str | int) -> Reference:
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise TypeError(f"a reference takes a name or a place in a list, not {key!r}")
        is_name = isinstance(key, str) and _NAME.fullmatch(key)
        return Reference(f"{self._code}.{key}" if is_name else f"{self._code}[{json.dumps(key)}]")


def code_of(value: Any) -> str:
    """Write a value as it stands in an expression. Raises TypeError for one that has no such form."""
    if isinstance(value, Expression):
        return value._code
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, str | int | float):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(code_of, value))}]"
    raise TypeError(f"{value!r} cannot stand in an expression")


def root_of(step_id: str, part: str) -> str:
    """What names the output, or the status, of a step."""
    if part == ".output" and _NAME.fullmatch(step_id) and step_id not in RESERVED:
        return step_id
    return f"steps[{json.dumps(step_id)}]{part}"


def _joined(left: Any, word: str, right: Any) -> Expression:
    return Expression(f"{_inner(left)} {word} {_inner(right)}")


def _inner(value: Any) -> str:
    code = code_of(value)
    is_whole = isinstance(value, Reference) or not isinstance(value, Expression)
    return code if is_whole else f"({code})"
