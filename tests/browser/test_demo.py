"""The demo as somebody sees it who starts it for the first time, on processes that can be killed."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.dags import node, workflow
from tests.dev_stack import DevStack

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevStack]:
    """`./headrace dev --demo`, in place of the stack that has all in one process."""
    made = DevStack(tmp_path_factory.mktemp("demo") / "redis")
    try:
        made.start("--demo")
        yield made
    finally:
        made.close()


def test_the_demo_moves_retries_streams_asks_and_completes(
    stack: DevStack, open_page: Callable[[str], Page]
) -> None:
    run = stack.call("POST", "/demo/start", {})["execution_id"]
    page = open_page(f"/ui/runs/{run}?node=flaky_fares")

    page.get_by_role("button", name="Fit").click()
    panel = page.get_by_role("complementary", name="Node")
    expect(panel.get_by_role("timer")).to_have_text(re.compile(r"Next attempt in \d"))
    expect(of_graph(page, "flaky_fares")).to_contain_text("again in")
    expect(panel.get_by_role("button", name="Attempt 3: completed")).to_be_visible()

    of_graph(page, "summarise").click()
    panel.get_by_role("tab", name="LLM").click()
    answer = panel.locator(".llm-text").first
    expect(answer).to_have_text(re.compile(r"\w"))
    early = answer.inner_text()
    # Pieces are added to what stands there: a reader is not thrown back.
    expect(answer).not_to_have_text(early)
    assert answer.inner_text().startswith(early)

    of_graph(page, "cool_down").click()
    panel.get_by_role("button", name="Continue now").click()
    expect(of_graph(page, "approve")).to_have_accessible_name(re.compile("approval"))
    of_graph(page, "approve").click()
    panel.get_by_label("A note for the readers").fill("go south")
    panel.get_by_label("Your name").fill("ann")
    panel.get_by_role("button", name="Approve").click()

    expect(page.locator(".run-head .chip-large")).to_have_text("completed")
    expect(panel).to_contain_text("Approved by ann")
    view = stack.call("GET", f"/v1/executions/{run}")
    assert view["status"] == "COMPLETED"
    assert view["output"]["decision"] == "approve"


def test_a_page_shows_how_a_killed_worker_is_recovered_from(
    stack: DevStack, open_page: Callable[[str], Page]
) -> None:
    prompt = 20 * "What becomes of a piece of work when the one that did it is gone? "
    telling = node("tell", handler="llm", config={"prompt": prompt})
    body = {"definition": workflow(telling, node("end", after=["tell"]), name="Lost"), "trigger": True}
    run = stack.call("POST", "/v1/executions", body)["execution_id"]
    page = open_page(f"/ui/runs/{run}?node=tell")
    panel = page.get_by_role("complementary", name="Node")
    panel.get_by_role("tab", name="LLM").click()
    expect(panel.locator(".llm-text").first).to_have_text(re.compile(r"\w"))

    kill(stack, worker_of(stack, run, "tell"))

    expect(panel.get_by_role("button", name="Attempt 1: its worker was lost")).to_be_visible()
    expect(panel.get_by_role("button", name="Attempt 2: completed")).to_be_visible()
    expect(page.locator(".run-head .chip-large")).to_have_text("completed")
    # The pieces of the attempt that was lost are not in front of those of the other one.
    whole = stack.call("GET", f"/v1/executions/{run}")["nodes"][0]["output"]["answer"]
    expect(panel.locator(".llm-text").first).to_have_text(whole)


def of_graph(page: Page, node_id: str) -> Locator:
    """The box of a node."""
    return page.locator(".graph").get_by_role("button", name=re.compile(f"^{node_id},"))


def worker_of(stack: DevStack, run: str, node_id: str) -> str:
    view = stack.call("GET", f"/v1/executions/{run}")
    (found,) = [each["worker"] for each in view["nodes"] if each["node_id"] == node_id]
    assert found, view
    return str(found)


def kill(stack: DevStack, worker_id: str) -> None:
    """Kill the process of a worker, as a machine that is lost does."""
    workers = stack.call("GET", "/v1/workers")["items"]
    (process_id,) = [each["pid"] for each in workers if each["worker_id"] == worker_id]
    assert Path(f"/proc/{process_id}").exists()
    os.kill(process_id, signal.SIGKILL)
