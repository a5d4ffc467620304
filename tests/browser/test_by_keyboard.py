"""Pages without a mouse, and pages that are loaded again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looking import settle
from tests.browser.stack import Stack
from tests.dags import node, workflow

#: So many presses of Tab lead from anywhere to anywhere on a page that can be used by keyboard.
MOST_TABS = 60


@pytest.fixture
def asking(stack: Stack) -> str:
    """A run whose node `ask` waits for a person."""
    run = stack.submit(
        workflow(
            node("fetch"),
            node("ask", handler="approval", after=["fetch"], config={"prompt": "Go on?"}),
            node("end", after=["ask"]),
            name="Asks somebody",
        )
    )
    stack.wait_node(run, "ask", "WAITING")
    return run


def test_a_question_is_answered_by_keyboard_from_the_list_of_runs(
    stack: Stack, asking: str, open_page: Callable[[str], Page]
) -> None:
    page = open_page("/ui/settings")

    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", level=1)).to_have_text("Runs")
    expect(page.get_by_role("row").filter(has_text="Asks somebody")).to_be_visible()
    tab_to(page, "row", "Asks somebody")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Asks somebody")

    page.keyboard.press("3")
    expect(page.get_by_role("table", name="Nodes")).to_be_visible()
    tab_to(page, "row", "fetch")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Node")
    expect(panel.get_by_role("heading", level=2)).to_have_text("ask")
    expect(panel.get_by_label("Your name")).to_be_visible()
    tab_to(page, "INPUT", "Your name")
    page.keyboard.type("ann")
    expect(panel.get_by_role("button", name="Approve")).to_be_enabled()
    tab_to(page, "BUTTON", "Approve")
    page.keyboard.press("Enter")

    expect(page.locator(".run-head .chip-large")).to_have_text("completed")
    expect(panel).to_contain_text("Approved by ann")


def test_filters_are_as_they_were_after_a_reload(stack: Stack, open_page: Callable[[str], Page]) -> None:
    failed = stack.submit(workflow(node("a", handler="break"), name="Wanted and failed"))
    completed = stack.submit(workflow(node("a"), name="Wanted"))
    other = stack.submit(workflow(node("a", handler="break"), name="Something else"))
    assert [stack.wait_end(each) for each in (failed, completed, other)] == ["FAILED", "COMPLETED", "FAILED"]
    page = open_page("/")
    runs = page.get_by_role("table", name="Runs")

    page.get_by_label("Filter by text").fill("wanted")
    page.get_by_role("button", name=re.compile("^failed")).first.click()
    expect(runs.get_by_role("link", name="Wanted and failed")).to_be_visible()
    expect(runs.locator(".rows [role=row]")).to_have_count(1)
    page.reload()
    settle(page)

    expect(page.get_by_label("Filter by text")).to_have_value("wanted")
    expect(page.get_by_role("button", name=re.compile("^failed")).first).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(runs.get_by_role("link", name="Wanted and failed")).to_be_visible()
    expect(runs.locator(".rows [role=row]")).to_have_count(1)

    page.get_by_role("button", name="Remove the filter text: wanted").click()
    expect(page.get_by_label("Filter by text")).to_have_value("")
    expect(runs.get_by_role("link", name="Something else")).to_be_visible()


def test_a_label_with_a_comma_is_one_filter(stack: Stack, open_page: Callable[[str], Page]) -> None:
    label = {"who": "ann, 100% bob"}
    for name, labels in (("Labelled", label), ("Half", {"who": "ann"})):
        assert stack.wait_end(stack.submit(workflow(node("a"), name=name), labels=labels)) == "COMPLETED"
    page = open_page("/")

    page.get_by_role("link", name="who: ann, 100% bob").click()

    expect(page.get_by_role("link", name="Half", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="Labelled", exact=True)).to_be_visible()
    page.get_by_role("button", name="Remove the filter who:ann, 100% bob").click()
    expect(page.get_by_role("link", name="Half", exact=True)).to_be_visible()


_FOCUSED = """() => {
    const found = document.activeElement;
    const label = found.getAttribute("aria-label") ?? found.labels?.[0]?.innerText ?? found.innerText;
    return [found.getAttribute("role") ?? found.tagName, label ?? ""];
}"""


def tab_to(page: Page, kind: str, name: str) -> None:
    """Press Tab until an element of a role, or a tag, has the focus whose text has a name in it."""
    seen = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        found, label = page.evaluate(_FOCUSED)
        seen.append(f"{found} {label[:40]!r}")
        if found == kind and name in label:
            return
    raise AssertionError(f"{MOST_TABS} presses of Tab lead to no {kind} {name!r}, but to {seen}")
