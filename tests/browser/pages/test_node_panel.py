"""The panel of a node, on runs of the real stack: what it shows of each, and what can be done there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.faults import Faults
from tests.browser.stack import Stack
from tests.dags import node, workflow

Opened = Callable[..., Locator]


@pytest.fixture
def panel(open_page: Callable[[str], Page]) -> Opened:
    """Open a run with a node chosen; gives the panel."""

    def open_it(run: str, chosen: str, tab: str = "output") -> Locator:
        page = open_page(f"/ui/runs/{run}?node={chosen}&panel={tab}")
        found = page.locator(".node-panel")
        expect(found.get_by_role("heading", level=2).first).to_have_text(chosen)
        return found

    return open_it


def waiting_run(stack: Stack, **config: object) -> str:
    """A run that asks a question; gives its id."""
    run = stack.submit(
        workflow(node("ask", handler="approval") | {"config": {"prompt": "# Go on?", **config}})
    )
    stack.wait_node(run, "ask", "WAITING")
    return run


def test_a_question_is_answered_once_and_who_comes_second_learns_of_it(
    stack: Stack, panel: Opened, faults: Faults
) -> None:
    run = waiting_run(stack)
    card = panel(run, "ask").get_by_role("region", name="Approval ask")
    expect(card.get_by_role("heading", name="Go on?")).to_be_visible()
    page = card.page
    # This reader has not seen yet what another one does.
    page.route("**/v1/approvals/**", lambda route: route.abort())
    faults.allow("ERR_FAILED|status of 409")
    shown = stack.call("GET", f"/v1/approvals/{run}/ask")["shown"]
    card.get_by_label("Your name").fill("bob")
    deny = card.get_by_role("button", name="Deny")
    expect(deny).to_be_enabled()
    # Meanwhile somebody else has decided: exactly between the click and its call.
    decision = {"decision": "approve", "by": "jane", "shown": shown}

    def be_quicker(route: Route) -> None:
        stack.call("POST", f"/v1/executions/{run}/approvals/ask", decision)
        route.continue_()

    page.route("**/v1/executions/*/approvals/ask", be_quicker)
    page.unroute("**/v1/approvals/**")

    deny.click()

    expect(card.get_by_role("alert")).to_contain_text("It is decided already")
    expect(card).to_contain_text("Approved by jane")


def test_a_decision_takes_a_name_and_a_form_that_fits(stack: Stack, panel: Opened) -> None:
    note = {"type": "string", "minLength": 3}
    run = waiting_run(stack, form={"type": "object", "required": ["note"], "properties": {"note": note}})
    card = panel(run, "ask").get_by_role("region", name="Approval ask")
    approve = card.get_by_role("button", name="Approve")
    card.get_by_role("textbox", name=re.compile("note", re.IGNORECASE)).fill("fine")
    expect(approve).to_be_disabled()
    card.get_by_label("Your name").fill("jane")
    card.get_by_role("textbox", name=re.compile("note", re.IGNORECASE)).fill("no")
    expect(approve).to_be_disabled()

    card.get_by_role("textbox", name=re.compile("note", re.IGNORECASE)).fill("fine")
    approve.click()

    expect(card).to_contain_text("Approved by jane")
    assert stack.call("GET", f"/v1/approvals/{run}/ask")["output"]["form"] == {"note": "fine"}


def test_a_back_off_counts_down_and_can_be_ended(stack: Stack, panel: Opened) -> None:
    policy = {"max_attempts": 5, "initial_interval": "1h", "maximum_interval": "1h", "jitter": "none"}
    broken = node("fetch", handler="unreliable_handler") | {"config": {"fail_times": 9}, "retry": policy}
    run = stack.submit(workflow(broken))
    stack.wait_node(run, "fetch", "WAITING")
    found = panel(run, "fetch")
    expect(found.get_by_role("timer")).to_have_text(re.compile(r"^Next attempt in (59 min|1 h)"))
    expect(found.get_by_role("region", name="Attempts").get_by_role("button")).to_have_count(1)

    found.get_by_role("button", name="Retry now").click()

    expect(found.get_by_role("region", name="Attempts").get_by_role("button")).to_have_count(2)
    found.page.keyboard.press("[")
    expect(found.get_by_role("button", name=re.compile("^Attempt 1"))).to_have_attribute(
        "aria-pressed", "true"
    )


def test_a_node_is_completed_by_hand_after_what_that_touches(stack: Stack, panel: Opened) -> None:
    run = stack.submit(
        workflow(node("wait", handler="delay") | {"config": {"seconds": 3600}}, node("next", after=["wait"]))
    )
    stack.wait_node(run, "wait", "WAITING")
    found = panel(run, "wait")
    found.get_by_role("button", name="Complete…").click()
    dialog = found.page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 node after it: next")
    dialog.get_by_role("textbox", name=re.compile("^Output")).fill('{"sum": 3}')
    dialog.get_by_label("Your name").fill("jane")

    dialog.get_by_role("button", name="Complete", exact=True).click()

    expect(found.locator(".panel-head")).to_contain_text("completed")
    expect(found.locator(".json-tree")).to_contain_text("sum")
    assert stack.call("GET", f"/v1/executions/{run}/nodes/wait/output") == {"sum": 3}


def test_what_never_ran_leads_to_what_failed(stack: Stack, panel: Opened) -> None:
    broken = node("broken", handler="break") | {"config": {"message": "no such card " + "x" * 900}}
    run = stack.submit(workflow(broken, node("behind", after=["broken"])))
    stack.wait_end(run)
    found = panel(run, "behind")

    found.get_by_role("link", name="broken").click()

    expect(found.get_by_role("heading", level=2).first).to_have_text("broken")
    error = found.get_by_role("region", name="Error")
    assert len(error.inner_text()) < 700
    error.get_by_role("button", name=re.compile("^more")).click()
    expect(error).to_contain_text("x" * 900)


def test_an_item_is_opened_like_a_node(stack: Stack, panel: Opened) -> None:
    mapped = node("half", handler="transform", map={"items": [4, 0, 2], "tolerated_failure_count": 1})
    run = stack.submit(workflow(mapped | {"config": {"expression": "{{ 8 // item }}"}}))
    stack.wait_end(run)
    found = panel(run, "half")
    rows = found.get_by_role("table", name="Items of half").get_by_role("row")
    expect(rows).to_have_count(4)
    found.get_by_label("Items with status").select_option("FAILED")
    expect(rows).to_have_count(2)

    rows.nth(1).click()

    expect(found.get_by_role("heading", level=2).first).to_have_text("half[1]")
    expect(found.get_by_role("region", name="Error")).to_contain_text("TemplateError")
    found.get_by_role("button", name="next", exact=True).click()
    expect(found.locator(".json-tree")).to_contain_text("result:4")


def test_a_long_number_keeps_its_digits_and_is_sent_as_it_was(stack: Stack, panel: Opened) -> None:
    many = 12345678901234567890
    run = stack.submit(
        workflow(node("give", handler="give", config={"output": "{{ inputs }}"})), {"n": many, "x": 0.1}
    )
    stack.wait_end(run)
    found = panel(run, "give")
    expect(found.locator(".json-tree")).to_contain_text(str(many))

    page = found.page
    page.get_by_role("button", name="Run again…").click()
    page.get_by_role("dialog").get_by_role("button", name="Run", exact=True).click()

    expect(page).not_to_have_url(re.compile(run))
    again = page.url.rpartition("/")[2].partition("?")[0]
    assert stack.call("GET", f"/v1/executions/{again}")["inputs"] == {"n": many, "x": 0.1}


def test_a_large_output_is_read_when_it_is_wanted(stack: Stack, panel: Opened) -> None:
    run = stack.submit(
        workflow(node("big", handler="give") | {"config": {"output": {"rows": list(range(9_000))}}})
    )
    stack.wait_end(run)
    found = panel(run, "big")
    expect(found.locator(".json-tree")).to_have_count(0)

    found.get_by_role("button", name="Load it all").click()

    expect(found.locator(".json-tree")).to_contain_text("[9\u202f000 items]")


def test_a_log_is_followed_and_filtered(stack: Stack, panel: Opened) -> None:
    run = stack.submit(
        workflow(node("talk", handler="give", config={"lines": [f"line {number}" for number in range(250)]}))
    )
    stack.wait_end(run)
    found = panel(run, "talk", "logs")
    lines = found.get_by_role("log").locator(".log-line")
    expect(lines).to_have_count(200)
    expect(lines.last).to_contain_text("line 249")

    found.get_by_role("button", name="50 earlier lines").click()
    expect(lines).to_have_count(250)
    expect(lines.first).to_contain_text("line 0")
    found.get_by_label("Level").select_option("error")

    expect(lines).to_have_count(0)


def test_a_signal_is_sent_to_the_node_that_waits_for_it(stack: Stack, panel: Opened) -> None:
    run = stack.submit(workflow(node("paid", handler="wait_for_signal") | {"config": {"name": "paid"}}))
    stack.wait_node(run, "paid", "WAITING")
    found = panel(run, "paid")
    found.get_by_role("textbox", name=re.compile("^Payload")).fill('{"sum": 250}')

    found.get_by_role("button", name="Send paid").click()

    expect(found.locator(".json-tree")).to_contain_text("sum:250")


def test_the_end_of_a_process_and_where_the_code_was_can_be_read_as_they_were_written(
    stack: Stack, panel: Opened
) -> None:
    details = {"signal": "SIGKILL", "last_lines": ["loading 3 of 9", "out of memory"], "code": 7}
    crash = {"type": "HandlerCrashed", "message": "its process ended", "details": details}
    where = {"traceback": 'File "steps.py", line 7\n    call()', "signal": {"of": "mine"}}
    run = stack.submit(
        workflow(
            node("crash", handler="break", config=crash),
            node("raise", handler="break", config={"details": where}),
        )
    )
    stack.wait_end(run)

    error = panel(run, "crash").get_by_role("region", name="Error")
    expect(error).to_contain_text("Its process was ended by SIGKILL")
    expect(error.get_by_role("region", name="The last lines of its process")).to_have_text(
        "loading 3 of 9\nout of memory", use_inner_text=True
    )
    error.get_by_text("Details").click()
    expect(error.locator(".json")).to_contain_text("7")
    expect(error.locator(".json")).not_to_contain_text("SIGKILL")

    error = panel(run, "raise").get_by_role("region", name="Error")
    expect(error.get_by_role("region", name="Traceback")).to_have_text(
        'File "steps.py", line 7\n    call()', use_inner_text=True
    )
    expect(error.get_by_role("button", name="Copy: Traceback")).to_be_visible()
    expect(error).not_to_contain_text("process")
