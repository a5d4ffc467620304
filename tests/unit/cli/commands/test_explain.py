"""`./headrace explain`: what is waited for, and what an execution has failed of."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from cli.output.next_steps import commands
from tests.unit.cli.commands.invoking import answer_with, run


def explained(node_id: str | None, waiting_for: str, status: str = "FAILED") -> dict[str, Any]:
    return {"node_id": node_id, "status": status, "waiting_for": waiting_for, "wakes": "a retry"}


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    """An execution that has failed of a node, and has a message to deliver about it."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        match request.url.path.removeprefix("/v1/executions/order-1"):
            case "":
                row = {"execution_id": "order-1", "name": "order", "status": "FAILED", "nodes": []}
                return httpx2.Response(200, json={**row, "root_causes": [{"node_id": "b", "error": {}}]})
            case "/explain":
                items = [explained(None, "nothing"), explained(None, "attempt 2 of 10 to deliver")]
                return httpx2.Response(200, json={"items": items})
            case path:
                return httpx2.Response(200, json=explained(path.split("/")[2], "it failed in try 3 of 3"))

    answer_with(monkeypatch, answer)


def test_a_failed_execution_is_explained_by_the_nodes_that_it_failed_of() -> None:
    code, lines = run("explain", "order-1")

    assert code == 0
    assert lines[0] == "execution  FAILED"
    assert lines[-4:] == [
        "b  FAILED",
        "  waits for  it failed in try 3 of 3",
        "  woken by   a retry",
        "  next       ./headrace logs order-1 --node b",
    ]


def test_one_node_may_be_asked_for() -> None:
    assert run("explain", "order-1", "fetch[3]") == (
        0,
        [
            "fetch[3]  FAILED",
            "  waits for  it failed in try 3 of 3",
            "  woken by   a retry",
            "  next       ./headrace logs order-1 --node 'fetch[3]'",
        ],
    )


@pytest.mark.parametrize(
    ("node_id", "details", "following"),
    [
        ("m", {"failed_items": [2, 4], "actions": ["retry"]},
         ["./headrace explain e1 'm[2]'", "./headrace items e1 m --status FAILED"]),
        ("m", {"waiting_on": "map"}, ["./headrace items e1 m"]),
        ("m[2]", {"child": "c1"}, ["./headrace explain c1"]),
        (None, {"actions": ["retry"]}, ["./headrace retry e1 --preview"]),
        ("m[2]", {"last_heard_ms": 9}, ["./headrace doctor"]),
        (None, {"actions": ["resume"]}, ["./headrace resume e1"]),
        (None, {}, []),
    ],
)  # fmt: skip
def test_what_an_explanation_names_is_followed_by_its_command(
    node_id: str | None, details: dict[str, Any], following: list[str]
) -> None:
    status = "QUEUED" if "last_heard_ms" in details else "FAILED"
    found = {**explained(node_id, "it failed", status), "details": details}

    assert list(commands("e1", found)) == following


def test_a_wait_is_followed_by_the_command_that_ends_it() -> None:
    signal = {**explained("s", "a signal", "WAITING"), "details": {"actions": ["signal"], "signal": "go on"}}
    approval = {**explained("a", "approval by anyone", "WAITING"), "details": {"actions": ["decide"]}}

    assert list(commands("e1", signal)) == ["./headrace signal e1 'go on'"]
    assert list(commands("e1", approval)) == ["./headrace approve e1 a --by YOU   (or deny)"]
