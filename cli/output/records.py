"""Lists of what the server has, as text or as JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from cli.output.text import json_line

if TYPE_CHECKING:
    from headrace.values import Value

Found = TypeVar("Found", bound="Value")


def record_lines(
    found: Sequence[Found], lines: Callable[[Sequence[Found]], Iterable[str]], *, none: str, as_json: bool
) -> Iterator[str]:
    """A list in lines: as JSON one document on each, none for an empty one.

    lines  makes the text of a list that is not empty.
    none   what is said of an empty one.
    """
    if as_json:
        yield from (json_line(each.document) for each in found)
    elif found:
        yield from lines(found)
    else:
        yield none
