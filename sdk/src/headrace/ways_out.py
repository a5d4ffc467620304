"""The way out of common mistakes of handlers: values that are not JSON, and what Python raises."""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterable, Mapping, Set
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath
from typing import Any

from headrace.wording import text_of

#: How Python begins what it says of a mistake of those who write handlers, and the way out.
_MISTAKES = (
    ("'coroutine' object ", "`await` is probably missing"),
    (
        "exceptions must derive from BaseException",
        "Completed, Skipped, Waiting and Parked are returned; Skip, Retryable and Terminal are raised",
    ),
)


def described(error: BaseException) -> str:
    """Name an exception that has no type of its own, with the way out of a well-known mistake."""
    text = text_of(error)
    hint = ""
    if isinstance(error, AttributeError | TypeError):
        hint = next((f"; {way}" for begin, way in _MISTAKES if text.startswith(begin)), "")
    return f"{type(error).__name__}: {text}{hint}"


def way_out(value: Any) -> str:
    """Say what makes JSON of a value that is none. Looks at its type only: nothing of it is called."""
    if isinstance(value, type):
        return _of_class(value)
    if isinstance(value, BaseException):
        return "raise it, do not return it; str(value) makes text of it"
    if inspect.isawaitable(value):
        name = getattr(value, "__qualname__", None) if inspect.iscoroutine(value) else None
        return f"`await` is probably missing before {f'{name}(…)' if name else 'it'}"
    if inspect.isasyncgen(value) or hasattr(type(value), "__aiter__"):
        return "write [item async for item in value]; in a handler, `return` in the place of `yield`"
    if inspect.isgenerator(value):
        return "write list(value); in a handler, `return` in the place of `yield`"
    return _of_container(value) or _of_scalar(value) or _of_object(value)


def _of_class(kind: type) -> str:
    if issubclass(kind, BaseException):
        return f"raise {kind.__name__}(…), do not return the class"
    return f"it is the class {kind.__name__} itself: make an instance, {kind.__name__}(…)"


def _of_container(value: Any) -> str | None:
    if isinstance(value, Set):
        return "write sorted(value) or list(value)"
    if isinstance(value, bytes | bytearray | memoryview):
        return "write bytes(value).decode() for text, base64.b64encode(value).decode() for anything else"
    if isinstance(value, tuple) and hasattr(type(value), "_asdict"):
        return "write value._asdict() for an object, list(value) for a list"
    if isinstance(value, Mapping):
        return "write dict(value)"
    return None


def _of_scalar(value: Any) -> str | None:
    if isinstance(value, Decimal | Fraction):
        return "write str(value), or float(value) where digits may be lost"
    if isinstance(value, complex):
        return "write [value.real, value.imag]"
    if isinstance(value, timedelta):
        return "write value.total_seconds()"
    return "write str(value)" if isinstance(value, PurePath) else None


def _of_object(value: Any) -> str:
    kind = type(value)
    for method in ("tolist", "to_dict"):  # Arrays and scalars of NumPy; frames of pandas, and their like.
        if callable(getattr(kind, method, None)):
            return f"write value.{method}()"
    if isinstance(value, io.IOBase):
        return "read it, and give what is in it"
    if isinstance(value, Iterable):
        return "write list(value)"
    if inspect.isroutine(value):
        return f"it is not called: write {getattr(value, '__name__', '…')}(…)"
    return "give an object of what is needed of it, or make its class a dataclass or a pydantic model"
