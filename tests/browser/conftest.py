"""Chromium, a page that reports what goes wrong in it, and the stack behind it.

Tests here are plain functions: they drive the browser by Playwright's synchronous interface, wait by
`expect`, and reach the engine by the methods of `stack`, never by the asynchronous fixtures elsewhere.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    expect,
    sync_playwright,
)
from redis import Redis as SyncRedis

from tests.browser import chromium
from tests.browser.faults import Faults
from tests.browser.looking import settle
from tests.browser.modules import Module
from tests.browser.stack import Stack, running_stack
from tests.redis_server import RedisServer

HERE = Path(__file__).parent

expect.set_options(timeout=chromium.LIMIT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a browser where there is none, unless there has to be one."""
    if chromium.IS_REQUIRED or chromium.executable():
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=chromium.MISSING))


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as made:
        yield made


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    path = chromium.executable()
    assert path, chromium.MISSING
    made = playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
    yield made
    made.close()


@pytest.fixture(scope="package")
def page_redis() -> Iterator[RedisServer]:
    """A Redis of these tests alone: the stack on it outlives a test."""
    with tempfile.TemporaryDirectory() as directory:
        server = RedisServer(Path(directory))
        server.start()
        yield server
        server.kill()


@pytest.fixture(scope="module")
def stack(page_redis: RedisServer) -> Iterator[Stack]:
    """API, orchestrator and worker on an empty Redis, shared by the tests of a module."""
    with SyncRedis(port=page_redis.port) as client:
        client.flushall()
    with running_stack(page_redis.url) as made:
        yield made


@pytest.fixture
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """A browser without a past: no cookies, no storage, and the clock and language of one place."""
    with chromium.new_context(browser, stack.url) as made:
        yield made


@pytest.fixture
def faults() -> Faults:
    """What goes wrong in the pages of a test; `faults.allow(pattern)` says what is meant to."""
    return Faults()


@pytest.fixture
def page(context: BrowserContext, faults: Faults) -> Iterator[Page]:
    """A page of 1280 × 800; the test fails if anything went wrong in it that was not allowed."""
    faults.watch(context)
    made = context.new_page()
    yield made
    made.close()
    assert not faults.unexpected, "the page reported: " + "; ".join(faults.unexpected)


@pytest.fixture
def open_page(page: Page) -> Callable[[str], Page]:
    """Open a path of the stack in the page of the test, and wait until its content is there."""

    def open_it(path: str) -> Page:
        answer = page.goto(path)
        assert answer is not None and answer.ok, f"{path} answered {answer and answer.status}"
        settle(page)
        return page

    return open_it


@pytest.fixture
def module(page: Page, faults: Faults) -> Callable[[str], Module]:
    """Import a module of the page by its path in `ui/`: `module("core/view.js").call("html", …)`.

    The shell and its policy are those of the page, but nothing is mounted in it.
    """
    _open_bench(page, faults)
    return lambda path: Module(page, path)


@pytest.fixture(scope="module")
def bench(browser: Browser, stack: Stack) -> Iterator[tuple[Page, Faults]]:
    """A page without anything in it for all tests of a file, with what goes wrong in it."""
    faults = Faults()
    with chromium.new_context(browser, stack.url) as context:
        faults.watch(context)
        page = context.new_page()
        _open_bench(page, faults)
        yield page, faults


@pytest.fixture
def pure(bench: tuple[Page, Faults]) -> Iterator[Callable[[str], Module]]:
    """The same as `module` for what is pure, and cannot tell that others were called in its page before."""
    page, faults = bench
    yield lambda path: Module(page, path)
    unexpected = faults.unexpected
    faults.seen.clear()
    assert not unexpected, "the page reported: " + "; ".join(unexpected)


def _open_bench(page: Page, faults: Faults) -> None:
    page.route("**/ui/static/main.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    # The shell announces what the module in its place would have loaded.
    faults.allow("was preloaded using link preload but not used")
    page.goto("/")
