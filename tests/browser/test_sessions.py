"""Where keys are required: the question for one, what it opens, and that nothing outlives a session."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from redis import Redis as SyncRedis

from tests.browser.faults import Faults
from tests.browser.looking import settle
from tests.browser.stack import Stack, running_stack
from tests.dags import node, workflow
from tests.redis_server import RedisServer

OPERATOR_KEY = "the-key-of-the-operator"
OPERATOR = {"Authorization": f"Bearer {OPERATOR_KEY}"}
#: What a page is refused on its way to the question.
REFUSED = r"status of (401|403|404|422)"


@pytest.fixture(scope="module")
def stack(page_redis: RedisServer) -> Iterator[Stack]:
    with SyncRedis(port=page_redis.port) as client:
        client.flushall()
    with running_stack(page_redis.url, auth_required=True, operator_key=OPERATOR_KEY) as made:
        yield made


class Tenant:
    """A tenant, with a first key that may do everything."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.stack = stack
        made = stack.call("POST", "/v1/tenants", {"name": name}, headers=OPERATOR)
        self.key: str = made["api_key"]["key"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return self.stack.call(method, path, body, headers={"Authorization": f"Bearer {self.key}"})

    def another_key(self, *scopes: str) -> dict[str, Any]:
        made: dict[str, Any] = self.call("POST", "/v1/keys", {"name": "another", "scopes": list(scopes)})
        return made

    def run(self, name: str) -> str:
        """Start a run that waits for somebody."""
        ask = node("ask", handler="approval", config={"prompt": f"Shall {name} go on?"})
        body = {"definition": workflow(ask, name=name), "trigger": True}
        started: str = self.call("POST", "/v1/executions", body)["execution_id"]
        return started


@pytest.fixture(scope="module")
def tenants(stack: Stack) -> tuple[Tenant, Tenant]:
    return Tenant(stack, "red"), Tenant(stack, "blue")


def enter(page: Page, key: str) -> None:
    """Answer the question for a key by the keyboard alone."""
    page.get_by_label("API key").fill(key)
    page.keyboard.press("Enter")


def test_a_wrong_key_is_refused_in_words_and_a_right_one_opens(
    page: Page, faults: Faults, tenants: tuple[Tenant, Tenant]
) -> None:
    faults.allow(REFUSED)
    red, _ = tenants
    page.goto("/ui/settings")
    dialog = page.get_by_role("dialog", name="Sign in")
    for wrong in ("nonsense", "hr_" + "x" * 2_000):
        enter(page, wrong)
        expect(dialog.get_by_role("alert")).not_to_be_empty()
    dialog.get_by_role("button", name="Not now").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("This server requires an API key")
    page.get_by_role("button", name="Sign in…").click()
    enter(page, red.key)
    expect(page.get_by_role("heading", level=1)).to_have_text("Settings")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_with_its_key_all_of_a_session_goes(
    page: Page, faults: Faults, tenants: tuple[Tenant, Tenant]
) -> None:
    faults.allow(REFUSED)
    red, blue = tenants
    key = red.another_key("read", "run")
    run = red.run("Red secret")
    page.goto(f"/ui/runs/{run}")
    enter(page, key["key"])
    expect(page.locator(".run-head .connection")).to_have_text("live")
    page.get_by_role("button", name="Run again…").click()
    expect(page.get_by_role("dialog", name="Run again")).to_be_visible()

    red.call("DELETE", f"/v1/keys/{key['key_id']}")

    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(1)
    assert "Red secret" not in page.content()
    enter(page, blue.key)
    expect(page.get_by_role("heading", level=1)).to_have_text("No such run")


def test_tabs_of_one_browser_have_one_session(
    context: BrowserContext, page: Page, faults: Faults, tenants: tuple[Tenant, Tenant]
) -> None:
    faults.allow(REFUSED)
    red, blue = tenants
    red.run("Red again")
    blue.run("Blue alone")
    page.goto("/")
    enter(page, red.key)
    row = page.get_by_role("link", name="Red again")
    expect(row.first).to_be_visible()
    other = context.new_page()
    other.goto("/ui/settings")
    settle(other)

    other.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    expect(row).to_have_count(0)
    enter(page, blue.key)
    expect(page.get_by_role("link", name="Blue alone")).to_be_visible()
    expect(row).to_have_count(0)
    expect(page.locator("nav .badge")).to_have_text(["1"])
    # And the question there is answered by this.
    expect(other.get_by_role("dialog")).to_have_count(0)
    expect(other.get_by_role("definition").first).to_have_text("blue")


def test_what_a_tenant_left_unsaved_is_not_shown_to_another(
    page: Page, faults: Faults, tenants: tuple[Tenant, Tenant]
) -> None:
    faults.allow(REFUSED)
    red, blue = tenants
    text = page.get_by_role("textbox", name="Definition")
    page.goto("/ui/edit")
    enter(page, red.key)
    text.fill("name: red-secret\n")
    page.context.clear_cookies()
    text.press_sequentially("nodes:")
    enter(page, blue.key)
    expect(text).to_be_visible()
    assert "red-secret" not in text.input_value()

    # It was not lost.
    page.context.clear_cookies()
    page.reload()
    enter(page, red.key)
    expect(text).to_have_value(re.compile("red-secret"))


def test_pages_of_the_operator_say_so_to_a_tenant(
    page: Page, faults: Faults, tenants: tuple[Tenant, Tenant]
) -> None:
    faults.allow(REFUSED)
    page.goto("/ui/workers")
    enter(page, tenants[0].key)

    expect(page.get_by_role("alert")).to_contain_text("belongs to the operator")
    # Nobody has said so.
    expect(page.get_by_text("No worker is connected")).to_have_count(0)
    expect(page.get_by_text("No queue has been used yet")).to_have_count(0)
