"""Signals and templates: what is drawn follows what is known, and data is only ever text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.hostile import TEXTS
from tests.browser.modules import Module

#: Builds something in the page, changes it, and gives what stands there after each step.
PREPARED = """
    const { signal, computed, effect, flush, html, svg, each, show, onDispose, root } = view;
    const place = document.createElement("div");
    document.body.append(place);
    const text = () => { flush(); return place.textContent.replace(/\\s+/g, " ").trim(); };
"""


@pytest.fixture
def drawn(module: Callable[[str], Module]) -> Callable[..., object]:
    """Run a function body with everything of the view, a `place` to draw in and its `text()`."""
    view = module("core/view.js")

    def run(body: str, *given: object) -> object:
        return view.run(f"async (view, ...given) => {{ {PREPARED} {body} }}", *given)

    return run


def test_what_depends_on_a_signal_follows_it(drawn: Callable[..., object]) -> None:
    assert drawn(
        """const n = signal(1), double = computed(() => n.value * 2);
        root(place, () => html`<p>${() => n.value} ${double.peek()} ${() => double.value}</p>`);
        const before = text(); n.value = 5; return [before, text()];"""
    ) == ["1 2 2", "5 2 10"]


def test_several_changes_are_one_run_of_an_effect(drawn: Callable[..., object]) -> None:
    assert drawn(
        """const a = signal(0), b = signal(0), seen = [];
        const stop = effect(() => { seen.push([a.value, b.value]); });
        flush(); a.value = 1; b.value = 2; a.value = 3; flush();
        a.value = 3; flush(); stop(); a.value = 9; flush(); return seen;"""
    ) == [[0, 0], [3, 2]]


def test_rows_that_stay_keep_their_elements(drawn: Callable[..., object]) -> None:
    found = drawn(
        """const list = signal([{ id: 1, s: "a" }, { id: 2, s: "b" }, { id: 3, s: "c" }]);
        const line = (row) => html`<li>${() => row.value.s}</li>`;
        root(place, () => html`<ul>${each(() => list.value, (row) => row.id, line)}</ul>`);
        const steps = [text()], second = place.querySelectorAll("li")[1];
        list.value = [{ id: 3, s: "c" }, { id: 2, s: "B" }, { id: 4, s: "d" }];
        steps.push(text(), second.isConnected, place.querySelectorAll("li")[1] === second);
        list.value = []; steps.push(text()); return steps;"""
    )

    assert found == ["abc", "cBd", True, True, ""]


def test_what_leaves_is_disposed_of(drawn: Callable[..., object]) -> None:
    assert drawn(
        """const is = signal(true), n = signal(0); let runs = 0; const left = [];
        const yes = () => {
            effect(() => { void n.value; runs++; });
            onDispose(() => left.push("left"));
            return html`<b>yes</b>`;
        };
        root(place, () => html`<p>${show(() => is.value, yes, () => html`<i>no</i>`)}</p>`);
        const steps = [text()]; const before = runs;
        is.value = false; steps.push(text(), left.join()); n.value = 1; flush();
        steps.push(runs === before); return steps;"""
    ) == ["yes", "no", "left", True]


def test_texts_are_shown_and_never_taken_for_markup(drawn: Callable[..., object]) -> None:
    texts = list(TEXTS.values())

    shown = drawn(
        """const [texts] = given, changing = signal("");
        const lines = () => texts.map((each) => html`<p>${each}</p>`);
        root(place, () => html`<div title=${() => changing.value} data-x=${texts[0]}>
            ${lines()}<p>${() => changing.value}</p></div>`);
        for (const each of texts) { changing.value = each; flush(); }
        const shown = [...place.querySelectorAll("p")].map((each) => each.textContent);
        return [shown, place.querySelectorAll("*").length];""",
        texts,
    )

    assert shown == [[*texts, texts[-1]], len(texts) + 2]


def test_addresses_lead_only_where_they_may(drawn: Callable[..., object]) -> None:
    addresses = [
        "/ui",
        "https://example.com/",
        "mailto:a@example.com",
        "javascript:alert(1)",
        " JaVa\tScript:alert(1)",
    ]
    addresses += ["data:text/html,x", "vbscript:x", "\u0001javascript:alert(1)"]

    assert (
        drawn(
            """const link = (each) => html`<a href=${each}>x</a><a href=${() => each}>x</a>`;
        root(place, () => html`<p>${given[0].map(link)}</p>`); flush();
        return [...place.querySelectorAll("a")].map((each) => each.hasAttribute("href"));""",
            addresses,
        )
        == [True] * 6 + [False] * 10
    )


def test_attributes_come_go_and_listen(drawn: Callable[..., object]) -> None:
    assert drawn(
        """const on = signal(true); let clicks = 0;
        root(place, () => html`<button class="x ${() => (on.value ? "on" : "")}" disabled=${() => !on.value}
            style=${{ width: "3px", "--y": "1" }} .title=${"t"} onclick=${() => clicks++}>go</button>`);
        flush(); const button = place.querySelector("button"); button.click();
        const before = [button.className.trim(), button.disabled, button.style.width, button.title, clicks];
        on.value = false; flush();
        return [...before, button.className.trim(), button.disabled];"""
    ) == ["x on", False, "3px", "t", 1, "x", True]
