"""Definitions are judged without Redis and without live workers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config import ROOT
from orchestrator.documents.limits import Limits
from validation import judge
from workers.handlers import Catalogue
from workers.hosts.launch import HostSettings
from workers.hosts.loading import load_cards


def node(handler: str, **more: Any) -> dict[str, Any]:
    return {"id": f"N{handler}", "handler": handler, **more}


def judged(*nodes: dict[str, Any]) -> dict[str, Any]:
    return judge({"name": "x", "nodes": list(nodes)}, Limits())


def test_a_good_definition_is_summed_up() -> None:
    found = judged(node("noop"))

    assert (found["valid"], found["errors"], found["warnings"]) == (True, [], [])
    assert found["summary"]["nodes"] == 1


def test_a_handler_that_only_a_worker_can_have_is_a_warning() -> None:
    found = judged(node("audit_trip"), node("noop"))

    assert found["valid"]
    assert [(each["path"], each["code"]) for each in found["warnings"]] == [
        ("nodes[0].handler", "unknown_handler")
    ]


@pytest.mark.parametrize("beside", [[], ["audit_trip"]])
def test_a_slip_in_a_handlers_name_is_an_error(beside: list[str]) -> None:
    found = judged(node("htpp"), *map(node, beside))

    assert not found["valid"]
    assert "did you mean 'http'?" in found["errors"][0]["message"]


def test_a_handler_in_the_child_of_a_node_is_found_too() -> None:
    child = {"name": "kid", "nodes": [node("audit_trip")]}

    found = judged(node("sub_workflow", config={"workflow": child}))

    assert found["valid"]
    assert found["warnings"][0]["path"] == "nodes[0].config.workflow.nodes[0].handler"


def test_what_is_found_in_yaml_has_its_line() -> None:
    found = judge("name: x\nnodes:\n  - {id: A, handler: audit_trip}\n", Limits())

    assert (found["warnings"][0]["line"], found["warnings"][0]["column"]) == (3, 22)


@pytest.mark.parametrize("sent", [5, None, [], "nodes: ["])
def test_what_is_no_definition_is_an_error(sent: Any) -> None:
    assert not judge(sent, Limits())["valid"]


def test_a_document_with_steps_is_judged_as_the_api_reads_it() -> None:
    document = (ROOT / "workflows" / "support_triage.yaml").read_text()

    found = judge(document, Limits())

    assert (found["valid"], found["errors"]) == (True, [])
    assert next(each["id"] for each in found["document"]["nodes"]) == "classify"
    assert not judge(document.replace("type: llm", "type: lmm"), Limits())["valid"]


def test_handlers_of_your_own_are_known_by_what_they_declare(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from headrace import handler\nfrom pydantic import BaseModel\n"
        "class Post(BaseModel):\n    text: str\n"
        "@handler('post_it', config=Post)\ndef post(config, context): ...\n"
    )
    own = asyncio.run(load_cards(HostSettings(modules=("mine",), folders=(str(tmp_path),))))

    found = judge({"name": "x", "nodes": [node("post_it", config={"txt": "hi"})]}, Limits(), Catalogue(*own))

    assert [each["message"] for each in found["errors"]] == [
        "node 'Npost_it': handler 'post_it' needs the config field 'text'"
    ]


def test_what_starts_and_is_started_is_compared_as_far_as_it_is_known() -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    child = {"name": "Kid", "inputs": schema, "nodes": [node("noop")]}
    start = node("sub_workflow", config={"workflow": "kid", "inputs": {"n": "x"}})
    parent = {"name": "Parent", "nodes": [start]}

    alone, together = judge(parent, Limits()), judge(parent, Limits(), beside=[child])
    scheduled = judge(child | {"triggers": {"schedules": [{"cron": "@daily"}]}}, Limits())

    assert alone["warnings"] == []
    assert [each["path"] for each in together["warnings"]] == ["nodes[0].config.inputs.n"]
    assert [each["path"] for each in scheduled["errors"]] == ["triggers.schedules[0].inputs"]
