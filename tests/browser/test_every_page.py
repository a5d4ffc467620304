"""Every page opens without a fault, fits every width and keeps the rules of WCAG 2.2 AA in both themes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import axe
from tests.browser.chromium import new_context
from tests.browser.faults import Faults
from tests.browser.looking import CHANGE_THEME, each_tab, too_wide
from tests.browser.stack import Stack
from tests.browser.world import PATHS, World, needs_page, plain_world
from tests.source_tree import ROOT, source_text
from tests.ui_files import MOST_BYTES, first_visit, weight

#: Their tabs are those of the failed run, and of the run with a question.
ALIKE = ("run, completed", "run, going on", "edit, workflow")


@pytest.fixture(scope="module")
def world(stack: Stack) -> World:
    return plain_world(stack)


@pytest.fixture(scope="module")
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """One browser for all tests here: they leave nothing in it but what it has loaded."""
    with new_context(browser, stack.url) as made:
        yield made


@pytest.mark.parametrize("name", PATHS)
def test_a_page_is_for_everybody(
    open_page: Callable[[str], Page], faults: Faults, world: World, name: str
) -> None:
    needs_page(name)
    if name == "run, unknown":
        faults.allow("status of 404")
    page = open_page(world.path(name))
    if "node=" not in PATHS[name].partition("/ui/runs/")[2]:
        assert_light(page, f"pages/{name.partition(',')[0]}.js")

    for number, tab in enumerate(islice(each_tab(page), 1 if name in ALIKE else None)):
        # What stands round the tabs is the same with each of them.
        within = "[role=tabpanel]" if number else None
        for theme in ("light", "dark"):
            page.evaluate(CHANGE_THEME, theme)
            found = axe.violations(page, of_colours=theme == "dark", within=within)
            assert not found, f"{tab} in the {theme} theme"
        assert not too_wide(page), tab


def assert_light(page: Page, module: str) -> None:
    """Compare what was loaded with what is counted, unless the link opens more than the page itself."""
    urls: list[str] = page.evaluate("() => performance.getEntriesByType('resource').map(({ name }) => name)")
    names = {url.partition("/ui/static/")[2] for url in urls if "/ui/static/" in url}

    assert names - first_visit(module) == set(), "loaded, and not counted"
    assert weight({*names, "index.html"}) <= MOST_BYTES


def test_no_page_is_left_out() -> None:
    pages = re.findall(r"^  (\w+): \(\) => import\(", source_text(ROOT / "ui" / "main.js"), re.MULTILINE)

    assert {name.partition(",")[0] for name in PATHS} == set(pages) != set()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_look_is_in_the_theme_of_the_system(browser: Browser, stack: Stack, scheme: str) -> None:
    context = browser.new_context(base_url=stack.url, color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    page.goto("/ui/nothing")
    expect(page.locator("html")).to_have_attribute("data-theme", scheme)

    other = "light" if scheme == "dark" else "dark"
    page.get_by_role("button", name=re.compile(other, re.IGNORECASE)).click()
    expect(page.locator("html")).to_have_attribute("data-theme", other)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", other)
    context.close()
