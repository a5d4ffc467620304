"""What a page does while the server is slow, away or half there, and with people in a hurry."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.faults import Faults
from tests.browser.modules import Module
from tests.browser.stack import Stack
from tests.dags import node, workflow

AWAY = "The server or its Redis cannot be reached."

#: Presses a button twice before the page has drawn anything between.
_TWICE = "(button) => { button.click(); button.click(); }"


def held(name: str, gate: str) -> dict[str, Any]:
    return workflow(node("hold", handler="hold", config={"gate": gate}), name=name)


def test_a_quiet_run_says_that_the_store_is_away(
    stack: Stack, page: Page, faults: Faults, open_page: Callable[[str], Page]
) -> None:
    faults.allow("status of 503")
    run = stack.submit(held("Quiet", "quiet"))
    page.clock.install()
    open_page(f"/ui/runs/{run}")
    connection = page.locator(".run-head .connection")
    expect(connection).to_have_text("live")

    # The stream stays open: it is not what says so.
    page.route("**/readyz", lambda route: route.fulfill(status=503, json={"status": "unavailable"}))
    page.clock.run_for(12_000)
    expect(page.get_by_role("alert")).to_contain_text(AWAY)
    expect(connection).to_have_text("reconnecting")
    expect(page.get_by_role("heading", level=1)).to_have_text("Quiet")

    page.unroute("**/readyz")
    page.clock.run_for(6_000)
    expect(connection).to_have_text("live")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_an_answer_that_breaks_off_is_a_lost_connection(
    page: Page, faults: Faults, module: Callable[[str], Module]
) -> None:
    faults.allow("status of 502")
    api = module("core/api.js")
    page.route("**/v1/half", lambda route: route.fulfill(body='{"items": [', content_type="application/json"))
    page.route("**/v1/proxy", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))

    asked = """({ api, isReachable }, path) => api.get(path).catch(
        (error) => [error.constructor.name, error.status, isReachable.peek()])"""
    assert api.run(asked, "/v1/half") == ["ApiError", 0, False]
    assert api.run(asked, "/health") == {"status": "ok"}
    assert api.run(asked, "/v1/proxy") == ["ApiError", 502, False]


def test_what_is_asked_for_again_and_again_comes_over_a_slow_network_too(
    page: Page, module: Callable[[str], Module]
) -> None:
    page.clock.install()
    poll = module("core/poll.js")
    poll.run(
        """({ poll }) => {
            let asked = 0;
            const read = () => { asked += 1; return new Promise((done) => setTimeout(done, 5_200, asked)); };
            window.polled = { ...poll(read, 1_000), asked: () => asked };
        }"""
    )

    page.clock.run_for(5_500)
    assert page.evaluate("() => [window.polled.value.peek(), window.polled.asked()]") == [1, 1]
    page.clock.run_for(6_000)
    assert page.evaluate("() => [window.polled.value.peek(), window.polled.asked()]") == [2, 2]


def test_a_quiet_stream_that_ends_in_order_is_asked_for_at_once(
    page: Page, module: Callable[[str], Module]
) -> None:
    page.clock.install()
    stream = module("core/stream.js")
    stream.run(
        """({ follow }) => {
            window.asked = 0;
            window.fetch = async () => {
                window.asked += 1;
                const ends = (controller) => setTimeout(() => controller.close(), 2_000);
                return new Response(new ReadableStream({ start: ends }));
            };
            follow(() => "/v1/feed", { onEvents: () => {} });
        }"""
    )

    page.clock.run_for(2_100)
    assert page.evaluate("() => window.asked") == 2


def test_the_last_hour_is_the_servers(module: Callable[[str], Module]) -> None:
    filters = module("pages/runs/filters.js")
    early, wanted = filters.run(
        """async ({ filtersOf, isWanted }) => {
            const { setClockBy } = await import("/ui/static/core/time.js");
            // This browser is an hour late.
            setClockBy(new Date(Date.now() + 3_600_000).toUTCString());
            const found = filtersOf({ since: "1h" });
            const row = (ms) => ({ name: "x", execution_id: "x", labels: {}, parent: null, status: "RUNNING",
                created_at: new Date(Date.now() + ms).toISOString() });
            return [Date.parse(found.query.created_after) - Date.now(),
                [isWanted(row(-60_000), found), isWanted(row(60_000), found)]];
        }"""
    )

    assert abs(early) < 5_000
    assert wanted == [False, True]


def test_an_address_that_somebody_made_up_is_no_fault(open_page: Callable[[str], Page]) -> None:
    page = open_page("/?since=__proto__&status=constructor,__proto__&label=a:b&text=%00&__proto__=1")

    expect(page.get_by_role("heading", level=1)).to_have_text("Runs")
    expect(page.get_by_label("Filter by text")).to_be_visible()


def test_pressed_twice_it_happens_once(stack: Stack, open_page: Callable[[str], Page]) -> None:
    run = stack.submit(held("Hurried", "hurried"))
    page = open_page(f"/ui/runs/{run}")
    page.get_by_role("button", name="Run again…").evaluate(_TWICE)
    dialog = page.get_by_role("dialog", name="Run again")
    expect(dialog).to_have_count(1)
    dialog.get_by_role("button", name="Run", exact=True).evaluate(_TWICE)
    expect(dialog).to_have_count(0)
    expect(page).not_to_have_url(f"{stack.url}/ui/runs/{run}")
    found = stack.call("GET", "/v1/executions", params={"name_prefix": "Hurried"})
    assert len(found["items"]) == 2

    page.get_by_role("button", name="Send signal…").click()
    page.get_by_role("combobox", name="Signal").fill("hurry")
    page.get_by_role("button", name="Send the signal").evaluate(_TWICE)
    expect(page.get_by_role("dialog")).to_have_count(0)
    again = page.url.rpartition("/")[2]
    events = stack.call("GET", f"/v1/executions/{again}/history")["items"]
    assert [each["type"] for each in events if "signal" in each["type"]] == ["signal.received"]


def test_what_a_page_has_opened_closes_with_it(stack: Stack, open_page: Callable[[str], Page]) -> None:
    run = stack.submit(held("Left", "left"))
    open_page("/")
    page = open_page(f"/ui/runs/{run}")
    page.get_by_role("button", name="Cancel…").click()
    expect(page.get_by_role("dialog", name="Cancel this run?")).to_be_visible()

    page.evaluate(
        "() => window.dispatchEvent(new PopStateEvent('popstate', history.replaceState(null, '', '/')))"
    )
    expect(page.get_by_role("heading", level=1)).to_have_text("Runs")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_list_that_is_read_slowly_takes_nothing_back(
    stack: Stack, open_page: Callable[[str], Page]
) -> None:
    run = stack.submit(held("Slowly", "slowly"))
    page = open_page("/")
    row = page.get_by_role("row").filter(has_text="Slowly")
    expect(row).to_contain_text("running")

    def late(route: Route) -> None:
        answer = route.fetch()
        stack.open_gate("slowly")
        stack.wait_end(run)
        expect(row).to_contain_text("completed")
        route.fulfill(response=answer)
        answered.append(answer.url)

    answered: list[str] = []
    page.route("**/v1/executions?*", late, times=1)
    page.get_by_label("with children").check()
    while not answered:
        page.wait_for_timeout(20)
    expect(page.get_by_role("button", name="Remove the filter with children")).to_be_visible()
    expect(row).to_contain_text("completed")


def test_a_blank_between_words_stays(module: Callable[[str], Module]) -> None:
    view = module("core/view.js")

    assert view.run(
        "({ html }) => { const by = html`<b>by</b> `; return html`<p>\n  ${by}us\n</p>`.textContent.trim(); }"
    ) == ("by us")


def test_what_a_browser_may_not_keep_it_does_without(
    stack: Stack, page: Page, open_page: Callable[[str], Page]
) -> None:
    forbidden = "get() { throw new DOMException('not here', 'SecurityError'); }"
    for storage in ("localStorage", "sessionStorage"):
        page.add_init_script(f"Object.defineProperty(window, '{storage}', {{ {forbidden} }})")
    run = stack.submit(workflow(node("ask", handler="approval", config={"prompt": "Go?"}), name="Forgetful"))
    stack.wait_node(run, "ask", "WAITING")
    open_page(f"/ui/runs/{run}?node=ask")

    page.get_by_role("button", name="Other runs").click()
    expect(page.get_by_role("list", name="Other runs")).to_contain_text("Forgetful")
    page.get_by_role("button", name="Dark", exact=True).click()
    expect(page.get_by_role("button", name="Light", exact=True)).to_be_visible()
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".run-head .chip-large")).to_have_text("completed")
    open_page("/ui/edit")
    page.get_by_role("button", name="Save as workflow…").click()
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page).to_have_url(f"{stack.url}/ui/edit?workflow=hello")


def test_a_run_that_is_removed_leaves_no_picture_behind(
    stack: Stack, page: Page, faults: Faults, open_page: Callable[[str], Page]
) -> None:
    faults.allow("status of 404")
    run = stack.submit(workflow(node("A"), name="Short-lived"))
    assert stack.wait_end(run) == "COMPLETED"
    page.clock.install()
    open_page(f"/ui/runs/{run}")
    expect(page.locator(".run-head .connection")).to_have_text("ended")

    stack.call("DELETE", f"/v1/executions/{run}")
    page.clock.run_for(11_000)

    expect(page.get_by_role("heading", level=1)).to_have_text("No such run")
    expect(page.get_by_role("button", name="Run again…")).to_have_count(0)


def test_of_several_that_are_requeued_one_that_cannot_be_holds_no_other_back(
    stack: Stack, faults: Faults, open_page: Callable[[str], Page]
) -> None:
    faults.allow("status of 500")
    tries = {"max_attempts": 2, "initial_interval": "1ms"}
    letters = [
        node(name, handler="unreliable", config={"fail_times": 9}, retry=tries) for name in ("one", "two")
    ]
    runs = [stack.submit(workflow(each, name="Letters")) for each in letters]
    assert {stack.wait_end(run) for run in runs} == {"FAILED"}
    page = open_page("/ui/dead")
    boxes = page.get_by_role("checkbox", name=re.compile("^Select (one|two) of"))
    expect(boxes).to_have_count(2)
    for box in boxes.all():
        box.check()
    page.get_by_role("button", name="Drop…").click()
    dialog = page.get_by_role("dialog", name="Drop 2 entries?")
    page.route("**/v1/dead/*", lambda route: route.fulfill(status=500, json={"detail": "not now"}), times=1)

    dialog.get_by_role("button", name="Drop").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not now")
    expect(boxes).to_have_count(1)
    # Pressed again, it goes on with what is left.
    dialog.get_by_role("button", name="Drop").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(boxes).to_have_count(0)


def test_what_had_no_answer_is_asked_for_again_when_the_server_is_back(
    stack: Stack, page: Page, faults: Faults, open_page: Callable[[str], Page]
) -> None:
    faults.allow("status of 503")
    stack.call("PUT", "/v1/workflows/waited-for", {"definition": workflow(node("A"), name="Waited for")})
    page.clock.install()
    page.route("**/v1/workflows/waited-for", lambda route: route.fulfill(status=503, json={}))
    page.route("**/readyz", lambda route: route.fulfill(status=503, json={}))
    page.goto("/ui/workflows/waited-for")
    expect(page.get_by_role("main").get_by_text("the server answered 503")).to_be_visible()

    page.unroute("**/v1/workflows/waited-for")
    page.unroute("**/readyz")
    page.clock.run_for(6_000)
    expect(page.get_by_role("heading", level=1)).to_have_text("Waited for")
