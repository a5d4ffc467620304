"""Texts in which somebody expects a comment to vanish."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dags import node
from tests.unit.orchestrator.lint.cases import codes, reading, warnings


def test_a_comment_is_told_with_its_node_and_its_place() -> None:
    (found,) = warnings(node("A"), reading("B", "x {# remember #} {{ inputs.a }}"))

    assert (found.path, found.code) == ("dag.nodes[1].config.text", "comment_stays")
    assert found.message == (
        "node 'B' has '{# remember #}' in a text: templates have no comments, and it stays as written"
    )


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"rows": [1, {"text": "{# no template #}"}]}, "config.rows[1].text"),
        ({"rows": [{"{#key#}": 1}]}, "config.rows[0].{#key#}"),
        ({"text": "{#- two\nlines -#}"}, "config.text"),
        ({"text": "{##}"}, "config.text"),
        ({"text": "{# {{ inputs.a }} #}"}, "config.text"),
    ],
)
def test_a_comment_is_found_wherever_a_template_may_stand(config: dict[str, Any], path: str) -> None:
    assert codes(node("A") | {"config": config}) == [(f"[0].{path}", "comment_stays")]


@pytest.mark.parametrize("text", ["n=${#list}", "h1{#id} {{ inputs.a }}", "#} {#", "{#}", "{ # x # }"])
def test_a_mark_that_nothing_closes_is_no_comment(text: str) -> None:
    assert codes(reading("A", text)) == []


def test_lists_of_items_outputs_and_children_are_looked_at() -> None:
    mapped = node("A", map={"items": ["{# a #}"]})
    child = {"name": "{# free #}", "nodes": [{"id": "X", "handler": "noop", "config": {"x": "{# b #}"}}]}
    nested = node("B", handler="sub_workflow") | {"config": {"workflow": child}}

    assert codes(mapped, nested, output={"total": "{# c #}"}) == [
        ("[0].map.items[0]", "comment_stays"),
        ("[1].config.workflow.nodes[0].config.x", "comment_stays"),
        ("output.total", "comment_stays"),
    ]


def test_a_long_comment_is_cut() -> None:
    (found,) = warnings(reading("A", "{# " + "x" * 5_000 + " #}"))

    assert "xxx… #}' in a text" in found.message
    assert len(found.message) < 200
