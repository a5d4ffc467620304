"""Warns of error types in retry policies and catches that are nearly, and not quite, ones that occur.

Handlers of users raise types of their own, so a type that is near none of those known here is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from orchestrator.definitions.definition import Node
from orchestrator.definitions.ends import OWN_HANDLERS
from orchestrator.definitions.error_types import BUILT_IN_TYPES, matches
from orchestrator.lint.context import Linter
from orchestrator.lint.near_words import Nearest

#: Path, code, message, hint.
Finding = tuple[str, str, str, str | None]

_FAIL = "fail"
#: What stands before the dot: `Http` of `Http.5xx`.
_FAMILIES = frozenset(type.partition(".")[0] for type in BUILT_IN_TYPES if "." in type)


def misspelt_error_types(linter: Linter) -> Iterator[Finding]:
    """Give the patterns of error types that nothing matches as they are written, once for each place."""
    types = Nearest(sorted(BUILT_IN_TYPES), linter.budget.compared_words)
    families = Nearest(sorted(_FAMILIES), linter.budget.compared_words)
    own = {node.config.get("type") for node in linter.definition.nodes if node.handler == _FAIL}
    judged: set[str] = set()
    compared: set[str] = set()
    for node in linter.definition.nodes:
        for path, pattern, is_of_retry in _patterns(linter, node):
            if path in judged or pattern in own or pattern in BUILT_IN_TYPES:
                continue
            compared.add(pattern)
            if len(compared) > linter.budget.compared_words:
                return
            if _matches_some(pattern):
                continue
            judged.add(path)
            meant = _meant(pattern, types, families)
            raises_own = node.handler not in OWN_HANDLERS or node.handler == _FAIL
            if meant is None and pattern in _FAMILIES and not raises_own:
                meant = f"{pattern}.*"
            message = f"{node.id!r} names the error type {pattern!r}, which nothing built in raises"
            if meant is not None:
                yield path, "unknown_error_type", message, f"did you mean {meant!r}?"
            elif is_of_retry and not raises_own and not path.startswith("defaults"):
                message = (
                    f"{node.id!r} names the error type {pattern!r}, which no error of {node.handler} has"
                )
                hint = "types are such as Http.5xx, Timeout.* and HandlerError; '*' stands for any text"
                yield path, "unknown_error_type", message, hint


def _patterns(linter: Linter, node: Node) -> Iterator[tuple[str, str, bool]]:
    """Give each pattern of a node with its path, and whether it is one of its retry policy."""
    for index, rule in enumerate(node.catch):
        for place, pattern in enumerate(rule.errors):
            yield linter.at(node, f"catch[{index}].errors[{place}]"), pattern, False
    path = linter.where_set(node, "retry")
    if node.retry is None or path is None:
        return
    rules = path if not node.retry.rules or linter.is_list(path) else f"{path}.rules"
    lists = {f"{rules}[{index}].errors": rule.errors for index, rule in enumerate(node.retry.rules)}
    lists |= {f"{path}.retry_on": node.retry.retry_on, f"{path}.non_retryable": node.retry.non_retryable}
    for holder, patterns in lists.items():
        yield from ((f"{holder}[{place}]", pattern, True) for place, pattern in enumerate(patterns))


def _matches_some(pattern: str) -> bool:
    return "*" in pattern and any(matches(type, (pattern,)) for type in BUILT_IN_TYPES)


def _meant(pattern: str, types: Nearest, families: Nearest) -> str | None:
    """Say how a pattern that matches nothing was probably meant to be written."""
    if "*" not in pattern:
        close = None if "." in pattern else families.of(pattern)
        return f"{close}.*" if close is not None else types.of(pattern)
    family, dot, rest = pattern.partition(".")
    if dot and "*" not in family and (meant := families.of(family)) is not None:
        return f"{meant}.{rest}" if _matches_some(f"{meant}.{rest}") else f"{meant}.*"
    lower = pattern.lower()
    return next((type for type in sorted(BUILT_IN_TYPES) if fnmatchcase(type.lower(), lower)), None)
