"""Hold the bounds a definition must keep, in one value that settings may change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what is submitted; each is named in the error that it causes."""

    max_nodes: int = 10_000
    max_edges: int = 50_000
    #: Levels of nested objects and lists in a document.
    max_depth: int = 64
    #: One node's config as compact JSON.
    max_config_bytes: int = 64 * 1024
    #: The whole definition as submitted.
    max_definition_bytes: int = 8 * 1024 * 1024
    #: Any other request body.
    max_body_bytes: int = 1024 * 1024
    max_yaml_bytes: int = 1024 * 1024
    #: Scalars, lists and mappings together in one YAML document.
    max_yaml_values: int = 200_000
    #: Levels of child executions below one that has no parent.
    max_sub_workflow_depth: int = 3
    #: Problems listed in one answer; the rest are only counted.
    max_problems: int = 100
