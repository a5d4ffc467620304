"""The history of a run, read from its beginning."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route

from tests.browser.modules import Module


def test_all_pages_are_read_also_behind_an_empty_one(page: Page, module: Callable[[str], Module]) -> None:
    history = module("pages/run/history.js")
    pages = {0: ([1, 2], 2), 2: ([], 500), 500: ([501], None)}
    asked: list[dict[str, list[str]]] = []

    def answer(route: Route) -> None:
        asked.append(parse_qs(urlsplit(route.request.url).query))
        numbers, after = pages[int(asked[-1]["after"][0])]
        route.fulfill(json={"items": [{"seq": number} for number in numbers], "next_after": after})

    page.route("**/v1/executions/x/history?*", answer)
    found = history.run(
        """(history) => history.everyEvent({ path: "/v1/executions/x" }, { node: "a", type: ["b", "c"] })"""
    )

    assert [event["seq"] for event in found] == [1, 2, 501]
    assert all(each["node"] == ["a"] and each["type"] == ["b", "c"] for each in asked)
