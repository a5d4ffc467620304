"""What a typed event may be called: its type, those above it, and the class it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.names import ID_RULE, is_id
from headrace.outcome import Terminal
from headrace.wording import cut, kind_of

#: Parent types of one type.
MOST_PARENTS = 16
QUALIFIED_NAME_MAX_CHARS = 256
QUALIFIED_NAME_RULE = f"1 to {QUALIFIED_NAME_MAX_CHARS} characters on one line"


def is_qualified_name(name: str) -> bool:
    """Whether a text may name a class with its module; see QUALIFIED_NAME_RULE."""
    return 0 < len(name) <= QUALIFIED_NAME_MAX_CHARS and name.isprintable()


def check_event_names(
    type: Any, parents: Any, qualified_name: Any
) -> tuple[str, tuple[str, ...], str | None]:
    """Give the names of an event. Raises Terminal (`EventInvalid`) for those that cannot be."""
    _check_name(type, "the type of an event")
    return type, tuple(_parents(type, parents)), _qualified_name(type, qualified_name)


def _parents(type: str, parents: Any) -> Sequence[str]:
    if isinstance(parents, str) or not isinstance(parents, Sequence):
        raise _invalid(f"'parents' of event {type!r} must be a list of names, got {kind_of(parents)}")
    if len(parents) > MOST_PARENTS:
        raise _invalid(f"event {type!r} has {len(parents)} parents; allowed are {MOST_PARENTS}")
    for name in parents:
        _check_name(name, f"a parent of event {type!r}")
    return parents


def _qualified_name(type: str, name: Any) -> str | None:
    if name is not None and not (isinstance(name, str) and is_qualified_name(name)):
        raise _invalid(f"the qualified name of event {type!r} must be {QUALIFIED_NAME_RULE}")
    return name


def _check_name(name: Any, what: str) -> None:
    if not isinstance(name, str) or not is_id(name):
        found = cut(repr(name), 200) if isinstance(name, str) else kind_of(name)
        raise _invalid(f"{what} must be made of {ID_RULE}; got {found}")


def _invalid(message: str) -> Terminal:
    return Terminal(message, type="EventInvalid")
