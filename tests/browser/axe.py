"""The rules of WCAG 2.2 A and AA that a program can check, by axe-core."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

COLOURS = ["color-contrast"]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

_RUN = """async ([type, values, within]) => {
    const options = { runOnly: { type, values }, resultTypes: ["violations"] };
    const place = within === null ? document : [...document.querySelectorAll(within)].at(-1);
    const { violations } = await axe.run(place, options);
    return violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(
        ({ target, failureSummary }) => `${target.join(" ")}: ${failureSummary.replace(/\\s+/g, " ")}`) }));
}"""


@cache
def source() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, *, of_colours: bool = False, within: str | None = None) -> list[str]:
    """Say what a page breaks, a line for each rule and element.

    of_colours  only by the rules of colours: all that a page in another theme can break besides.
    within      only in the last element that a selector finds, where the rest was looked at before.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(source())
    found: list[dict[str, Any]] = page.evaluate(
        _RUN, [*(("rule", COLOURS) if of_colours else ("tag", TAGS)), within]
    )
    return [f"{rule['id']} ({rule['help']}): {node}" for rule in found for node in rule["nodes"]]
