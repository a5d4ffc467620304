"""Blocks of YAML and JSON on the pages: what they are, and whether the engine takes them."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from docs.generate import ROOT
from orchestrator.definitions import compiler, node_compiler
from orchestrator.definitions.compiler import compile_definition
from tests.docs.blocks import Block
from workers.handlers import Catalogue
from workers.simulator.stubs import Stubs

NOOP = {"id": "only", "handler": "noop"}
STUB_FIELDS = {"nodes", "handlers", "default", "signals"}


class ComposeLoader(yaml.SafeLoader):
    """Reads the tags by which one compose file replaces parts of another as what stands behind them."""


ComposeLoader.add_multi_constructor("!", lambda loader, _, node: loader.construct_sequence(node))


def check(block: Block) -> None:
    """Read a block, and compile it if it is a workflow, a list of nodes, or some fields of either.

    JSON may also be anything that a server takes or answers. Raises what reading and compiling raise.
    """
    document = _json(block.text) if block.language == "json" else yaml.load(block.text, ComposeLoader)
    if isinstance(document, list) and all(isinstance(node, dict) and "handler" in node for node in document):
        document = {"name": "part", "nodes": document}
    fields = set(document) if isinstance(document, dict) else set()
    if "nodes" in fields and isinstance(document["nodes"], list):
        compile_definition(_completed(document), handlers=Catalogue())
    elif fields and fields <= set(compiler._TOP_FIELDS) - {"nodes"}:
        compile_definition({"name": "part", "nodes": [NOOP]} | document, handlers=Catalogue())
    elif fields and fields <= set(node_compiler._FIELDS):
        compile_definition(_completed({"name": "part", "nodes": [NOOP | document]}), handlers=Catalogue())
    elif fields and fields <= STUB_FIELDS:
        Stubs.from_dict(document)
    elif "services" in fields:
        ours = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
        assert set(document["services"]) <= set(ours["services"]), f"{block}: services that are not in ours"
    elif block.language == "yaml":
        # A file of another system's contract is checked by the commands that send it.
        assert block.file_name is not None, f"{block}: neither a workflow nor a part of one"


def _json(text: str) -> Any:
    """JSON of a page, where `…` stands for what is left out, and a field may stand without its object."""
    text = re.sub(r",\s*…", "", text)
    return json.loads(f"{{{text}}}" if text.startswith('"') else text)


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    """With the nodes that a part of a workflow refers to."""
    nodes = document["nodes"]
    there = {node["id"] for node in nodes}
    needed = {other for node in nodes for other in node.get("dependencies", ())} - there
    added = [{"id": each, "handler": "noop"} for each in sorted(needed)]
    for node in nodes:
        for name in {rule["goto"] for rule in node.get("catch", ())} - there:
            added.append({"id": name, "handler": "noop", "dependencies": [node["id"]]})
    return document | {"nodes": [*nodes, *added]}
