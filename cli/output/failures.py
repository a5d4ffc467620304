"""What a failed node leaves to be read beside its message, and whether it mattered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cli.output.progress import error_text, shorten
from cli.output.text import excerpt, printable
from headrace.values import Execution, Node

#: Root causes that an answer of the server lists at most.
MOST_CAUSES = 50
#: Characters of the error of an item, or of a node of a child.
MOST_OF_BELOW = 300


def is_handled(view: Execution, node: Node) -> bool:
    """Whether a node failed without failing its execution: something took over, or it need not complete."""
    causes = view.root_causes
    is_told = view.status in ("COMPLETED", "FAILED") and "root_causes" in view.document
    if node.status != "FAILED" or not is_told or len(causes) >= MOST_CAUSES:
        return False
    return all(cause.get("node_id") != node.node_id for cause in causes)


def error_lines(error: object) -> Iterator[str]:
    """What an error has beside type and message: details, traceback, last lines of its process."""
    details = error.get("details") if isinstance(error, Mapping) else None
    if not isinstance(details, Mapping):
        return
    yield from details_lines(details)
    for line in str(details.get("traceback") or "").splitlines():
        yield printable(line)
    last_lines = details.get("last_lines")
    for line in last_lines if isinstance(last_lines, list) else ():
        yield printable(f"| {line}")


def details_lines(details: Mapping[str, Any]) -> Iterator[str]:
    """The details of an error on one line, before it a line for each item or node below that failed."""
    below, own = _failed_below(details)
    yield from (printable(excerpt(line, MOST_OF_BELOW)) for line in below)
    if own:
        yield printable(f"details {shorten(own)}")


def _failed_below(details: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Give in words what failed below a node beside what its message says, and what else its error holds."""
    own = {
        name: value
        for name, value in details.items()
        if name not in ("traceback", "last_lines") and value is not None
    }
    items, nodes = failed_items(own), failed_nodes(own)
    if items:
        lines = [f"item {index}: {error_text(error)}" for index, error in items]
        more = own["failed"] - len(items)
        return (lines if own["failed"] > 1 else []) + [f"… and {more:,} more"] * (more > 0), {}
    if nodes:
        return [f"{node_id} failed too: {error_text(error)}" for node_id, error in nodes[1:]], {}
    return [], own


def failed_items(details: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """The first failed items of a map, each with its error; none for any other error."""
    return _errors_in(details.get("first"), "index") if isinstance(details.get("failed"), int) else []


def failed_nodes(details: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """The first failed nodes of a child execution, each with its error; none for any other error."""
    return _errors_in(details.get("failed"), "node_id") if "execution_id" in details else []


def _errors_in(found: object, named: str) -> list[tuple[Any, Any]]:
    # A handler may put anything into the details of its errors.
    if not isinstance(found, list) or not all(isinstance(each, Mapping) and named in each for each in found):
        return []
    return [(each[named], each.get("error")) for each in found]
