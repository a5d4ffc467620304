"""What a reader of a run may rely on: nothing is missed, whatever becomes of the connection or of the tab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chromium import new_context
from tests.browser.looking import settle
from tests.browser.network import network
from tests.browser.stack import Stack
from tests.dags import node, workflow

LOSSES = 10

#: All that the table of nodes says, with moments in place of "3 s ago", by node.
_ROWS = """() => [...document.querySelectorAll('[role=table][aria-label=Nodes] .rows [role=row]')]
    .map((row) => [...row.querySelectorAll('[role=cell]')]
        .map((cell) => cell.querySelector('time')?.title ?? cell.innerText.trim())).sort()"""

#: A headless browser shows all of its tabs at once: what the page is told of its tab comes from the test.
_TAB = """
let isHidden = false;
Object.defineProperty(document, "hidden", { get: () => isHidden });
Object.defineProperty(document, "visibilityState", { get: () => (isHidden ? "hidden" : "visible") });
window.setHidden = (value) => {
    isHidden = value;
    document.dispatchEvent(new Event("visibilitychange"));
};
"""


def test_who_loses_the_connection_ten_times_sees_what_everybody_sees(
    stack: Stack, open_page: Callable[[str], Page], browser: Browser
) -> None:
    run = stack.submit(long_way())
    steady = open_page(f"/ui/runs/{run}?tab=nodes")
    with network(stack) as way, new_context(browser, way.url) as elsewhere:
        shaken = elsewhere.new_page()
        shaken.goto(f"/ui/runs/{run}?tab=nodes")
        settle(shaken)
        for number in range(LOSSES):
            expect(shaken.locator(".run-head .connection")).to_have_text("live")
            way.cut()
            expect(shaken.locator(".run-head .connection")).to_have_text("reconnecting")
            # Whatever happens now, the page hears of it later.
            stack.open_gate(f"gate_{number}")
            stack.wait_node(run, f"hold_{number}", "COMPLETED")
            way.mend()

        assert stack.wait_end(run) == "FAILED"
        for each in (steady, shaken):
            expect(each.locator(".run-head .chip-large")).to_have_text("failed")
            expect(each.locator(".run-head .connection")).to_have_text("ended")
            # Which failure kept a node from running, the view that is read at the end says.
            expect(each.get_by_text("because of broken").first).to_be_visible()
        view = stack.call("GET", f"/v1/executions/{run}")
        rows = steady.evaluate(_ROWS)
        assert shaken.evaluate(_ROWS) == rows
        assert sorted(row[1] for row in rows) == sorted(each["node_id"] for each in view["nodes"])
        for part in (".counts", "[aria-label='What failed']"):
            assert shaken.locator(part).inner_text() == steady.locator(part).inner_text()


def test_seven_tabs_of_one_browser_go_on(stack: Stack, context: BrowserContext, page: Page) -> None:
    # Seven: a browser has six connections to a server, and each tab that is seen holds one.
    context.add_init_script(_TAB)
    runs = [
        stack.submit(workflow(node("hold", handler="hold", config={"gate": f"tab_{tab}"}), name=f"Tab {tab}"))
        for tab in range(7)
    ]
    tabs = [page, *(context.new_page() for _ in runs[1:])]
    shown = None
    for tab, run in zip(tabs, runs, strict=True):
        if shown is not None:
            shown.evaluate("() => setHidden(true)")
        shown = tab
        tab.goto(f"/ui/runs/{run}?tab=nodes")
        settle(tab)
        expect(tab.locator(".run-head .connection")).to_have_text("live")

    for number in range(7):
        stack.open_gate(f"tab_{number}")
    assert {stack.wait_end(run) for run in runs} == {"COMPLETED"}
    expect(tabs[-1].locator(".run-head .chip-large")).to_have_text("completed")
    # What is not seen asks for nothing, and is up to date as soon as it is.
    expect(tabs[0].locator(".run-head .chip-large")).to_have_text("running")
    for tab in (tabs[0], tabs[3]):
        tab.evaluate("() => setHidden(false)")
        expect(tab.locator(".run-head .chip-large")).to_have_text("completed")
        tab.evaluate("() => setHidden(true)")


def test_a_failed_run_names_its_cause_and_completes_once_that_is_mended(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    run = stack.submit(
        workflow(
            node("fetch"),
            node(
                "charge",
                handler="mend",
                after=["fetch"],
                config={"gate": "card", "message": "the card was refused"},
            ),
            node("ship", after=["charge"]),
            node("thank", after=["ship"]),
            name="Order",
        )
    )
    page = open_page(f"/ui/runs/{run}")
    banner = page.get_by_role("region", name="What failed")
    expect(banner).to_contain_text("the card was refused")
    expect(banner).to_contain_text("2 nodes never ran because of it")
    expect(banner.get_by_role("button")).to_have_text(["charge"])

    stack.open_gate("card")
    page.get_by_role("button", name="Retry failed").click()
    dialog = page.get_by_role("dialog", name="Retry what failed?")
    expect(dialog.get_by_role("listitem")).to_have_text(["charge", "ship", "thank"])
    dialog.get_by_role("button", name="Retry", exact=True).click()

    expect(page.locator(".run-head .chip-large")).to_have_text("completed")
    expect(banner).to_be_hidden()
    expect(page.locator(".run-head")).to_contain_text("retried 1 time")


def test_a_failure_that_was_caught_is_no_cause(stack: Stack, open_page: Callable[[str], Page]) -> None:
    failing = {"gate": "never", "message": "no"}
    run = stack.submit(
        workflow(
            node("risky", handler="mend", catch=[{"errors": ["*"], "goto": "cure"}], config=failing),
            node("cure", after=["risky"]),
            node("broken", handler="mend", config=failing),
            name="Caught",
        )
    )
    assert stack.wait_end(run) == "FAILED"

    banner = open_page(f"/ui/runs/{run}").get_by_role("region", name="What failed")

    expect(banner.get_by_role("heading")).to_have_text("1 node failed")
    expect(banner.get_by_role("button")).to_have_text(["broken"])
    expect(banner).to_contain_text("1 more node failed, without failing the run.")


def test_a_run_whose_time_was_over_has_failed_and_names_what_had_not_ended(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    run = stack.submit(
        workflow(
            node("hold", handler="delay", config={"seconds": 600}), name="Late", execution_timeout="200ms"
        )
    )
    assert stack.wait_end(run) == "FAILED"

    page = open_page(f"/ui/runs/{run}")

    expect(page.locator(".run-head .chip-large")).to_have_text("failed")
    expect(page.get_by_role("region", name="What failed")).to_contain_text(
        "not ended: hold (WAITING on delay)"
    )


def test_the_cause_of_a_mapped_node_is_the_item_that_failed(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    one = node("each", handler="break", map={"items": "{{ [7] }}"}, config={"message": "{{ item }} is odd"})
    run = stack.submit(workflow(one, name="Odd"))
    assert stack.wait_end(run) == "FAILED"
    page = open_page(f"/ui/runs/{run}")

    banner = page.get_by_role("region", name="What failed")
    expect(banner).to_contain_text("7 is odd")
    banner.get_by_role("button", name="item 0").click()

    panel = page.get_by_role("complementary", name="Node")
    expect(panel.get_by_role("heading", level=2)).to_have_text("each[0]")


def test_a_signal_is_sent_from_the_head_of_a_run(stack: Stack, open_page: Callable[[str], Page]) -> None:
    schema = {
        "type": "object",
        "properties": {"amount": {"type": "integer", "title": "Amount"}},
        "required": ["amount"],
    }
    run = stack.submit(
        workflow(
            node("paid", handler="wait_for_signal", config={"name": "payment", "schema": schema}),
            name="Payment",
        )
    )
    stack.wait_node(run, "paid", "WAITING")
    page = open_page(f"/ui/runs/{run}")

    page.get_by_role("button", name="Send signal").click()
    dialog = page.get_by_role("dialog", name="Send a signal")
    expect(dialog.get_by_label("Signal")).to_have_value("payment")
    dialog.get_by_label("Amount").fill("250")
    dialog.get_by_role("button", name="Send the signal").click()

    expect(page.locator(".run-head .chip-large")).to_have_text("completed")
    assert stack.call("GET", f"/v1/executions/{run}")["nodes"][0]["output"]["amount"] == 250


def test_a_signal_of_another_name_is_not_sent_until_its_own_form_is_filled_in(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}
    waits = [
        node("anything", handler="wait_for_signal", config={"name": "anything"}),
        node("paid", handler="wait_for_signal", config={"name": "payment", "schema": schema}),
    ]
    run = stack.submit(workflow(*waits, name="Payment"))
    stack.wait_node(run, "paid", "WAITING")
    page = open_page(f"/ui/runs/{run}")
    page.get_by_role("button", name="Send signal").click()
    dialog = page.get_by_role("dialog", name="Send a signal")
    send = dialog.get_by_role("button", name="Send the signal")
    expect(dialog.get_by_label("Signal")).to_have_value("anything")
    expect(send).to_be_enabled()

    dialog.get_by_label("Signal").fill("payment")

    expect(dialog.get_by_label("Amount")).to_be_visible()
    expect(send).to_be_disabled()
    dialog.get_by_label("Amount").fill("250")
    expect(send).to_be_enabled()


def test_the_children_of_a_run_are_listed(stack: Stack, open_page: Callable[[str], Page]) -> None:
    stack.call("PUT", "/v1/workflows/a-child", {"definition": workflow(node("a"), name="The child")})
    parent = node("start", handler="sub_workflow", config={"workflow": "a-child"})
    runs = [stack.submit(workflow(parent, name=name)) for name in ("One parent", "Another")]
    assert {stack.wait_end(run) for run in runs} == {"COMPLETED"}
    page = open_page(f"/ui/runs/{runs[0]}")

    page.get_by_role("button", name="1 child", exact=True).click()
    page.get_by_role("dialog", name="1 child").get_by_role("link", name="The child").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("The child")
    expect(page.locator(".run-head")).to_contain_text("child of")
    expect(page.get_by_role("dialog")).to_have_count(0)


def long_way() -> dict[str, Any]:
    """Ten steps that wait for the test, and what else may change: a retry, a map, a failure, a skip."""
    steps: list[dict[str, Any]] = []
    for number in range(LOSSES):
        after = [f"hold_{number - 1}"] if number else []
        steps.append(node(f"hold_{number}", handler="hold", after=after, config={"gate": f"gate_{number}"}))
    tries = {"max_attempts": 3, "initial_interval": "1ms"}
    return workflow(
        *steps,
        node("worn", handler="unreliable", after=["hold_2"], config={"fail_times": 2}, retry=tries),
        node(
            "many",
            handler="give",
            after=["hold_3"],
            map={"items": "{{ [1, 2, 3] }}"},
            config={"output": "{{ item }}"},
        ),
        node("broken", handler="break", after=["hold_5"], config={"message": "it could not be"}),
        node("never", after=["broken"]),
        name="The long way",
    )
