"""Write values into a text by `%` conversions in templates, as printf does; never longer than it may be.

What a conversion would build is counted before it is built: `%999999999d` is a gigabyte.
"""

from __future__ import annotations

import re
from typing import Any

from headrace.wording import kind_of
from orchestrator.templates.budget import Budget, check_length, join_parts
from orchestrator.templates.values import EvaluationError, text_given, to_text

#: Width and precision of one conversion.
MAX_WIDTH = 100
_KINDS = "s d i f F e E g G x X o"
_CONVERSION = re.compile(
    r"%(?:(%)|(?:\((?P<name>[A-Za-z_]\w{0,63})\))?"
    r"(?P<flags>[-+ 0#]{0,5})(?P<width>\*|\d*)(?:\.(?P<precision>\*|\d*))?(?P<kind>.|$))",
    re.ASCII | re.DOTALL,
)


def printf(budget: Budget, value: Any, /, *args: Any, **named: Any) -> str:
    """Put values in the place of `%s`, `%5.2f`, `%(name)d`, … in a text.

    Raises EvaluationError for a conversion that is none, for a value too few or too many.
    """
    text = text_given(value)
    check_length(len(text))
    if bool(args) == bool(named):
        raise EvaluationError("takes values, or values by name, and not both")
    given = list(args)
    parts: list[str] = []
    used: set[str] = set()
    length = end = 0
    for found in _CONVERSION.finditer(text):
        budget.spend(1)
        parts.append(text[end : found.start()])
        parts.append("%" if found[1] else _written(found, _value(found, given, named, used)))
        length += len(parts[-2]) + len(parts[-1])
        check_length(length)
        end = found.end()
    if given or named.keys() - used:
        left = len(given) or len(named.keys() - used)
        hint = "; write %s for each, {} has no meaning here" if "{" in text else ""
        raise EvaluationError(
            f"has {left} more of {len(args) or len(named)} values than the text takes{hint}"
        )
    return join_parts([*parts, text[end:]])


def _value(found: re.Match[str], given: list[Any], named: dict[str, Any], used: set[str]) -> Any:
    """Find the value of a conversion: the next, or the one of its name."""
    if found["kind"] not in _KINDS.split():
        allowed = f"allowed: {' '.join('%' + each for each in _KINDS.split())} %%"
        raise EvaluationError(f"{found[0][:80]!r} is no conversion ({allowed})")
    name = found["name"]
    if name is not None:
        if name not in named:
            known = ", ".join(sorted(named)) or "none"
            raise EvaluationError(f"there is no value {name!r} for {found[0][:80]!r} (given: {known[:300]})")
        used.add(name)
        return named[name]
    if not given:
        raise EvaluationError(f"there is no value left for {found[0][:80]!r}")
    return given.pop(0)


def _written(found: re.Match[str], value: Any) -> str:
    """Write one value. Nothing here grows by more than the width, and the digits of the longest number."""
    kind, flags = found["kind"], found["flags"]
    width, precision = _size(found, "width"), _size(found, "precision")
    if kind == "s":
        text = to_text(value)
        check_length(max(len(text) if precision is None else min(len(text), precision), width or 0))
        value = text
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise EvaluationError(f"{found[0][:80]!r} takes a number, got {kind_of(value)}")
    shape = f"%{flags}{'' if width is None else width}{'' if precision is None else f'.{precision}'}{kind}"
    try:
        return shape % (value,)
    except (OverflowError, ValueError, TypeError):
        wanted = "a whole number" if kind in "xXo" else "a smaller number"
        raise EvaluationError(f"{found[0][:80]!r} takes {wanted}") from None


def _size(found: re.Match[str], which: str) -> int | None:
    """Read width or precision, None where there is none."""
    digits = found[which]
    if not digits:
        return 0 if digits == "" and which == "precision" else None
    if digits == "*" or len(digits) > len(str(MAX_WIDTH)) or int(digits) > MAX_WIDTH:
        raise EvaluationError(f"{found[0][:80]!r} has a {which} of {digits[:40]}; allowed: 0 to {MAX_WIDTH}")
    return int(digits)
