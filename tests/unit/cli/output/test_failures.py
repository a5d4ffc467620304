"""What a failed node leaves to be read: whether it mattered, and what failed below it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cli.commands.failures import innermost_words
from cli.output.failures import is_handled
from cli.output.report import report
from tests.unit.cli.output.making import node, view

HTTP = {"type": "Http.4xx", "message": "answered 404"}
CHILD = {
    "type": "ChildFailed",
    "message": "child execution c1 ended FAILED",
    "details": {"execution_id": "c1", "failed": [{"node_id": "call", "error": HTTP}]},
}
ITEMS = {
    "type": "ItemsFailed",
    "message": "2 of 5 items failed",
    "details": {"failed": 2, "first": [{"index": 2, "error": CHILD}]},
}


def test_a_failure_that_something_took_over_is_told_from_one_that_counts() -> None:
    caught, counts = node("risky", status="FAILED", error=HTTP), node("call", status="FAILED", error=HTTP)
    causes = ({"node_id": "call", "error": HTTP},)
    ended = replace(
        view(caught, counts, status="FAILED"), root_causes=causes, document={"root_causes": [*causes]}
    )

    lines = list(report(ended))

    assert lines[1:3] == [
        "  ✗ risky (did not fail the execution): Http.4xx: answered 404",
        "  ✗ call: Http.4xx: answered 404",
    ]


@pytest.mark.parametrize(
    ("status", "document"), [("RUNNING", {"root_causes": []}), ("FAILED", {})], ids=["goes on", "not said"]
)
def test_what_is_not_known_to_be_handled_is_not_called_so(status: str, document: dict[str, Any]) -> None:
    failed = node("A", status="FAILED", error=HTTP)

    assert not is_handled(replace(view(failed, status=status), document=document), failed)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (HTTP, "A: Http.4xx: answered 404"),
        (CHILD, "A > call: Http.4xx: answered 404"),
        (ITEMS, "A[2] > call: Http.4xx: answered 404"),
        ({"type": "Mine", "message": "no", "details": {"failed": 1, "first": "?"}}, "A: Mine: no"),
    ],
)
def test_a_row_of_a_list_names_the_innermost_failure(error: dict[str, Any], words: str) -> None:
    assert innermost_words("A", error) == words
