"""What is printed of an execution at its end: how it ended, what failed, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from cli.output.failures import details_lines, is_handled
from cli.output.progress import error_text, shorten
from cli.output.text import printable, span_words
from headrace.values import Execution, Node

#: Failures, and outputs, that are listed.
MOST_REPORTED = 20


def report(view: Execution, *, paused_s: float = 0.0) -> Iterator[str]:
    """The summary at the end: result, failures, and the outputs of nodes without successors.

    paused_s  how long it had ended before it was retried; told apart from the time it took.
    """
    why, took_s = view.reason or view.cancelling, view.took_s()
    took = "" if took_s is None else f" in {span_words(took_s - paused_s)}"
    if took and paused_s:
        took += f", without the {span_words(paused_s)} between its end and its retry"
    yield f"{printable(view.name)} {view.execution_id}: {view.status}{took}" + (f" ({why})" if why else "")
    failed = (node for node in view.nodes if node.status == "FAILED")
    yield from _first_of(("\n".join(_failure_lines(view, node)) for node in failed), view.execution_id)
    if own := error_text(view.document.get("error")):
        yield printable(f"  ✗ {own}")
    if view.output_error is not None:
        yield f"  ✗ output: {error_text(view.output_error)}"
    if view.output is not None:
        # The output of the workflow; those of single nodes are beside the point.
        yield f"  = {shorten(view.output)}"
        return
    consumed = {dependency for node in view.nodes for dependency in node.dependencies}
    ends = (node for node in view.nodes if node.status == "COMPLETED" and node.node_id not in consumed)
    yield from _first_of((f"  ✓ {node.node_id}: {shorten(node.output)}" for node in ends), view.execution_id)
    if view.status == "FAILED":
        yield f"  next: ./headrace explain {view.execution_id}"


def _failure_lines(view: Execution, node: Node) -> Iterator[str]:
    handled = " (did not fail the execution)" if is_handled(view, node) else ""
    yield printable(f"  ✗ {node.node_id}{handled}{_failure(node)}", keeps_lines=True)
    details = node.error.get("details") if node.error else None
    if isinstance(details, Mapping):
        yield from (f"      {line}" for line in details_lines(details))


def _failure(node: Node) -> str:
    tries = f" after {node.try_number} tries" if node.try_number > 1 else ""
    return f"{tries}: {error_text(node.error) or node.reason or 'failed'}"


def _first_of(lines: Iterator[str], execution_id: str) -> Iterator[str]:
    """So many lines as can be read, and how many there are beside them."""
    yield from islice(lines, MOST_REPORTED)
    if left := sum(1 for _ in lines):
        yield f"  … and {left:,} more; all: ./headrace show {execution_id}"
