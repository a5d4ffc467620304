"""Nodes of durable handlers on the page: what they wait for, letters to them, and their journals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.faults import Faults
from tests.browser.modules import Module
from tests.browser.stack import Stack
from tests.dags import node, workflow

REPLY = {
    "type": "object",
    "properties": {"reply": {"type": "string", "title": "Reply", "minLength": 1}},
    "required": ["reply"],
}


def clerk_run(stack: Stack, status: str = "WAITING", **config: Any) -> str:
    """A run of one durable node; gives its id once the node has a status."""
    document = workflow(node("clerk", handler="clerk", config=config))
    if "events" in config:
        document["interface"] = {"inbox": "clerk", "events": config.pop("events")}
    run = stack.submit(document)
    stack.wait_node(run, "clerk", status)
    return run


def panel_of(page: Page) -> Locator:
    return page.locator(".node-panel")


def test_a_parked_node_says_all_it_waits_for_and_goes_on_with_a_letter(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    words = [f"the answer of person {number}" for number in range(8)]
    run = clerk_run(stack, waits_for=words)
    panel = panel_of(open_page(f"/ui/runs/{run}?node=clerk"))
    waiting = panel.get_by_role("region", name="What it waits for")
    expect(waiting).to_contain_text("Waits for a letter until 20")
    expect(waiting.get_by_role("listitem")).to_have_text(words)
    expect(waiting.get_by_role("timer")).to_contain_text("Called again in 23 h")
    send = panel.get_by_role("button", name="Send", exact=True)
    expect(send).to_be_disabled()

    panel.get_by_label("Letter JSON").fill('{"colour": "blue"}')
    send.click()

    assert stack.wait_end(run) == "COMPLETED"
    assert stack.call("GET", f"/v1/executions/{run}/nodes/clerk/output") == {"letters": [{"colour": "blue"}]}
    expect(panel.get_by_role("region", name="Letter")).to_have_count(0)


def test_a_letter_whose_answer_was_lost_is_sent_again_and_is_there_once(
    stack: Stack, open_page: Callable[[str], Page], faults: Faults
) -> None:
    run = clerk_run(stack, wanted=2)
    page = open_page(f"/ui/runs/{run}?node=clerk")
    panel = panel_of(page)
    faults.allow("ERR_FAILED")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/inbox", lose, times=1)
    panel.get_by_label("Letter JSON").fill('"yes"')
    send = panel.get_by_role("button", name="Send", exact=True)
    send.click()
    expect(panel.get_by_role("alert")).to_contain_text("cannot be reached")

    send.click()

    expect(panel.get_by_role("status").filter(has_text="Sent: letter 1.")).to_be_visible()
    assert stack.call("GET", f"/v1/executions/{run}/nodes/clerk/inbox")["last"] == 1


def test_a_letter_that_is_refused_says_why_and_stays(
    stack: Stack, open_page: Callable[[str], Page], faults: Faults
) -> None:
    run = clerk_run(stack)
    panel = panel_of(open_page(f"/ui/runs/{run}?node=clerk"))
    faults.allow("status of 413")
    letter = panel.get_by_label("Letter JSON")

    letter.fill(json.dumps("x" * 300_000))
    panel.get_by_role("button", name="Send", exact=True).click()

    expect(panel.get_by_role("alert")).to_contain_text("262,144")
    expect(letter).not_to_be_empty()


def test_an_event_of_a_declared_type_is_sent_to_a_node_that_runs(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    run = clerk_run(stack, "RUNNING", is_busy=True, events={"Hurry": {}, "Reply": {"schema": REPLY}})
    panel = panel_of(open_page(f"/ui/runs/{run}?node=clerk"))
    expect(panel.get_by_role("button", name="Send Hurry")).to_be_enabled()

    panel.get_by_label("Type").select_option("Reply")
    send = panel.get_by_role("button", name="Send Reply")
    expect(send).to_be_disabled()
    panel.get_by_role("textbox", name="Reply").fill("blue")
    send.click()

    assert stack.wait_end(run) == "COMPLETED"
    sent = {"type": "Reply", "value": {"reply": "blue"}, "step": None}
    assert stack.call("GET", f"/v1/executions/{run}/nodes/clerk/output") == {"letters": [sent]}


def test_types_that_are_waited_for_are_offered_first(pure: Callable[[str], Module]) -> None:
    part = pure("pages/run/letter_form.js")
    declared = {"Said": {}, "Reply": {"schema": REPLY}, "ReplyLater": None}
    definition = {"interface": {"inbox": "talk", "events": declared}}

    offered, others, plain = part.each(
        "eventTypes",
        (definition, "talk", ["step 'ask' waits for Reply"]),
        (definition, "another", []),
        ({"interface": {"events": declared}}, "talk", []),
    )

    assert [(each["name"], each["isAwaited"]) for each in offered] == [
        ("Reply", True),
        ("Said", False),
        ("ReplyLater", False),
    ]
    assert [each["schema"] for each in offered] == [REPLY, None, None]
    assert (others, plain) == (None, None)


def test_a_journal_is_read_backwards_in_pages_behind_its_snapshot(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    run = clerk_run(stack, entries=[{"step": number} for number in range(1, 131)], through=10)
    page = open_page(f"/ui/runs/{run}?node=clerk&panel=journal")
    journal = panel_of(page).get_by_role("tabpanel")
    expect(journal).to_contain_text("120 of 130 kept")
    expect(journal.get_by_role("region", name="Snapshot")).to_contain_text("In place of 10 entries")
    rows = journal.get_by_role("table", name="Journal of clerk")
    expect(rows.get_by_role("row").last).to_contain_text("step: 130")
    expect(rows).to_have_attribute("aria-rowcount", "101")

    journal.get_by_role("button", name="Earlier entries: 20").click()

    expect(rows).to_have_attribute("aria-rowcount", "121")
    expect(journal.get_by_role("button", name="Earlier entries")).to_have_count(0)
    # What comes meanwhile is counted, or read, without being asked for.
    stack.call("POST", f"/v1/executions/{run}/pause", {})
    stack.wait_status(run, "PAUSED")
    stack.call("POST", f"/v1/executions/{run}/nodes/clerk/inbox", {"payload": "x" * 2_000})
    expect(journal).to_contain_text("1 waits, 0 taken")
    stack.call("POST", f"/v1/executions/{run}/resume", {})
    expect(journal).to_contain_text("0 wait, 1 taken")
    last = rows.get_by_role("row").last
    rows.press("End")
    expect(last).to_contain_text("letter: xxx")
    last.click()
    entry = page.get_by_role("dialog", name="Entry 131 of clerk")
    expect(entry).to_contain_text("more, 2\u202f000 characters")


def test_other_nodes_have_no_journal_and_events_that_were_repeated_are_marked(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    run = stack.submit(workflow(node("tell", handler="tell", config={"words": ["hello"]})))
    assert stack.wait_end(run) == "COMPLETED"
    page = open_page(f"/ui/runs/{run}?tab=events&node=tell&panel=journal")
    # A tab that a node does not have is not opened by an address either.
    expect(panel_of(page).get_by_role("tab", name="Output")).to_have_attribute("aria-selected", "true")
    expect(panel_of(page).get_by_role("tab", name="Journal")).to_have_count(0)

    panel_of(page).get_by_role("tab", name="Events").click()

    for name in ("Events", "Events of tell"):
        said = page.get_by_role("table", name=name, exact=True).get_by_role("row").filter(has_text="Said")
        expect(said).to_have_count(2)
        expect(said.first.get_by_text("repeated")).to_be_hidden()
        expect(said.last.get_by_text("repeated")).to_be_visible()
