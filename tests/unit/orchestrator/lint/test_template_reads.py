"""What templates read, and what of it must be there."""

from __future__ import annotations

import pytest

from orchestrator.definitions.definition import ItemMap, Node
from orchestrator.lint.template_reads import uses_in, uses_of


@pytest.mark.parametrize(
    ("text", "root", "key", "is_needed"),
    [
        ("{{ A.text }}", "A", "text", True),
        ("{{ A['text'] | upper }}", "A", "text", True),
        ("{{ A.text | default('none') }}", "A", "text", False),
        ("{{ A.text is defined }}", "A", "text", False),
        ("{{ 'x' if true else A.text }}", "A", "text", False),
        ("{{ A[inputs.key] }}", "A", None, True),
    ],
)
def test_a_use_names_what_it_reads_and_whether_it_is_needed(
    text: str, root: str, key: str | None, is_needed: bool
) -> None:
    found = {use.root: use for use in uses_in(text, "config.text")}[root]

    assert (found.key, found.path, found.is_needed) == (key, "config.text", is_needed)


def test_a_status_is_always_there() -> None:
    (use,) = uses_in("{{ steps['A'].status }}", "config.text")

    assert (use.root, use.is_status) == ("A", True)


def test_names_of_an_item_are_no_uses_and_the_list_of_items_is() -> None:
    config = {"url": "{{ item.url }}", "to": "{{ B.name }}"}
    mapped = Node("M", "noop", config=config, map=ItemMap("{{ A.rows }}"))

    assert [(use.root, use.path) for use in uses_of(mapped)] == [("A", "map.items"), ("B", "config.to")]


def test_what_a_key_reads_is_read() -> None:
    found = list(uses_of(Node("B", "noop", config={"rows": [{"{{ A.name }}": 1}]})))

    assert [(use.root, use.key, use.path) for use in found] == [("A", "name", "config.rows[0].{{ A.name }}")]
