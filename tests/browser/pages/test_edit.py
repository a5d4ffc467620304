"""The editor: a check while one types, simulating, saving without writing over others, running again."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.faults import Faults
from tests.browser.stack import Stack
from tests.dags import node, workflow

TWO = """\
name: two
nodes:
  - {id: A, handler: noop}
  - {id: B, handler: noop, dependencies: [A]}
"""


def text_of(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Definition")


def said(page: Page) -> Locator:
    """What the check says of the text as a whole."""
    return page.locator("#edit-findings")


def box(page: Page, node_id: str) -> Locator:
    """A node of the graph."""
    return page.locator(".document-graph").get_by_role("button", name=re.compile(rf"^{node_id}\b"))


def run_of(stack: Stack, page: Page) -> dict[str, Any]:
    """Wait until the page shows a run and it has ended; give it."""
    expect(page).to_have_url(re.compile(r"/ui/runs/[0-9a-f-]{36}"))
    execution_id = page.url.split("/ui/runs/")[1].partition("?")[0]
    stack.wait_end(execution_id)
    view: dict[str, Any] = stack.call("GET", f"/v1/executions/{execution_id}")
    return view


def test_what_is_wrong_is_marked_at_its_line_while_one_types(open_page: Callable[[str], Page]) -> None:
    page = open_page("/ui/edit")
    expect(said(page)).to_contain_text("Valid: 2 nodes")

    text_of(page).fill(TWO.replace("handler: noop,", "handler: nop,"))

    expect(said(page)).to_contain_text("1 error")
    expect(page.locator(".code-lines .error")).to_have_text("4")
    expect(page.get_by_text("the graph shows the last valid one")).to_be_visible()
    page.get_by_role("button", name=re.compile("unknown handler 'nop'")).click()
    assert text_of(page).evaluate("(it) => it.value.slice(0, it.selectionStart).split('\\n').length") == 4

    text_of(page).fill(TWO.replace("[A]", "[A]\n    when: false"))
    expect(said(page)).to_contain_text("1 error")
    text_of(page).fill(TWO.replace("[A]}", "[A], when: false}"))
    expect(page.locator(".code-lines .warning")).to_have_text("4")
    text_of(page).fill(TWO)
    expect(said(page)).to_have_text("Valid: 2 nodes")
    expect(page.locator(".code-lines .error, .code-lines .warning")).to_have_count(0)


def test_the_graph_and_the_form_follow_the_text(stack: Stack, open_page: Callable[[str], Page]) -> None:
    page = open_page("/ui/edit")
    expect(page.get_by_label("Who")).to_have_value("world")

    inputs = "inputs: {type: object, properties: {city: {type: string, default: Oslo}}}\n"
    text_of(page).fill(TWO + inputs)
    expect(page.get_by_label("City")).to_have_value("Oslo")
    expect(box(page, "B")).to_be_visible()
    page.get_by_label("City").fill("Porto")
    page.get_by_role("button", name="Run once").click()

    run = run_of(stack, page)
    assert (run["inputs"], run["name"], run["status"]) == ({"city": "Porto"}, "two", "COMPLETED")


def test_a_fork_shows_what_will_run_and_reuses_the_rest(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    document = workflow(
        node("facts", handler="transform", config={"output": {"city": "Oslo"}}),
        node("ask", handler="llm", after=["facts"], config={"prompt": "Write about {{ facts.result.city }}"}),
        node("tell", handler="transform", after=["ask"], config={"expression": "{{ ask.answer }}"}),
        name="forked",
    )
    first = stack.submit(document)
    stack.wait_end(first)
    page = open_page(f"/ui/edit?run={first}")

    page.get_by_label("Fork: reuse what the change does not affect").check()
    plan = page.get_by_role("group", name="What will run")
    expect(plan).to_contain_text("Nothing would run again")
    text_of(page).fill(text_of(page).input_value().replace("Write about", "Sing about"))
    expect(plan.get_by_role("region", name="Will run again").get_by_role("listitem")).to_have_text(
        ["ask", "tell"]
    )
    expect(plan.get_by_role("region", name="Reused").get_by_role("listitem")).to_have_text(["facts"])
    expect(box(page, "facts")).to_contain_text("reused")
    page.get_by_role("button", name="Fork", exact=True).click()

    run = run_of(stack, page)
    assert run["forked_from"] == first
    assert {each["node_id"]: each["reused"] for each in run["nodes"]} == {
        "facts": True,
        "ask": False,
        "tell": False,
    }
    path = f"/v1/executions/{run['execution_id']}/nodes/ask"
    assert "Sing about Oslo" in str(stack.call("GET", path)["output"])


def test_a_fork_from_a_node_and_a_run_from_the_start(stack: Stack, open_page: Callable[[str], Page]) -> None:
    document = workflow(node("A"), node("B", after=["A"]), name="again")
    first = stack.submit(document, {"n": 1}, labels={"team": "blue"}, trigger={"payload": {"n": 7}})
    stack.wait_end(first)
    page = open_page(f"/ui/edit?run={first}&node=B")

    plan = page.get_by_role("group", name="What will run")
    expect(plan.get_by_role("region", name="Will run again").get_by_role("listitem")).to_have_text(["B"])
    page.get_by_role("button", name="Not from this node").click()
    expect(plan).to_contain_text("Nothing would run again")
    page.get_by_label("Run again from the start").check()
    text_of(page).fill(text_of(page).input_value().replace("name: again", "name: once more"))
    expect(said(page)).to_have_text("Valid: 2 nodes")
    page.get_by_role("button", name="Run again", exact=True).click()

    run = run_of(stack, page)
    assert (run["name"], run["inputs"], run["labels"]) == ("once more", {"n": 1}, {"team": "blue"})
    assert run["trigger"]["payload"] == {"n": 7}


def test_a_simulation_draws_the_path_that_was_taken(open_page: Callable[[str], Page]) -> None:
    page = open_page("/ui/edit")
    branched = """\
name: branched
nodes:
  - {id: fetch, handler: http, config: {url: "http://x"}, retry: {max_attempts: 3}}
  - id: big
    handler: condition
    dependencies: [fetch]
    config: {expression: "fetch.body.n > 5", true_branch: [more], false_branch: [less]}
  - {id: more, handler: noop, dependencies: [big]}
  - {id: less, handler: noop, dependencies: [big]}
"""
    text_of(page).fill(branched)
    expect(said(page)).to_contain_text("Valid: 4 nodes")
    page.get_by_role("tab", name="Simulate").click()
    page.get_by_role("textbox", name="Stubs").fill(
        '{"nodes": {"fetch": {"fail": 1, "output": {"body": {"n": 9}}}}}'
    )
    page.get_by_role("button", name="Simulate", exact=True).click()

    rows = page.get_by_role("table", name="Simulated nodes")
    expect(rows.get_by_role("row", name=re.compile("less.*skipped"))).to_be_visible()
    expect(rows.get_by_role("row", name=re.compile("fetch.*completed.*2"))).to_be_visible()
    expect(box(page, "less")).to_have_attribute("aria-label", re.compile("skipped"))
    expect(box(page, "more")).to_have_attribute("aria-label", re.compile("completed"))
    text_of(page).fill(branched.replace("> 5", "> 50"))
    expect(page.get_by_text("The text has changed since.")).to_be_visible()


def test_a_new_workflow_is_saved_under_a_free_name(
    stack: Stack, open_page: Callable[[str], Page], faults: Faults
) -> None:
    faults.allow("status of 428")
    stack.call("PUT", "/v1/workflows/taken", {"definition": workflow(node("A"))})
    page = open_page("/ui/edit")

    page.get_by_role("button", name="Save as workflow…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_have_value("hello")
    dialog.get_by_label("Name").fill("taken")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("There is a workflow named taken already")
    dialog.get_by_label("Name").fill("free")
    dialog.get_by_role("button", name="Save").click()

    expect(page).to_have_url(re.compile(r"/ui/edit\?workflow=free$"))
    source = stack.http.get("/v1/workflows/free/source").text
    assert source == text_of(page).input_value()
    text_of(page).fill(source.replace("name: hello", "name: hello again"))
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Saved as version 2")).to_be_visible()

    faults.allow("^dialog: beforeunload")
    faults.is_agreed = True
    text_of(page).fill(TWO)
    page.reload()
    expect(text_of(page)).to_have_value(TWO)
    page.goto("/ui/edit")
    expect(text_of(page)).to_have_value(re.compile("^# A workflow"))


def test_who_saves_second_is_told_and_loses_nothing(
    stack: Stack, context: BrowserContext, open_page: Callable[[str], Page], faults: Faults
) -> None:
    faults.allow("status of 412")
    stack.call("PUT", "/v1/workflows/shared", {"definition": TWO})
    first = open_page("/ui/edit?workflow=shared")
    second = context.new_page()
    second.goto("/ui/edit?workflow=shared")
    expect(text_of(second)).to_have_value(TWO)

    text_of(first).fill(TWO.replace("name: two", "name: first"))
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.get_by_text("Saved as version 2")).to_be_visible()
    text_of(second).fill(TWO.replace("name: two", "name: second"))
    second.get_by_role("button", name="Save", exact=True).click()

    dialog = second.get_by_role("dialog", name="The workflow has changed meanwhile")
    expect(dialog.locator(".removed code")).to_have_text("name: first")
    expect(dialog.locator(".added code")).to_have_text("name: second")
    assert stack.call("GET", "/v1/workflows/shared")["title"] == "first"
    dialog.get_by_role("button", name="Save mine over theirs").click()
    expect(second.get_by_text("Saved as version 3")).to_be_visible()
    assert stack.call("GET", "/v1/workflows/shared")["title"] == "second"


def test_what_is_not_saved_survives_a_reload_and_is_not_left_by_accident(
    open_page: Callable[[str], Page], faults: Faults
) -> None:
    faults.allow("^dialog: (confirm|beforeunload)")
    page = open_page("/ui/edit")
    text_of(page).fill(TWO)
    expect(page.get_by_text("not saved", exact=True)).to_be_visible()

    page.get_by_role("link", name="Schedules").click()
    assert [fault for fault in faults.seen if "not saved" in fault]
    expect(text_of(page)).to_have_value(TWO)

    faults.is_agreed = True
    page.reload()
    expect(text_of(page)).to_have_value(TWO)
    page.get_by_role("link", name="Schedules").click()
    expect(page.get_by_role("heading", name="Schedules")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("Your unsaved text from before is shown.")).to_be_visible()
    page.get_by_role("button", name="Discard it").click()
    expect(text_of(page)).to_have_value(re.compile("^# A workflow"))


def test_the_text_is_written_by_keys_alone(open_page: Callable[[str], Page]) -> None:
    page = open_page("/ui/edit")
    text_of(page).fill("a:\n  b: 1")
    text_of(page).press("Control+End")

    page.keyboard.press("Enter")
    page.keyboard.type("c: 2")
    expect(text_of(page)).to_have_value("a:\n  b: 1\n  c: 2")
    page.keyboard.press("Control+a")
    page.keyboard.press("Tab")
    expect(text_of(page)).to_have_value("  a:\n    b: 1\n    c: 2")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    expect(text_of(page)).to_have_value("a:\nb: 1\nc: 2")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(text_of(page)).not_to_be_focused()
    expect(text_of(page)).to_have_value("a:\nb: 1\nc: 2")
    page.keyboard.press("Shift+Tab")
    expect(text_of(page)).to_be_focused()
    page.keyboard.press("Control+z")
    expect(text_of(page)).to_have_value("a:\n  b: 1\n  c: 2")


def test_a_source_of_another_interface_is_shown_as_what_was_made_of_it(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    stack.call("PUT", "/v1/workflows/as-json", {"definition": workflow(node("A"), name="As JSON")})
    page = open_page("/ui/edit?workflow=as-json")

    expect(text_of(page)).to_have_value(re.compile("^name: As JSON\ndag:\n  nodes:\n    - id: A\n"))
    expect(page.get_by_text("is shown as YAML")).to_be_visible()
