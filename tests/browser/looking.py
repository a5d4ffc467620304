"""Looking at a page: when it is at rest, all of its tabs, whether it fits."""

from __future__ import annotations

from collections.abc import Iterator

from playwright.sync_api import Page, expect

#: What a person holds or sits at: a phone, a split screen, a laptop.
WIDTHS = (390, 900, 1280)

#: As the button of the frame does it, on every page.
CHANGE_THEME = """(theme) => {
    document.documentElement.dataset.theme = theme;
    dispatchEvent(new Event("headrace-theme"));
}"""

_TOO_WIDE = """async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const most = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= most) return [];
    return [...document.querySelectorAll("body *")]
        .filter((each) => each.getBoundingClientRect().right > most + 1)
        .map((each) => `${each.tagName.toLowerCase()}.${each.getAttribute("class") ?? ""}`).slice(0, 5);
}"""

#: Asked with every frame: `expect` looks again after 100, 250 and 500 ms, and pages are at rest sooner.
_IS_AT_REST = """() => {
    const heading = document.querySelector("h1");
    return heading?.checkVisibility() && document.querySelector("[aria-busy=true]") === null;
}"""


def settle(page: Page) -> None:
    """Wait until a page shows what it is about: its heading is there, and nothing in it is still loading."""
    page.wait_for_function(_IS_AT_REST)


def each_tab(page: Page) -> Iterator[str]:
    """Go through the tabs of a page, each at rest; gives their names, or "" once where there are none.

    Of a run with a panel beside it they are those of the panel: its own are the same without it.
    """
    tabs = page.get_by_role("tablist").last.get_by_role("tab")
    count = tabs.count()
    if not count:
        yield ""
    for number in range(count):
        tab = tabs.nth(number)
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        settle(page)
        yield tab.inner_text()


def too_wide(page: Page) -> list[str]:
    """At which widths a page has to be scrolled sideways, and for what; it is left as wide as it was."""
    before = page.viewport_size
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        if wide := page.evaluate(_TOO_WIDE):
            found.append(f"{width} px: {', '.join(wide)}")
    if before and before != page.viewport_size:
        page.set_viewport_size(before)
    return found
