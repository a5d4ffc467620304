"""The page of workers: what their hosts run, and why handlers are not loaded."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from api.schemas.operations import WorkerList
from tests.browser import axe
from tests.browser.looking import CHANGE_THEME, settle, too_wide
from tests.browser.stack import Stack

RUN = "01a22730-22ae-708e-a2bd-18c7f8ba7000"
SINCE = "2026-11-29T08:00:00.000Z"
REFUSAL = "cannot load handler module 'mine': " + "x" * 5_000 + "\nTraceback:\n" + '  File "mine.py"\n' * 300


def host(pid: int, *units: str, state: str = "busy", kind: str | None = "async") -> dict[str, Any]:
    running = [{"unit": f"{RUN}/{unit}", "since": SINCE} for unit in units]
    return {"kind": kind, "pid": pid, "state": state, "runs": 3, "rss_mb": 41, "running": running}


@pytest.fixture
def workers_page(page: Page, stack: Stack) -> Callable[..., Page]:
    """Open the page with workers of the stack that have these hosts and refusals, one for each pair."""

    def open_it(*pairs: tuple[list[dict[str, Any]], str | None]) -> Page:
        (worker,) = stack.call("GET", "/v1/workers")["items"]
        items = [
            worker | {"worker_id": f"w{at}", "name": f"w{at}", "hosts": hosts, "refusal": refusal}
            for at, (hosts, refusal) in enumerate(pairs)
        ]
        answer = WorkerList.model_validate({"items": items}).model_dump()
        page.route("**/v1/workers", lambda route: route.fulfill(json=answer))
        page.goto("/ui/workers")
        settle(page)
        return page

    return open_it


def test_what_a_host_runs_leads_to_its_node_and_run(workers_page: Callable[..., Page]) -> None:
    idle = host(8, state="idle", kind="sync")
    page = workers_page(
        ([host(7, "fetch[3]", "pack"), idle], None), ([host(9, state="starting", kind=None)], None)
    )
    rows = page.get_by_role("table", name="Handler hosts").get_by_role("row")
    expect(rows).to_have_count(5)

    row = rows.filter(has_text="fetch[3]")
    expect(row).to_contain_text("async 7")
    expect(row).to_contain_text("busy")
    expect(row.get_by_role("link", name="fetch[3]")).to_have_attribute(
        "href", f"/ui/runs/{RUN}?node=fetch%5B3%5D"
    )
    expect(row.get_by_role("link").last).to_have_attribute("href", f"/ui/runs/{RUN}")
    expect(row.locator("time")).to_have_attribute("title", re.compile(r"^2026-11-2\d \d\d:\d\d:00\.000$"))
    expect(rows.filter(has_text="sync 8").filter(has_text="idle")).to_contain_text("nothing")
    expect(rows.filter(has_text="new 9")).to_contain_text("starting")


def test_a_refusal_comes_first_once_and_stays_within_bounds(workers_page: Callable[..., Page]) -> None:
    page = workers_page(([], REFUSAL), ([host(7, "fetch")], REFUSAL), ([], "no such module"))

    alerts = page.get_by_role("alert")
    expect(alerts).to_have_count(2)
    first, second = alerts.all()
    expect(first).to_contain_text("not loaded by 2 workers: w0, w1.")
    expect(first).to_contain_text("Nodes that need them wait.")
    expect(second).to_contain_text("no such module")
    text = first.get_by_role("region", name="Traceback")
    expect(text).to_contain_text('File "mine.py"')
    box, heading = (
        first.bounding_box(),
        page.get_by_role("heading", name="Workers", exact=True).bounding_box(),
    )
    assert box is not None and heading is not None
    assert box["y"] + box["height"] < heading["y"], "it stands above the tables"
    assert box["height"] < 640
    assert not too_wide(page)
    for theme in ("light", "dark"):
        page.evaluate(CHANGE_THEME, theme)
        assert not axe.violations(page, of_colours=theme == "dark")


def test_handlers_that_were_loaded_before_run_on(workers_page: Callable[..., Page]) -> None:
    page = workers_page(([host(7, "fetch")], REFUSAL))

    expect(page.get_by_role("alert")).to_contain_text("What was loaded before runs on.")


def test_without_hosts_nothing_is_said_of_them(workers_page: Callable[..., Page]) -> None:
    page = workers_page(([], None))

    expect(page.get_by_role("table", name="Workers")).to_contain_text("w0")
    expect(page.get_by_role("heading", name="Handler hosts")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
