"""What people do in a debugger of workflow servers, with the two workflows that such a server ships."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from orchestrator.documents.yaml import load_yaml
from tests.browser.stack import Stack
from tests.browser.world import needs_page
from tests.source_tree import ROOT


@pytest.fixture(scope="module")
def shipped(stack: Stack) -> list[str]:
    """The two workflows, registered."""
    for name in ("greet", "human"):
        stack.call("PUT", f"/v1/workflows/{name}", {"definition": definition(name)})
    return ["greet", "human"]


def test_all_workflows_of_the_server_are_listed_and_drawn(
    shipped: list[str], open_page: Callable[[str], Page]
) -> None:
    needs_page("workflows")
    page = open_page("/ui/workflows")
    table = page.get_by_role("table", name="Workflows")
    for name in shipped:
        expect(table.get_by_role("link", name=name, exact=True)).to_be_visible()

    table.get_by_role("link", name="human", exact=True).click()

    graph = page.locator(".graph")
    for each in definition("human")["nodes"]:
        expect(graph.get_by_role("button", name=re.compile(f"^{each['id']},"))).to_be_visible()
    page.get_by_role("button", name="Steps and events").click()
    for name in ("StartEvent", "prompt_human", "RequestEvent", "external_step", "ResponseEvent", "OutEvent"):
        expect(graph.get_by_role("button", name=re.compile(f"^{name},"))).to_be_visible()


def test_a_form_is_made_of_the_declared_schema_and_starts_a_run(
    shipped: list[str], open_page: Callable[[str], Page]
) -> None:
    needs_page("workflow")
    page = open_page("/ui/workflows/greet?tab=launch")
    # What the schema says is filled in already.
    expect(page.get_by_label("name")).to_have_value("World")

    page.get_by_label("name").fill("Ada")
    page.get_by_role("button", name="Run", exact=True).click()

    expect(page.locator(".run-head .chip-large")).to_have_text("completed")
    page.get_by_role("tab", name="Input & output").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("Hello, Ada!")


def test_the_graph_of_a_run_is_live_and_the_event_it_waits_for_is_sent_by_a_form(
    stack: Stack, shipped: list[str], open_page: Callable[[str], Page]
) -> None:
    run = started(stack, "human")
    stack.wait_node(run, "greet_human", "WAITING")
    page = open_page(f"/ui/runs/{run}")
    waiting = page.locator(".graph").get_by_role("button", name=re.compile("^greet_human,"))
    expect(waiting).to_have_accessible_name(re.compile("signal"))

    waiting.click()
    panel = page.get_by_role("complementary", name="Node")
    panel.get_by_label("response").fill("Ada")
    panel.get_by_role("button", name="Send ResponseEvent").click()

    expect(waiting).to_have_accessible_name(re.compile("completed"))
    assert stack.wait_end(run) == "COMPLETED"
    assert stack.call("GET", f"/v1/executions/{run}")["output"] == {"output": "Hello, Ada"}


def test_events_are_lines_to_read_and_those_of_the_engine_are_shown_on_demand(
    stack: Stack, shipped: list[str], open_page: Callable[[str], Page]
) -> None:
    run = started(stack, "greet")
    assert stack.wait_end(run) == "COMPLETED"
    page = open_page(f"/ui/runs/{run}?tab=events")
    log = page.get_by_role("table", name="Events")
    emitted = log.get_by_role("row").filter(has_text="first")
    expect(emitted.filter(has_text="StreamEvent sequence: 0")).to_be_visible()
    expect(log).not_to_contain_text("node.queued")
    # Lines, and no objects.
    expect(log).not_to_contain_text("{")

    page.get_by_label("internal").check()
    expect(log).to_contain_text("node.queued")
    page.get_by_label("Filter events").fill("type:execution.st*")
    expect(log.locator(".rows [role=row]")).to_have_count(1)
    log.locator(".rows [role=row]").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("execution.started")


def test_several_runs_stand_beside_the_one_that_is_looked_at_and_two_are_compared(
    stack: Stack, shipped: list[str], open_page: Callable[[str], Page]
) -> None:
    runs = [started(stack, "greet", {"name": name}) for name in ("Ada", "Bob")]
    assert {stack.wait_end(run) for run in runs} == {"COMPLETED"}
    page = open_page(f"/ui/runs/{runs[0]}")

    page.get_by_role("button", name="Other runs").click()
    others = page.get_by_role("list", name="Other runs")
    beside = others.get_by_role("listitem").filter(has=page.locator(f"a[href$='{runs[1]}']"))
    expect(others.locator("[aria-current=true]")).to_have_attribute("href", re.compile(runs[0]))
    beside.get_by_role("link", name="compare").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Compare two runs")
    inputs = page.get_by_role("main")
    expect(inputs).to_contain_text("Ada")
    expect(inputs).to_contain_text("Bob")


def definition(name: str) -> dict[str, Any]:
    document, _ = load_yaml((ROOT / "workflows" / f"{name}.yaml").read_bytes())
    assert isinstance(document, dict)
    return document


def started(stack: Stack, name: str, inputs: dict[str, Any] | None = None) -> str:
    """Start a run of a workflow that is registered."""
    answer = stack.call("POST", f"/v1/workflows/{name}/executions", {"inputs": inputs or {}})
    return str(answer["execution_id"])
