"""A page that goes wrong fails its test, and the tools of these tests work under the page's policy."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import axe
from tests.browser.faults import Faults
from tests.browser.modules import Module
from tests.patience import PATIENCE_S

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
    "trusted-types headrace-templates"
)
SHELL = """<!doctype html><html lang="en"><head><title>Try</title></head>
<body><main><h1>Try</h1>%s</main><script type="module" src="/ui/static/try.js"></script></body></html>"""


@pytest.fixture
def made_page(page: Page) -> Callable[[str, str], Page]:
    """Serve a shell with something inside and a script, under the policy of the real one."""

    def make(inside: str = "", script: str = "") -> Page:
        def answer(route: Route) -> None:
            is_script = route.request.url.endswith(".js")
            route.fulfill(
                body=script if is_script else SHELL % inside,
                content_type="text/javascript" if is_script else "text/html",
                headers={"content-security-policy": POLICY},
            )

        page.route("**/try*", answer)
        page.goto("/try")
        expect(page.get_by_role("main")).to_be_visible()
        return page

    return make


@pytest.mark.parametrize(
    ("inside", "script", "said"),
    [
        ("", "console.error('broken by itself')", "error: broken by itself"),
        ("", "console.warn('nearly broken')", "warning: nearly broken"),
        ("", "throw new Error('nobody caught me')", "nobody caught me"),
        ("", "await Promise.reject(new Error('left alone'))", "left alone"),
        ("", "alert('look')", "dialog: alert look"),
        ("", "document.querySelector('h1').innerHTML = 'x'", "require-trusted-types-for"),
        ("", "eval('1')", "script-src"),
        ('<p style="color: red">x</p>', "", "style-src"),
        ('<img alt="" src="x" onerror="window.__pwned = true">', "", "script-src"),
        ("<script>window.__pwned = true</script>", "", "script-src"),
        (
            '<a href="javascript:window.__pwned = true">x</a>',
            "document.querySelector('a').click()",
            "script-src",
        ),
        ("", "await fetch('https://elsewhere.example/').catch(() => {})", "connect-src"),
    ],
)
def test_what_goes_wrong_in_a_page_is_noticed(
    made_page: Callable[[str, str], Page], faults: Faults, inside: str, script: str, said: str
) -> None:
    page = made_page(inside, script)
    deadline = time.monotonic() + PATIENCE_S
    while not any(said in fault for fault in faults.unexpected) and time.monotonic() < deadline:
        page.evaluate("() => new Promise(requestAnimationFrame)")

    assert any(said in fault for fault in faults.unexpected), faults.seen
    assert page.evaluate("() => window.__pwned") is None
    faults.allow("")


def test_a_fault_that_is_allowed_lets_no_other_pass(
    made_page: Callable[[str, str], Page], faults: Faults
) -> None:
    faults.allow("meant")
    made_page("", "console.error('meant'); console.error('a slip')")

    assert [fault for fault in faults.unexpected if "a slip" in fault] == faults.unexpected != []
    faults.allow("a slip")


def test_modules_are_called_under_the_policy(made_page: Callable[[str, str], Page]) -> None:
    script = (
        "export const LIMIT = 3; export const twice = (n) => n * 2; export const later = async (x) => [x];"
    )
    module = Module(made_page("", script), "try.js")

    assert sorted(module.exports) == ["LIMIT", "later", "twice"]
    assert module.call("twice", 4) == 8
    assert module.call("later", {"a": None}) == [{"a": None}]
    assert module.get("LIMIT") == 3
    assert module.run("(found, n) => found.twice(n) + found.LIMIT", 1) == 5


def test_axe_runs_under_the_policy_and_finds_what_is_wrong(made_page: Callable[[str, str], Page]) -> None:
    page = made_page('<button></button><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">', "")

    found = axe.violations(page)

    assert {line.split(" ")[0] for line in found} == {"button-name", "image-alt"}
