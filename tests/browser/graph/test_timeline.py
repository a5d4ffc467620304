"""The nodes of a run on a line of time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.modules import Module

_SHOW = """async (given) => {
    const [nodes, attempts] = JSON.parse(given);
    const { timelineView } = await import("/ui/static/graph/timeline.js");
    const view = await import("/ui/static/core/view.js");
    const selected = view.signal(null);
    const holder = document.createElement("div");
    holder.style.setProperty("height", "500px");
    document.body.replaceChildren(holder);
    view.root(holder, () => timelineView({
        nodes: () => nodes, attempts: async (id) => attempts[id] ?? [], selected: () => selected.value,
        onSelect: (id) => (selected.value = id), isLive: () => false,
    }));
    window.shown = { selected };
}"""


def at(second: float | None) -> str | None:
    return None if second is None else f"2026-01-01T00:00:{second:06.3f}Z"


def run_node(
    name: str,
    queued: float | None,
    started: float | None,
    ended: float | None,
    status: str = "COMPLETED",
    **more: Any,
) -> dict[str, Any]:
    times = {"queued_at": at(queued), "started_at": at(started), "ended_at": at(ended)}
    rest = {"reason": None, "waiting_on": None, "attempt": 1, "handler": "http"}
    return {"node_id": name, "status": status} | times | rest | more


NODES = [
    run_node("late", 4, 4.5, 6),
    run_node("early", 0, 1, 3),
    run_node("never", None, None, None, "PENDING"),
    run_node("tried", 3, 5, 7, attempt=2),
    run_node("asked", 8, 8, 12, handler="approval"),
    run_node("mapped", 13, 15, 16, attempt=2),
]
ATTEMPTS = {
    "tried": [
        {"outcome": "retrying", "queued_at": at(3), "started_at": at(3), "ended_at": at(4)},
        {"outcome": "completed", "queued_at": at(5), "started_at": at(5), "ended_at": at(7)},
    ],
    "asked": [
        {
            "outcome": "completed",
            "queued_at": at(8),
            "started_at": at(8),
            "ended_at": at(12),
            "waiting_since": at(9),
        },
    ],
    "mapped": [
        {
            "outcome": "waiting",
            "queued_at": at(13),
            "started_at": at(13),
            "ended_at": at(15),
            "waiting_since": at(14),
        },
        {"outcome": "completed", "queued_at": at(15), "started_at": at(15), "ended_at": at(16)},
    ],
}


def show_timeline(page: Page, nodes: list[dict[str, Any]], attempts: dict[str, Any]) -> Page:
    for name in ("graph", "run"):
        page.add_style_tag(url=f"/ui/static/styles/{name}.css")
    page.evaluate(_SHOW, json.dumps([nodes, attempts]))
    return page


@pytest.fixture
def timeline(open_page: Callable[[str], Page]) -> Page:
    page = open_page("/")
    return show_timeline(page, NODES, ATTEMPTS)


def test_rows_stand_in_the_order_in_which_they_began(timeline: Page) -> None:
    expect(timeline.locator(".timeline-name")).to_have_text(["early", "tried", "late", "asked", "mapped"])


def test_a_row_says_how_long_its_node_was_queued_and_ran(timeline: Page) -> None:
    expect(timeline.get_by_role("option").first).to_have_attribute(
        "aria-label", "early, http, completed, began after 0 ms, queued 1.0 s, ran 2.0 s"
    )


def test_each_attempt_has_its_own_bar(timeline: Page) -> None:
    row = timeline.get_by_role("option", name="tried")

    expect(row).to_have_attribute(
        "aria-label", "tried, http, completed, began after 3.0 s, ran 3.0 s, waited 1.0 s, 2 attempts"
    )
    expect(row.locator(".timeline-bar.is-running")).to_have_count(2)
    expect(row.locator(".timeline-tick")).to_have_count(1)


def test_a_wait_within_an_attempt_is_no_work(timeline: Page) -> None:
    row = timeline.get_by_role("option", name="asked")

    expect(row).to_have_attribute(
        "aria-label", "asked, approval, completed, began after 8.0 s, ran 1.0 s, waited 3.0 s"
    )
    expect(row.locator(".timeline-bar.is-waiting")).to_have_count(1)


def test_only_an_attempt_that_failed_leaves_a_mark(timeline: Page) -> None:
    row = timeline.get_by_role("option", name="mapped")

    expect(row).to_have_attribute(
        "aria-label", "mapped, http, completed, began after 13.0 s, ran 2.0 s, waited 1.0 s, 2 attempts"
    )
    expect(row.locator(".timeline-tick")).to_have_count(0)


def test_rows_are_walked_and_chosen_by_keys(timeline: Page) -> None:
    timeline.get_by_role("option", name="early").focus()

    timeline.keyboard.press("ArrowDown")
    timeline.keyboard.press("ArrowDown")
    timeline.keyboard.press("Enter")

    expect(timeline.get_by_role("option", name="late")).to_have_attribute("aria-selected", "true")
    assert timeline.evaluate("() => shown.selected.value") == "late"


def test_the_wheel_on_the_axis_shows_less_time(timeline: Page) -> None:
    bar = timeline.get_by_role("option", name="late").locator(".is-running")
    before = bar.bounding_box()
    assert before

    timeline.mouse.move(before["x"] + 1, 16)
    timeline.mouse.wheel(0, -200)
    expect(bar).not_to_have_css("width", f"{before['width']:g}px")

    after = bar.bounding_box()
    assert after and after["width"] > before["width"] * 1.2
    assert abs(after["x"] - before["x"]) < 3


def test_of_ten_thousand_rows_those_in_view_have_elements(open_page: Callable[[str], Page]) -> None:
    page = open_page("/")
    nodes = [run_node(f"n{i}", i / 200, i / 200 + 1, i / 200 + 2) for i in range(10_000)]

    show_timeline(page, nodes, {})

    expect(page.get_by_role("option").first).to_have_attribute("aria-setsize", "10000")
    assert page.locator(".timeline-row").count() < 60
    page.get_by_role("option").first.focus()
    page.keyboard.press("End")
    expect(page.get_by_role("option", name="n9999,")).to_be_focused()


def test_marks_stand_at_round_times(pure: Callable[[str], Module]) -> None:
    marks = pure("graph/timeline_scale.js").call("timeMarks", {"from": 1_250, "to": 11_250}, 1_000, 1_000)

    assert marks == {"step": 1_000, "marks": [*range(2_000, 11_001, 1_000)]}


def test_zooming_keeps_the_moment_under_the_pointer(pure: Callable[[str], Module]) -> None:
    scale = pure("graph/timeline_scale.js")
    whole = {"from": 0, "to": 1_000}

    assert scale.call("zoomTime", whole, whole, 2, 0.25) == {"from": 125, "to": 625}
    assert scale.call("zoomTime", {"from": 125, "to": 625}, whole, 0.4, 0.25) is None
