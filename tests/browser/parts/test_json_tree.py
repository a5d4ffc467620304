"""JSON to look at: what is folded, found and referred to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.modules import Module

_SHOW = """async (module, value, how) => {
    const { root } = await import("/ui/static/core/view.js");
    const holder = document.createElement("main");
    document.body.replaceChildren(holder);
    root(holder, () => module.jsonTree(() => value, how));
}"""


@pytest.fixture
def tree(module: Callable[[str], Module]) -> Module:
    return module("parts/json_tree.js")


@pytest.fixture
def shown(tree: Module) -> Callable[..., Page]:
    def show(value: Any, **how: Any) -> Page:
        tree.run(_SHOW, value, {"label": "the value", **how})
        return tree.page

    return show


def test_a_reference_is_written_as_templates_read_it(tree: Module) -> None:
    assert tree.each(
        "outputReference", ("fetch",), ("a-b",), ("inputs",), ("not",), ('say "hi"',), ("é",), ("fetch", 3)
    ) == [
        "fetch",
        'steps["a-b"].output',
        'steps["inputs"].output',
        'steps["not"].output',
        r'steps["say \"hi\""].output',
        'steps["é"].output',
        "fetch[3]",
    ]
    assert tree.each(
        "templateOf", ("fetch", []), ("fetch", ["rows", 0, "id"]), ('steps["a-b"].output', ["x y", "é"])
    ) == ["{{ fetch }}", "{{ fetch.rows[0].id }}", '{{ steps["a-b"].output["x y"]["é"] }}']


def test_a_search_finds_keys_and_texts_whatever_their_case(tree: Module) -> None:
    value = {"Name": "ann", "rows": [{"id": 7}, {"id": 70, "note": "ANN"}], "gone": None}

    assert tree.each(
        "findIn", (value, "ann"), (value, "name"), (value, "7"), (value, "null"), (value, "x")
    ) == [
        [["Name"], ["rows", 1, "note"]],
        [["Name"]],
        [["rows", 0, "id"], ["rows", 1, "id"]],
        [["gone"]],
        [],
    ]
    assert len(tree.call("findIn", ["a"] * 500, "a", 20)) == 20


def test_of_a_long_list_a_hundred_entries_are_in_the_page(shown: Callable[..., Page]) -> None:
    page = shown(list(range(10_000)), reference="numbers")
    entries = page.locator(".json-tree ul > li")
    expect(entries).to_have_count(100)

    page.get_by_role("button", name="100 more of 10\u202f000").click()

    expect(entries).to_have_count(200)


def test_what_a_search_finds_is_shown_where_it_stands(shown: Callable[..., Page]) -> None:
    page = shown({"rows": [{"id": number} for number in range(3_000)]}, reference="fetch")
    page.get_by_role("searchbox", name="Search the value").fill("2717")

    page.get_by_role("button", name=".rows[2717].id", exact=True).click()

    expect(page.get_by_role("button", name="Copy reference {{ fetch.rows[2717].id }}")).to_be_attached()
    assert page.locator(".json-tree li").count() < 200


def test_a_long_text_is_cut_until_it_is_wanted(shown: Callable[..., Page]) -> None:
    page = shown({"text": "x" * 5_000})
    text = page.locator(".json-string")
    assert len(text.inner_text()) < 400

    page.get_by_role("button", name="more, 5\u202f000 characters").click()

    expect(text).to_have_text("x" * 5_000)


def test_a_value_is_saved_whole(shown: Callable[..., Page]) -> None:
    page = shown(list(range(300)), name="fetch[3]/../output")

    with page.expect_download() as saved:
        page.get_by_role("button", name="Download the value").click()

    assert saved.value.suggested_filename == "fetch[3]_.._output.json"
    assert saved.value.path().read_text().count("\n") == 301
