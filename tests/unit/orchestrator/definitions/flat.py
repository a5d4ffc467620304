"""Makers of small documents in the flat form, so that paths of problems are short."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import Definition, PlainHandlers
from orchestrator.documents.limits import Limits
from orchestrator.errors import DefinitionInvalid, Problem

HANDLERS = PlainHandlers(frozenset({"noop", "http", "condition", "switch"}))


def node(node_id: str, after: list[str] | None = None, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "handler": "noop", "dependencies": after or [], **more}


def workflow(*nodes: Any, **more: Any) -> dict[str, Any]:
    return {"name": "test", "nodes": list(nodes), **more}


def build(*nodes: Any, limits: Limits | None = None, **more: Any) -> Definition:
    return compile_definition(workflow(*nodes, **more), handlers=HANDLERS, limits=limits)


def problems(document: Any, limits: Limits | None = None) -> list[Problem]:
    with pytest.raises(DefinitionInvalid) as caught:
        compile_definition(document, handlers=HANDLERS, limits=limits)
    return caught.value.problems


def condition(node_id: str, after: list[str] | None = None, **config: Any) -> dict[str, Any]:
    return {**node(node_id, after, config={"expression": "true", **config}), "handler": "condition"}


def switch(node_id: str, after: list[str] | None = None, **config: Any) -> dict[str, Any]:
    return {**node(node_id, after, config={"value": "a", **config}), "handler": "switch"}
