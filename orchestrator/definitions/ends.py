"""The handlers many definitions begin and end with, and what they read without naming it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.definitions.definition import ItemMap
from orchestrator.templates.references import References

#: Its output: the execution's inputs, over its own config as defaults.
INPUT = "input"
#: Its output: its config or, without one, the outputs of its dependencies.
OUTPUT = "output"
#: Handlers of the engine, by all their names: of the inputs they read what their templates name. Code of the
#: user's may read any of them, by `context.inputs`.
OWN_HANDLERS = frozenset(
    {
        INPUT, OUTPUT, "$output", "approval", "call_external_service", "condition", "container", "delay",
        "emit", "fail", "http", "llm", "noop", "notify", "sub_workflow", "switch", "transform", "unreliable",
        "unreliable_handler", "wait_for_signal",
    }
)  # fmt: skip


def reads_outputs(handler: str, config: Mapping[str, Any]) -> bool:
    """Whether a node gives the outputs of its dependencies, which no template of it names."""
    return handler == OUTPUT and not config


def reads_inputs(handler: str) -> bool:
    """Whether a node may read any of the inputs, which no template of it names."""
    return handler == INPUT or handler not in OWN_HANDLERS


def with_implied(
    found: References,
    item_map: ItemMap | None,
    handler: str,
    config: Mapping[str, Any],
    dependencies: Sequence[str],
) -> tuple[References, ItemMap | None]:
    """Add what a node, or each item of its map, reads by its handler to what its templates refer to."""
    uses_inputs = reads_inputs(handler)
    needed = frozenset(dependencies if reads_outputs(handler, config) else ())
    if not uses_inputs and not needed:
        return found, item_map
    if item_map is None:
        nodes = {**dict.fromkeys(needed, "dependencies"), **found.nodes}
        return replace(found, nodes=nodes, uses_inputs=uses_inputs or found.uses_inputs), None
    return replace(found, uses_inputs=uses_inputs or found.uses_inputs), replace(
        item_map,
        config_references=item_map.config_references | needed,
        config_uses_inputs=uses_inputs or item_map.config_uses_inputs,
    )
