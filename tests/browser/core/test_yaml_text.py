"""Documents as YAML: what the server reads of the text is the document that it was made from."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.documents.limits import Limits
from orchestrator.documents.yaml import load_yaml
from tests.browser.hostile import TEXTS, nested
from tests.browser.modules import Module
from tests.dags import node, workflow

#: Texts that one reader of YAML or another takes for something else, or that a plain or a block style loses.
TRAPS = [
    *(
        "",
        " ",
        "~",
        "null",
        "True",
        "no",
        "on",
        "y",
        "0",
        "-1",
        "1e3",
        ".5",
        "0x1F",
        "0o7",
        "1_000",
        ".nan",
        "-.inf",
    ),
    *(
        "2026-11-29",
        "12:30",
        "=",
        "<<",
        "- a",
        "-",
        "? a",
        ": a",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "*a",
        "&a",
        "!a",
        "%a",
    ),
    *(
        "@a",
        "`a`",
        "|",
        ">",
        "'a'",
        '"a"',
        "a'b",
        'a"b',
        "{a}",
        "[a]",
        "{{ a }}",
        "a, b",
        "---",
        "...",
        "a ",
        " a",
    ),
    *(
        "a\nb",
        "a\n",
        "a\n\n",
        "\na",
        " a\nb",
        "a \nb",
        "a\tb",
        "\ta\nb",
        "a\n\tb",
        "a\n b",
        "a\r\nb",
        "a\rb",
        "# a\nb",
    ),
    *(
        "a\n---\nb",
        "a\n...\n",
        "a\n\n\nb\n",
        "a\x85b",
        "a\u2028b\nc",
        "\ufeffa",
        "a\x00b",
        "a\x7fb\nc",
        "👍🏽\nb",
        "ü: 1",
    ),
    *("it's fine", "Checks an order, charges for it; done!", "inputs.amount > 100", "a = b <c>", "x" * 5_000),
]


@pytest.fixture
def written(pure: Callable[[str], Module]) -> Module:
    return pure("core/yaml_text.js")


def same(written: Module, document: Any) -> None:
    """The server reads the text of a document as the document."""
    text, meant = written.run(
        "(module, json) => [module.toYaml(JSON.parse(json)), JSON.stringify(JSON.parse(json))]",
        json.dumps(document),
    )
    found, _ = load_yaml(text, limits=Limits(max_depth=200))
    assert json.dumps(found) == json.dumps(json.loads(meant)), text


def test_a_text_stays_what_it_is_wherever_it_stands(written: Module) -> None:
    for trap in TRAPS:
        same(written, {"a": trap, "list": [trap, [trap, {"in": trap}]], trap: {trap: [trap]}, "last": trap})


def test_texts_of_strangers_stay_what_they_are(written: Module) -> None:
    same(written, list(TEXTS.values()))
    same(written, nested())


def test_every_shape_of_document_comes_back(written: Module) -> None:
    config = {"text": "one\n  two\n\nthree\n"}
    documents: list[Any] = [
        {
            "name": "n",
            "nodes": [{"id": "a", "config": {}, "list": [], "deep": [[], [[]], [{}], [[1, [2]]], {}]}],
        },
        {"numbers": [0, -1, 1.5, 1e-300, 1e21, -2.5e-7, 123456789012], "words": [True, False, None]},
        *([], {}, [[[["a"]]]], "a", "a\nb", 5, None),
        workflow(node("A"), node("B", after=["A"], config=config), name="Order: 5 #1"),
    ]
    for document in documents:
        same(written, document)


def test_it_reads_like_what_people_write(written: Module) -> None:
    document = {
        "name": "Order pipeline",
        "nodes": [{"id": "a", "config": {"prompt": "Dear all,\nhello", "count": 2}}],
    }

    text = written.call("toYaml", document)

    assert text.splitlines() == [
        "name: Order pipeline",
        "nodes:",
        "  - id: a",
        "    config:",
        "      prompt: |-",
        "        Dear all,",
        "        hello",
        "      count: 2",
    ]
