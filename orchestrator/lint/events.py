"""Warns of typed events that the interface does not declare, and of an end that nothing checks."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.definition import Definition, Node
from orchestrator.definitions.interface import EMIT
from orchestrator.documents.problems import Findings, joined
from orchestrator.templates.references import is_template


def undeclared_events(
    definition: Definition, findings: Findings
) -> Iterator[tuple[Node, str, str, str, str | None]]:
    """Give for each such node: the node, the path in it, code, message and hint.

    An interface without events leaves them all open.
    """
    declared = definition.interface.events if definition.interface else {}
    for node in definition.nodes if declared else ():
        type = node.config.get("type") if node.handler == EMIT else None
        if isinstance(type, str) and not is_template(type) and type not in declared:
            message = f"{node.id!r} emits {type!r}, which the interface does not declare: nothing checks it"
            hint = findings.did_you_mean(type, declared) or f"interface.events: {joined(declared)}"
            yield node, "config.type", "undeclared_event", message, hint


def unchecked_stop(definition: Definition) -> Iterator[tuple[str, str, str, str]]:
    """Give the path, code, message and hint of a schema for an output that there is not."""
    if definition.interface and definition.interface.checks_output and definition.output_node is None:
        message = "the schema of 'interface.stop' checks nothing: the workflow has no 'output'"
        yield "interface.stop", "stop_never_checked", message, "give the workflow an 'output'"
