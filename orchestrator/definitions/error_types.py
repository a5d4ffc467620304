"""Patterns of error types: how retry policies and catches name the errors they are for.

A pattern is 1 to 128 letters, digits and `_ . - *`, with at most four stars and no two side by side. `*`
stands for any text, also none, and every other character for itself; upper and lower case differ. Patterns
are matched here and nowhere else, no script does: who reports an error says what follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from orchestrator.errors import ErrorType

_PATTERN = re.compile(r"[A-Za-z0-9_.*-]{1,128}")
MAX_STARS = 4
#: Types that the engine, its handlers and what the package `headrace` brings along give to errors.
BUILT_IN_TYPES = frozenset(map(str, ErrorType)) | frozenset(
    {
        "Http.RedirectRefused", "Llm.Auth", "Llm.BadResponse", "Llm.InvalidRequest", "Llm.NotConfigured",
        "Llm.Overloaded", "Llm.PriceUnknown", "Llm.RateLimited", "Llm.Refused", "Llm.SchemaMismatch",
        "Llm.SpendLimit", "Llm.Transport", "Container.Exit", "Container.ImageNotFound",
        "Container.OutOfMemory", "Container.Pull", "Container.Refused", "Container.Timeout",
        "Container.Unavailable", "Notify.Failed", "Notify.NotConfigured", "Smtp.4xx", "Smtp.5xx",
        "Smtp.NotSupported", "Smtp.Transport", "NotSerializable", "RunUnreadable",
    }
)  # fmt: skip


def matches(error_type: str, patterns: Sequence[str]) -> bool:
    """Say whether an error type is named by one of the patterns.

    The time grows with the two lengths, whatever the stars: from Python 3.11 on fnmatch looks for each piece
    between them once and never goes back. Patterns stored before they were bounded may have any.
    """
    return any(fnmatchcase(error_type, pattern) for pattern in patterns)


def read_patterns(value: Any, *, least: int = 0) -> tuple[str, ...]:
    """Check a list of `least` patterns or more, as a user wrote it. Raises ValueError with what is wrong."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"expected a list of error types such as 'Http.*', got {value!r:.60}")
    if len(value) < least:
        raise ValueError("expected at least one error type such as 'Http.*', got an empty list")
    for pattern in value:
        if not isinstance(pattern, str) or _PATTERN.fullmatch(pattern) is None:
            raise ValueError(
                "each error type is 1 to 128 letters, digits, '_', '.', '-' and, for any text, '*'; "
                f"got {pattern!r:.60}"
            )
        if "**" in pattern:
            raise ValueError(
                f"'*' stands for any text, so an error type has no two of them in a row; got {pattern!r:.60}"
            )
        if pattern.count("*") > MAX_STARS:
            raise ValueError(
                f"an error type has at most {MAX_STARS} '*', got {pattern.count('*')} in {pattern!r:.60}"
            )
    return tuple(value)
