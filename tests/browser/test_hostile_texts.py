"""What strangers write is shown as text: nothing of it runs, asks other servers, or widens the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle, islice
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from tests.browser.chromium import new_context
from tests.browser.faults import Faults
from tests.browser.hostile import TEXTS
from tests.browser.looking import each_tab, too_wide
from tests.browser.stack import Stack
from tests.browser.world import PATHS, World, hostile_world, needs_page

#: Fields of addresses that pages read.
FIELDS = ("tab", "node", "status", "text", "name", "workflow", "run", "a", "b", "attempt", "cursor")
#: Page -> its address with a text for what it is of.
ADDRESSES = {
    "runs": "/",
    "run": "/ui/runs/{text}",
    "compare": "/ui/runs/compare",
    "workflow": "/ui/workflows/{text}",
    "edit": "/ui/edit",
    "unknown": "/ui/{text}",
}


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    return hostile_world(stack)


@pytest.fixture(scope="module")
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """One browser for all tests here: they leave nothing in it but what it has loaded."""
    with new_context(browser, stack.url) as made:
        yield made


@pytest.fixture
def requests(page: Page, stack: Stack) -> list[str]:
    """What the page asks of any other server."""
    found: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith((f"{stack.url}/", "data:")):
            found.append(request.url)

    page.on("request", note)
    return found


def is_unharmed(page: Page) -> bool:
    """Whether no text has run as a script or reached the objects of others."""
    return bool(page.evaluate("() => window.__pwned === undefined && ({}).polluted === undefined"))


@pytest.mark.parametrize("name", PATHS)
def test_hostile_texts_are_only_shown(
    open_page: Callable[[str], Page], faults: Faults, requests: list[str], world: World, name: str
) -> None:
    needs_page(name)
    if name == "run, unknown":
        faults.allow("status of 404")
    page = open_page(world.path(name))

    for tab in each_tab(page):
        assert is_unharmed(page), tab
        assert not too_wide(page), tab
    assert not requests


@pytest.mark.parametrize(("name", "address"), ADDRESSES.items())
def test_hostile_addresses_do_nothing(
    open_page: Callable[[str], Page], page: Page, faults: Faults, requests: list[str], name: str, address: str
) -> None:
    needs_page(name)
    faults.allow("status of 4")
    texts = [quote(text, safe="") for text in TEXTS.values() if len(text) < 200]
    for start in (0, len(texts) // 2):
        place, end, *given = islice(cycle(texts), start, start + 2 + len(FIELDS))
        query = "&".join(f"{field}={text}" for field, text in zip(FIELDS, given, strict=True))
        open_page(f"{address.format(text=place)}?{query}#{end}")

        assert is_unharmed(page), (place, end, given)
    assert not requests
