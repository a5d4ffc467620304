"""A long table: few rows in the page, the right ones, and the keys go by what is seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.modules import Module

#: A table of 10,000 rows in the page, and what it shows.
PREPARED = """
    const { html, root, signal, flush } = await import("/ui/static/core/view.js");
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const list = signal(Array.from({ length: 10_000 }, (_, i) => ({ id: `n${i}`, state: "pending" })));
    const opened = [];
    let draws = 0;
    const columns = [{ title: "Id", width: "1fr", cell: (row) => html`<b>${() => (draws++, row().id)}</b>` },
        { title: "State", width: "1fr", cell: (row) => html`<i>${() => row().state}</i>` }];
    root(document.body, () => module.table({ label: "Rows", columns, rows: () => list.value, isRecycled,
        keyOf: (row) => row.id, onOpen: (row) => opened.push(row.id), height: "320px" }));
    const box = document.querySelector(".table");
    const lines = () => [...document.querySelectorAll(".table .line")];
    const textOf = (line) => line.querySelector("b").textContent;
    const shown = () => lines().map((line) => [Number(line.getAttribute("aria-rowindex")) - 2, textOf(line)])
        .sort(([one], [other]) => one - other);
    const press = (key) => {
        document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    };
    await frame();
"""


@pytest.fixture(params=[False, True], ids=["own elements", "recycled"])
def table(module: Callable[[str], Module], request: pytest.FixtureRequest) -> Callable[[str], Any]:
    made = module("parts/table.js")
    is_recycled = request.param
    return lambda body: made.run(f"async (module, isRecycled) => {{ {PREPARED} {body} }}", is_recycled)


def test_rows_are_those_of_the_place_that_is_scrolled_to(table: Callable[[str], Any]) -> None:
    found = table(
        """const pages = [];
        for (const y of [0, 999, 160_000, 1e9, 0]) { box.scrollTop = y; await frame(); pages.push(shown()); }
        return [pages, box.getAttribute("aria-rowcount")];"""
    )

    pages, count = found
    assert count == "10001"
    for page in pages:
        indices = [index for index, _ in page]
        assert indices == list(range(indices[0], indices[0] + len(indices)))
        assert len(page) < 40
        assert all(text == f"n{index}" for index, text in page)
    assert [page[0][0] for page in pages] == [0, 25, 4994, pages[3][-1][0] - len(pages[3]) + 1, 0]
    assert pages[3][-1][0] == 9999


def test_only_rows_that_are_other_objects_are_drawn_again(table: Callable[[str], Any]) -> None:
    found = table(
        """draws = 0;
        list.value = list.value.map((row, i) => (i === 2 ? { ...row, state: "running" } : row));
        await frame();
        return [draws, lines().find((line) => textOf(line) === "n2").querySelector("i").textContent];"""
    )

    assert found == [1, "running"]


def test_keys_go_by_the_row_that_has_the_focus(table: Callable[[str], Any]) -> None:
    found = table(
        """lines()[0].focus();
        for (const key of ["j", "ArrowDown", "k", "j"]) { press(key); await frame(); }
        press("Enter");
        press("End"); await frame();
        press("Enter");
        return [opened, document.activeElement.querySelector("b").textContent];"""
    )

    assert found == [["n2", "n9999"], "n9999"]


def test_enter_opens_the_row_that_is_seen_in_the_focus(table: Callable[[str], Any]) -> None:
    seen, opened = table(
        """lines()[3].focus();
        list.value = list.value.slice(1);
        await frame();
        const seen = document.activeElement.querySelector("b").textContent;
        press("Enter");
        return [seen, opened];"""
    )

    assert opened == [seen]
