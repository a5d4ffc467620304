"""A handler nobody knows here is foreign, unless its name is nearly that of a known one."""

from __future__ import annotations

from typing import Any

from orchestrator.definitions.foreign_handlers import foreign_handlers
from orchestrator.errors import Problem

KNOWN = {"http", "noop", "sub_workflow"}


def node(handler: str, **config: Any) -> dict[str, Any]:
    return {"id": "A", "handler": handler, "config": config}


def problem(path: str, code: str = "unknown_handler") -> Problem:
    return Problem(path, code, "unknown")


def test_slips_and_other_problems_are_left_out() -> None:
    document = {"name": 5, "nodes": [node("audit"), node("htpp"), node("audit")]}
    found = [problem("name", "wrong_type"), *(problem(f"nodes[{n}].handler") for n in range(3))]

    foreign = foreign_handlers(document, found, KNOWN)

    assert {name: each.path for name, each in foreign.items()} == {"audit": "nodes[0].handler"}


def test_one_in_a_child_is_found_by_its_path() -> None:
    document = {"nodes": [node("sub_workflow", workflow={"nodes": [node("audit")]})]}
    path = "nodes[0].config.workflow.nodes[0].handler"

    assert foreign_handlers(document, [problem(path)], KNOWN)["audit"].path == path
