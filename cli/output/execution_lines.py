"""Executions as text: one with its nodes, and a row of a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from cli.output.text import cells, excerpt, fitted, printable, span_words

if TYPE_CHECKING:
    from headrace.values import Execution, Node

#: What started an execution that nothing else did; not worth a line.
BY_HAND = {"source": "manual"}
#: Statuses of nodes whose time is shown.
TIMED = ("RUNNING", "WAITING", "COMPLETED", "FAILED")
#: Columns of a terminal that the name of a workflow takes in a list.
NAME_CELLS = 40
#: Of the error of a node, and of an execution in a list.
ERROR_CHARS, LISTED_CHARS = 2_000, 120


def as_text(view: Execution, starts: Mapping[str, str]) -> Iterator[str]:
    """An execution in lines: its status, its nodes in definition order, and its output.

    starts  first starts of nodes, by id, where they are others than those of the view.
    """
    from cli.output.failures import error_lines, is_handled
    from cli.output.progress import MARKS, error_text, shorten

    yield from _heading(view)
    yield f"  created {view.created_at}"
    if expires_at := view.document.get("expires_at"):
        yield f"  kept until {expires_at}"
    for label, field in (("replay of", "replay_of"), ("forked from", "forked_from")):
        if source := view.document.get(field):
            yield f"  {label} {source}"
    if view.execution_key:
        yield printable(f"  key {view.execution_key}")
    if view.workflow_id:
        yield f"  workflow {view.workflow_id} version {view.workflow_version}"
    if view.labels:
        yield printable(f"  labels {', '.join(f'{name}={value}' for name, value in view.labels.items())}")
    if parent := view.document.get("parent"):
        item = view.trigger.get("item") if isinstance(view.trigger, Mapping) else None
        unit = parent["node_id"] if item is None else f"{parent['node_id']}[{item}]"
        yield f"  child of {parent['execution_id']} {unit}"
    if view.inputs:
        yield f"  inputs {shorten(view.inputs)}"
    if view.trigger and view.trigger != BY_HAND:
        yield f"  trigger {shorten(view.trigger)}"
    width = max((len(node.node_id) for node in view.nodes), default=0)
    for node in view.nodes:
        line = f"  {MARKS.get(node.status, '?')[0]} {node.node_id:<{width}}  {node.status:<9}"
        words = [
            *["did not fail the execution"] * is_handled(view, node),
            *_words(node, starts.get(node.node_id)),
        ]
        yield printable(f"{line}  {'  '.join(words)}".rstrip())
        yield from (f"      {line}" for line in error_lines(node.error))
    if view.output_error is not None:
        yield printable(f"  ✗ output: {error_text(view.output_error)}")
    if view.output is not None:
        yield f"  = {shorten(view.output)}"
    if view.status == "FAILED":
        yield f"  next: ./headrace explain {view.execution_id}"


def _heading(view: Execution) -> Iterator[str]:
    """Name, status, and why it is as it is."""
    from cli.output.progress import error_text

    why = view.reason or view.cancelling
    yield f"{printable(view.name)} {view.execution_id}"
    yield f"  {view.status}{_whole_time(view)}" + (f" ({why})" if why else "")
    if own := error_text(view.document.get("error")):
        yield printable(f"  {excerpt(own, ERROR_CHARS)}")
    if paused := view.document.get("paused"):
        words = [f"by {paused['by']}"] if paused["by"] else []
        words += [f"since {paused['since']}", *([paused["reason"]] if paused["reason"] else [])]
        yield printable(f"  paused {', '.join(words)}")


def _words(node: Node, first_start: str | None) -> Iterator[str]:
    """What a node's status does not say: reason, tries, time, error."""
    from cli.output.progress import error_text
    from headrace.values import seconds_between

    if node.status == "WAITING":
        yield f"on {node.waiting_on}" + (f" until {node.due_at}" if node.due_at else "")
    if node.items is not None:
        failed = f", {node.items['failed']} failed" if node.items["failed"] else ""
        yield f"{node.items['completed']} of {node.items['total']} items{failed}"
    if node.reason and not node.error:
        yield node.reason
    if node.try_number > 1:
        most = max(node.max_attempts, node.try_number)
        is_last = node.error is not None and node.error.get("retryable") is False and node.status == "FAILED"
        yield f"try {node.try_number}, not retryable" if is_last else f"try {node.try_number} of {most}"
    if node.status in TIMED and node.started_at and not node.reused:
        yield _took(seconds_between(first_start or node.started_at, node.ended_at)).strip()
    if node.error is not None:
        yield excerpt(error_text(node.error), ERROR_CHARS)
    if node.reused:
        yield "reused by the fork"


def rows(found: Sequence[Execution], *, causes: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    """A row for each. causes: why they failed, by id."""
    width = min(max(cells(printable(view.name)) for view in found), NAME_CELLS)
    return (_row(view, width, causes.get(view.execution_id)) for view in found)


def _row(view: Execution, width: int, cause: str | None) -> str:
    from cli.output.progress import error_text

    why = cause or error_text(view.document.get("error")) or view.reason or view.cancelling or ""
    took = f"{_took(view.took_s())}" if view.started_at else ""
    text = (
        f"{view.execution_id}  {fitted(printable(view.name), width)}  {view.created_at}  {view.status}{took}"
    )
    labels = "".join(f"  {name}={value}" for name, value in view.labels.items())
    return text + (f" ({printable(excerpt(why, LISTED_CHARS))})" if why else "") + printable(labels)


def _whole_time(view: Execution) -> str:
    took, is_retried = _took(view.took_s()), view.document.get("generation", 1) > 1
    return f"{took}, with the time between its end and its retry" if took and is_retried else took


def _took(seconds: float | None) -> str:
    return "" if seconds is None else f"  {span_words(seconds)}"
