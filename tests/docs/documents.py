"""Blocks of YAML and JSON on the pages: what they are, and whether the engine takes them."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from orchestrator.definitions import compiler, node_compiler
from orchestrator.definitions.compiler import compile_definition
from tests.docs.blocks import Block
from workers.handlers import Catalogue

NOOP = {"id": "only", "handler": "noop"}


def check(block: Block) -> None:
    """Compile a block if it is a workflow, nodes or a part of either; else it must be a document at all.

    A compose file must have services, each with an image or a build, or one of the same name in the
    project's own file.
    """
    if block.language == "json":
        document = _json(block.text)
    else:
        document = yaml.safe_load(block.text)
    if isinstance(document, list) and all(isinstance(node, dict) and "handler" in node for node in document):
        document = {"name": "part", "nodes": document}
    if not isinstance(document, dict):
        return
    if set(document) <= set(compiler._TOP_FIELDS) and "nodes" not in document:
        document = {"name": "part", "nodes": [NOOP]} | document
    elif set(document) <= set(node_compiler._FIELDS):
        document = {"name": "part", "nodes": [NOOP | document]}
    if "nodes" in document and all(isinstance(node, dict) for node in document["nodes"]):
        compile_definition(_completed(document), handlers=Catalogue())


def _json(text: str) -> Any:
    """JSON of a page, where `…` stands for what is left out, and a field may stand without its object."""
    text = re.sub(r",\s*…", "", text).replace("…", "0") if not text.startswith('"') else f"{{{text}}}"
    return json.loads(text)


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    """With the nodes that a part of a workflow refers to."""
    nodes = document["nodes"]
    there = {node["id"] for node in nodes}
    needed = {other for node in nodes for other in node.get("dependencies", ())}
    needed |= {rule["goto"] for node in nodes for rule in node.get("catch", ())}
    added = [{"id": each, "handler": "noop"} for each in sorted(needed - there)]
    for node in added:
        if any(rule["goto"] == node["id"] for other in nodes for rule in other.get("catch", ())):
            node["dependencies"] = [other["id"] for other in nodes if "catch" in other]
    return document | {"nodes": [*nodes, *added]}
