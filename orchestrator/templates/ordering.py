"""Compare and sort JSON values in many small steps.

Python compares two lists at one go, however much is in them, and nothing else runs meanwhile. Here each step
is short, so that an evaluation in a thread never keeps the event loop waiting.
"""

from __future__ import annotations

import heapq
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headrace.wording import kind_of
from orchestrator.templates.values import EvaluationError

#: Items sorted in one step.
MAX_RUN = 5_000


def sorted_by(items: list[Any], rank: Callable[[Any], Any], is_reversed: bool) -> list[Any]:
    """Sort in runs that are merged: no single step of a sort is a long one."""
    ranked = [(_ordered(rank(item)), item) for item in items]
    runs = [
        sorted(ranked[first : first + MAX_RUN], key=operator.itemgetter(0), reverse=is_reversed)
        for first in range(0, len(ranked), MAX_RUN)
    ]
    return [item for _, item in heapq.merge(*runs, key=operator.itemgetter(0), reverse=is_reversed)]


class _Rank:
    """A list in an order of lists, compared item by item in steps that others can come between."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: Any) -> bool:
        if not isinstance(other, _Rank):
            raise TypeError
        return _is_less(self.value, other.value)


def _is_less(left: Any, right: Any) -> bool:
    """Whether one value comes before another; raises TypeError for kinds that have no order."""
    while isinstance(left, list) and isinstance(right, list):
        for one, other in zip(left, right, strict=False):
            if not is_same(one, other):
                left, right = one, other
                break
        else:
            return len(left) < len(right)
    return bool(left < right)


def is_same(left: Any, right: Any) -> bool:
    """Whether two values are equal: `==`, in steps that others can come between."""
    if not isinstance(left, list | dict):
        return bool(left == right)
    stack: list[Iterator[tuple[Any, Any]]] = [iter([(left, right)])]
    while stack:
        pair = next(stack[-1], None)
        if pair is None:
            stack.pop()
            continue
        one, other = pair
        if one is other:
            continue
        if isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            stack.append(zip(one, other, strict=True))
        elif isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            stack.append(zip(one.values(), map(other.__getitem__, one), strict=True))
        elif one != other:
            return False
    return True


def _is_in(item: Any, others: Any) -> bool:
    if isinstance(item, list | dict) and isinstance(others, list):
        return any(is_same(item, other) for other in others)
    return item in others


def greatest(items: list[Any]) -> Any:
    """Give the item that comes last in order."""
    return max(items, key=_ordered)


def least(items: list[Any]) -> Any:
    """Give the item that comes first in order."""
    return min(items, key=_ordered)


def _ordered(item: Any) -> Any:
    return _Rank(item) if isinstance(item, list) else item


def _comparing(sign: str, compare: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def compared(left: Any, right: Any) -> bool:
        try:
            return bool(compare(left, right))
        except TypeError:
            message = f"{kind_of(left)} and {kind_of(right)} cannot be compared by '{sign}'"
            raise EvaluationError(message) from None

    return compared


COMPARISONS: Mapping[str, Callable[..., Any]] = {
    "eq": is_same,
    "ne": lambda left, right: not is_same(left, right),
    "gt": _comparing(">", lambda left, right: _is_less(right, left)),
    "gteq": _comparing(">=", lambda left, right: not _is_less(left, right)),
    "lt": _comparing("<", _is_less),
    "lteq": _comparing("<=", lambda left, right: not _is_less(right, left)),
    "in": _comparing("in", _is_in),
    "notin": _comparing("not in", lambda item, others: not _is_in(item, others)),
}
