"""The graph on a page: what it says of each node, and how it is walked, moved and opened."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.graph.graphs import Node, chain, change, fan_out, selected, show_graph, trip


@pytest.fixture
def home(open_page: Callable[[str], Page]) -> Page:
    return open_page("/")


def box(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"{name}, ")


def test_each_node_says_what_it_is(home: Page) -> None:
    stage = show_graph(home, trip(), {"fares": "failed", "report": "upstream_failed"})

    expect(stage).to_have_attribute("aria-label", "Graph of 5 nodes, 1 failed")
    expect(home.get_by_role("button", name="fares, http, failed")).to_be_visible()
    expect(home.get_by_role("button", name="report, http, upstream failed")).to_be_visible()


def test_a_change_is_shown(home: Page) -> None:
    stage = show_graph(home, trip(), {"publish": "running"})

    change(home, "publish", "failed")

    expect(home.get_by_role("button", name="publish, http, failed")).to_be_visible()
    expect(stage).to_have_attribute("aria-label", "Graph of 5 nodes, 1 failed")


@pytest.mark.parametrize("nodes", [trip(), [*trip(), *chain(400)]], ids=["svg", "canvas"])
def test_arrows_walk_along_the_edges(home: Page, nodes: list[Node]) -> None:
    show_graph(home, nodes)
    home.get_by_role("application").get_by_role("button").and_(home.locator("[tabindex='0']")).focus()
    focused = home.locator("[role=application] :focus")
    expect(focused).to_have_attribute("aria-label", "start, noop, completed")

    for key, name in [
        ("ArrowRight", "fares"),
        ("ArrowUp", "cities"),
        ("ArrowRight", "report"),
        ("ArrowLeft", "cities"),
        ("ArrowDown", "fares"),
        ("ArrowLeft", "start"),
    ]:
        home.keyboard.press(key)
        expect(focused).to_have_attribute("aria-label", re.compile(f"^{name}, "))
    home.keyboard.press("Enter")

    assert selected(home) == "start"


def test_one_node_is_reached_by_tab(home: Page) -> None:
    show_graph(home, trip(), {"fares": "failed"})

    expect(home.locator("[role=application] [tabindex='0']")).to_have_attribute(
        "aria-label", "fares, http, failed"
    )


def test_a_click_selects_and_one_beside_all_nodes_selects_none(home: Page) -> None:
    stage = show_graph(home, trip())

    box(home, "report").click()
    assert selected(home) == "report"

    stage.click(position={"x": 10, "y": 590})
    assert selected(home) is None


@pytest.mark.parametrize("nodes", [trip(), [*trip(), *chain(400)]], ids=["svg", "canvas"])
def test_a_click_without_a_pointer_selects(home: Page, nodes: list[Node]) -> None:
    """As screen readers and voice control click."""
    show_graph(home, nodes, {"fares": "failed"})
    node = home.get_by_role("button", name="fares, http, failed")
    home.locator("[role=application] [tabindex='0']").focus()

    node.evaluate("element => element.dispatchEvent(new MouseEvent('click', { bubbles: true }))")

    assert selected(home) == "fares"


def test_a_node_stays_where_it_is_dragged(home: Page) -> None:
    show_graph(home, trip(), key="trip.1")
    before = box(home, "fares").bounding_box()
    assert before

    home.mouse.move(before["x"] + 20, before["y"] + 20)
    home.mouse.down()
    home.mouse.move(before["x"] + 20, before["y"] + 140, steps=3)
    home.mouse.up()

    assert selected(home) is None, "a drag is no click"
    places = "() => JSON.parse(localStorage.getItem('headrace.graph.trip.1')).rows.map(([id]) => id)"
    assert home.evaluate(places) == ["fares"]
    show_graph(home, trip(), key="trip.1")
    after = box(home, "fares").bounding_box()
    others = box(home, "cities").bounding_box()
    assert after and others
    assert after["y"] - others["y"] > 150

    home.get_by_role("button", name="Reset positions").click()
    expect(home.get_by_role("button", name="Reset positions")).to_have_count(0)
    assert home.evaluate("() => localStorage.getItem('headrace.graph.trip.1')") is None


def test_another_version_has_places_of_its_own(home: Page) -> None:
    home.evaluate(
        "() => localStorage.setItem('headrace.graph.trip.1', JSON.stringify({rows: [['fares', 0, 900]]}))"
    )

    show_graph(home, trip(), key="trip.2")

    expect(home.get_by_role("button", name="Reset positions")).to_have_count(0)


def test_places_that_are_no_places_are_left_alone(home: Page) -> None:
    home.evaluate("() => localStorage.setItem('headrace.graph.trip.1', '{\"rows\": 5')")

    show_graph(home, trip(), key="trip.1")

    expect(box(home, "fares")).to_be_visible()


def test_twins_are_one_box_until_it_is_clicked(home: Page) -> None:
    stage = show_graph(home, fan_out(20), {"load_3": "failed"})
    expect(stage).to_have_attribute("aria-label", "Graph of 22 nodes, 1 failed")
    group = home.get_by_role("button", name="load_…, http, 20 nodes alike, failed, 20 of 20 ended, 1 failed")

    group.click()

    expect(home.get_by_role("button", name="load_3, http, failed")).to_be_attached()
    expect(group).to_have_count(0)
    home.get_by_role("button", name="Collapse twins").click()
    expect(group).to_be_visible()


def test_the_failed_node_is_in_the_first_picture(home: Page) -> None:
    show_graph(home, chain(50), {"step_40": "failed"})

    expect(box(home, "step_40")).to_be_in_viewport()
    expect(box(home, "step_0")).not_to_be_in_viewport()


def test_nodes_in_other_states_step_back(home: Page) -> None:
    show_graph(home, trip(), {"fares": "failed"})

    home.evaluate("() => { shown.filter.value = 'failed'; }")

    expect(home.locator(".is-dim")).to_have_count(4)


def test_a_click_on_the_canvas_focuses_the_node_under_it(home: Page) -> None:
    show_graph(home, chain(400), {"step_7": "failed"})
    stage = home.get_by_role("application")
    expect(stage.locator("canvas")).to_be_visible()
    mirror = stage.get_by_role("button")
    expect(mirror).to_have_count(1)

    home.evaluate("() => { shown.selected.value = 'step_9'; }")
    expect(mirror).to_have_attribute("aria-label", "step_9, http, completed")
    place = mirror.bounding_box()
    assert place
    home.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)

    expect(mirror).to_be_focused()
    assert selected(home) == "step_9"


@pytest.mark.parametrize("nodes", [trip(), chain(400)], ids=["svg", "canvas"])
def test_texts_of_strangers_are_only_text(home: Page, nodes: list[Node]) -> None:
    nodes = [*nodes, {"id": "<img src=x onerror=alert(1)>", "handler": "'\"><b>", "dependencies": []}]

    stage = show_graph(home, nodes)

    expect(stage.locator("img, b")).to_have_count(0)
