"""The pages of workflows: starting one from its form, its versions, and what else starts it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.faults import Faults
from tests.browser.stack import Stack
from tests.dags import node, workflow

EVERY_TYPE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["text", "amount", "is_urgent", "nothing", "address", "pay", "anything"],
    "properties": {
        "text": {"type": "string", "title": "Text", "minLength": 1},
        "long": {"type": "string", "title": "Long", "maxLength": 2000},
        "amount": {"type": "number", "title": "Amount", "minimum": 0},
        "count": {"type": "integer", "title": "Count", "default": 3},
        "is_urgent": {"type": "boolean", "title": "Urgent"},
        "is_gift": {"type": "boolean", "title": "Gift"},
        "left_out": {"type": "string", "title": "Left out"},
        "kind": {"enum": ["new", "used", 7], "title": "Kind"},
        "nothing": {"type": "null", "title": "Nothing"},
        "maybe": {"type": ["string", "null"], "title": "Maybe"},
        "address": {
            "type": "object",
            "title": "Address",
            "required": ["street"],
            "properties": {
                "street": {"type": "string", "title": "Street"},
                "zip": {"type": "string", "title": "Zip"},
            },
        },
        "tags": {"type": "array", "title": "Tags", "items": {"type": "string"}},
        "rows": {
            "type": "array",
            "title": "Rows",
            "items": {"type": "object", "properties": {"n": {"type": "integer", "title": "N"}}},
        },
        "pay": {
            "title": "Pay",
            "oneOf": [
                {
                    "title": "Card",
                    "type": "object",
                    "required": ["card"],
                    "additionalProperties": False,
                    "properties": {"card": {"type": "string", "title": "Number of the card"}},
                },
                {
                    "title": "Invoice",
                    "type": "object",
                    "required": ["days"],
                    "additionalProperties": False,
                    "properties": {"days": {"type": "integer", "title": "Days"}},
                },
            ],
        },
        "free": {"type": "object", "title": "Free", "additionalProperties": {"type": "number"}},
        "anything": {"title": "Anything"},
    },
}
GIVEN: dict[str, Any] = {
    "text": "späť 👍🏽",
    "long": "one\ntwo",
    "amount": 12.5,
    "count": 3,
    "is_urgent": True,
    "is_gift": False,
    "kind": 7,
    "nothing": None,
    "maybe": "perhaps",
    "address": {"street": "Main 1"},
    "tags": ["b", "a"],
    "rows": [{"n": 1}, {"n": -2}],
    "pay": {"days": 14},
    "free": {"x": 0.5},
    "anything": {"deep": [1, None]},
}


def registered(stack: Stack, name: str, **fields: Any) -> dict[str, Any]:
    document = workflow(node("A"), node("B", after=["A"]), name=name, **fields)
    answer: dict[str, Any] = stack.call("PUT", f"/v1/workflows/{name}", {"definition": document})
    return answer


def inputs_of_the_run(stack: Stack, page: Page) -> Any:
    """Wait until the page shows a run; give what it was started with."""
    expect(page).to_have_url(re.compile(r"/ui/runs/[0-9a-f-]{36}"))
    execution_id = page.url.split("/ui/runs/")[1].partition("?")[0]
    return stack.call("GET", f"/v1/executions/{execution_id}")["inputs"]


def add(page: Page, group: str) -> None:
    page.get_by_role("group", name=group, exact=True).get_by_role("button", name="Add", exact=True).click()


def run_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Run", exact=True)


def test_a_form_of_every_type_starts_a_run_with_exactly_these_inputs(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    registered(stack, "every-type", inputs=EVERY_TYPE)
    page = open_page("/ui/workflows/every-type?tab=launch")

    def field(label: str) -> Locator:
        return page.get_by_role("tabpanel").get_by_label(re.compile(f"^{label}"), exact=True).first

    field("Text").fill(GIVEN["text"])
    field("Long").fill(GIVEN["long"])
    field("Amount").fill("12.5")
    field("Urgent").check()
    field("Gift").select_option("no")
    field("Kind").select_option("7")
    page.get_by_label("Form of Maybe").select_option("string")
    page.get_by_role("textbox", name="Maybe").fill("perhaps")
    field("Street").fill("Main 1")
    for number, tag in enumerate(("a", "b"), start=1):
        add(page, "Tags")
        field(f"Tags {number}").fill(tag)
    page.get_by_role("button", name="Move Tags 2 up").click()
    for number, value in enumerate(("1", "-2"), start=1):
        add(page, "Rows")
        row = page.get_by_role("group", name=re.compile(f"^Rows {number}"))
        row.get_by_label(re.compile("^N")).fill(value)
    page.get_by_label("Form of Pay").select_option("Invoice")
    field("Days").fill("14")
    free = page.get_by_role("group", name="Free", exact=True)
    free.get_by_role("button", name="Fill in").click()
    free.get_by_label("Name of another field").fill("x")
    add(page, "Free")
    field("x").fill("0.5")
    field("Anything").fill('{"deep": [1, null]}')
    run_button(page).click()

    assert inputs_of_the_run(stack, page) == GIVEN


def test_the_form_and_its_json_are_one_value(stack: Stack, open_page: Callable[[str], Page]) -> None:
    registered(stack, "twin", inputs=EVERY_TYPE)
    page = open_page("/ui/workflows/twin?tab=launch")

    page.get_by_label("Text").fill("by hand")
    page.get_by_role("button", name="As JSON").click()
    typed = page.get_by_role("textbox", name="Inputs")
    assert '"text": "by hand"' in typed.input_value()
    typed.fill('{"text": "as JSON", "amount": 1, "pay": {"days": 3}}')
    page.get_by_role("button", name="As a form").click()

    expect(page.get_by_label("Text")).to_have_value("as JSON")
    expect(page.get_by_label("Form of Pay")).to_have_value("1")
    run_button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("address is missing")


def test_what_the_server_refuses_stands_at_its_field(
    stack: Stack, open_page: Callable[[str], Page], faults: Faults
) -> None:
    faults.allow("status of 422")
    contains = {"type": "array", "title": "Tags", "items": {"type": "string"}, "contains": {"const": "must"}}
    registered(stack, "refused", inputs={"type": "object", "properties": {"tags": contains}})
    page = open_page("/ui/workflows/refused?tab=launch")

    add(page, "Tags")
    page.get_by_role("textbox", name="Tags 1").fill("may")
    run_button(page).click()

    expect(
        page.get_by_role("group", name="Tags", exact=True).locator(".schema-problem").last
    ).to_contain_text("tags")


def test_inputs_of_an_earlier_run_are_taken_over(stack: Stack, open_page: Callable[[str], Page]) -> None:
    registered(stack, "earlier", inputs=EVERY_TYPE)
    path = "/v1/workflows/earlier/executions"
    earlier = stack.call("POST", path, {"inputs": GIVEN})["execution_id"]
    page = open_page("/ui/workflows/earlier?tab=launch")

    page.get_by_label("Copy inputs from an earlier run").select_option(earlier)
    expect(page.get_by_label("Street")).to_have_value("Main 1")
    page.get_by_label("Street").fill("Main 2")
    page.get_by_text("Labels and key").click()
    page.get_by_label("Labels").fill("team: blue, who: ann")
    page.keyboard.press("Control+Enter")

    assert inputs_of_the_run(stack, page) == GIVEN | {"address": {"street": "Main 2"}}
    (run,) = stack.call("GET", "/v1/executions?label=team:blue")["items"]
    assert run["labels"] == {"team": "blue", "who": "ann"}


def test_a_typed_start_gives_the_form(stack: Stack, open_page: Callable[[str], Page]) -> None:
    start = {
        "name": "OrderPlaced",
        "schema": {"type": "object", "properties": {"order": {"type": "integer"}}},
    }
    registered(stack, "typed", interface={"start": start})
    page = open_page("/ui/workflows/typed?tab=launch")

    expect(page.get_by_role("tabpanel")).to_contain_text("Starts with OrderPlaced")
    page.get_by_label("Order").fill("4711")
    run_button(page).click()

    assert inputs_of_the_run(stack, page) == {"order": 4711}


def test_two_versions_are_compared_line_by_line(stack: Stack, open_page: Callable[[str], Page]) -> None:
    first = registered(stack, "versions", description="First.")
    document = workflow(node("A"), node("B", after=["A"]), name="versions", description="Second.")
    stack.call("PUT", "/v1/workflows/versions", {"definition": document}, headers={"If-Match": "*"})
    page = open_page("/ui/workflows/versions?tab=versions")

    changed = page.get_by_role("group", name="Changed lines")
    expect(changed.locator(".removed code")).to_have_text("description: First.")
    expect(changed.locator(".added code")).to_have_text("description: Second.")
    page.get_by_label("From version").select_option("2")
    expect(page.get_by_text("No difference.")).to_be_visible()
    assert first["version"] == 1


def test_a_webhook_is_made_and_called_by_the_command_that_the_page_signs(
    stack: Stack, open_page: Callable[[str], Page], faults: Faults
) -> None:
    registered(stack, "hooked")
    page = open_page("/ui/workflows/hooked?tab=triggers")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url} {request.post_data or ''}"))

    page.get_by_role("button", name="New webhook…").click()
    page.get_by_label("Deliveries are verified by").select_option("standard")
    page.get_by_label("Path").fill("from-the-page")
    page.get_by_role("button", name="Create webhook").click()
    shown = page.get_by_role("dialog", name="Your new secret")
    secret = shown.locator("pre").inner_text()
    shown.get_by_role("button", name="I have it").click()

    page.get_by_text("Call it with curl").click()
    page.get_by_label("Secret", exact=True).fill(secret)
    command = page.locator("pre", has_text="curl -X POST")
    expect(command).to_contain_text("webhook-signature")
    words = shlex.split(command.inner_text().replace("\\\n", " "))
    headers = dict(word.split(": ", 1) for before, word in pairwise(words) if before == "-H")
    answer = stack.http.post(words[3], content=words[-1], headers=headers)
    assert answer.status_code == 202, answer.text

    page.get_by_role("button", name="Deliver a test").click()
    page.get_by_role("link", name="The run that it started").click()
    expect(page).to_have_url(re.compile("/ui/runs/"))
    assert not [each for each in sent if secret in each], "the secret was sent"


def test_a_webhook_shows_what_deliveries_were_refused_for(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    registered(stack, "guarded")
    stack.call("POST", "/v1/webhooks", {"workflow": "guarded", "scheme": "hub256", "path": "guarded"})
    page = open_page("/ui/workflows/guarded?tab=triggers")
    card = page.get_by_role("region", name="Webhook guarded")
    expect(card).to_contain_text("0 for their signature")
    for headers in ({}, {"X-Hub-Signature-256": f"sha256={'0' * 64}"}, {"X-Hub-Signature-256": "x"}, {}):
        assert stack.http.post("/webhooks/guarded", content=b"{}", headers=headers).status_code == 401

    expect(card).to_contain_text("4 for their signature: 2 missing, 1 malformed, 1 mismatch")
    expect(card).to_contain_text(re.compile(r"last .+: missing, the headers that its scheme asks for"))


def test_a_schedule_leads_to_the_runs_that_it_has_started(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    name = registered(stack, "counted")["name"]
    stack.call("POST", "/v1/schedules", {"workflow": name, "name": "each-noon", "cron": "@daily"})
    stack.call("POST", f"/v1/workflows/{name}/executions", {})
    page = open_page("/ui/schedules")

    stack.call("POST", "/v1/schedules/each-noon/trigger", {})
    page.get_by_role("row", name=re.compile("each-noon")).get_by_role("link", name="1", exact=True).click()

    expect(page.get_by_role("button", name="Remove the filter schedule: each-noon")).to_be_visible()
    expect(page.get_by_text("1 run", exact=True)).to_be_visible()
    # The feed does not say what has started a run: the list is read again.
    stack.call("POST", "/v1/schedules/each-noon/trigger", {})
    expect(page.get_by_text("2 runs", exact=True)).to_be_visible(timeout=15_000)


def test_a_workflow_is_paused_resumed_and_removed(stack: Stack, open_page: Callable[[str], Page]) -> None:
    name = registered(stack, "leaving")["name"]
    stack.call("POST", "/v1/schedules", {"workflow": name, "name": "each-night", "cron": "@daily"})
    page = open_page(f"/ui/workflows/{name}")

    page.get_by_role("button", name="Pause leaving").click()
    expect(page.get_by_text("Paused: people, schedules and webhooks cannot start it")).to_be_visible()
    page.get_by_role("button", name="Resume leaving").click()
    expect(page.get_by_text("Paused: people, schedules and webhooks cannot start it")).to_have_count(0)
    page.get_by_role("button", name="Remove…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("schedule each-night")
    dialog.get_by_role("button", name="Remove").click()

    expect(page.get_by_role("table", name="Workflows")).to_be_visible()
    assert stack.http.get(f"/v1/workflows/{name}").status_code == 404


def test_the_list_is_filtered_by_what_the_address_says(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    registered(stack, "needle-one", description="about hay")
    registered(stack, "other-one")
    page = open_page("/ui/workflows?text=needle")

    expect(page.get_by_role("link", name="needle-one", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="other-one", exact=True)).to_have_count(0)
    page.get_by_label("Filter workflows by text").fill("no such thing")
    expect(page.get_by_text("No workflow has this text")).to_be_visible()
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.get_by_role("link", name="other-one", exact=True)).to_be_visible()
