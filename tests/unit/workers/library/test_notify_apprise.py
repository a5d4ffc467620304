"""The `notify` handler by way of Apprise, with and without the extra."""

from __future__ import annotations

import json
import sys
import types

import pytest

from tests.unit.clients.http.target_server import reply, running_target
from tests.unit.workers.library.notices import fail, run
from workers.context import HandlerContext, Toolbox


@pytest.fixture
def context() -> HandlerContext:
    return HandlerContext(execution_id="e1", node_id="A", tools=Toolbox())


async def test_without_the_extra_apprise_is_named(
    context: HandlerContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)

    failure = await fail(context, channel="apprise", url="json://127.0.0.1", message="x")

    assert (failure.error.type, failure.error.retryable) == ("Notify.NotConfigured", False)
    assert "pip install -r requirements-notify.lock" in failure.error.message


class FakeApprise(list[str]):
    """The part of the package that is used, where the extra is not installed."""

    sent: list[tuple[list[str], dict[str, str]]] = []

    def add(self, urls: str) -> bool:
        self.append(urls)
        return "unknown" not in urls

    async def async_notify(self, **message: str) -> bool:
        FakeApprise.sent.append((list(self), message))
        return "broken" not in self[0]


@pytest.fixture
def apprise(monkeypatch: pytest.MonkeyPatch) -> type[FakeApprise]:
    module = types.ModuleType("apprise")
    module.Apprise = FakeApprise  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "apprise", module)
    FakeApprise.sent = []
    return FakeApprise


async def test_apprise_gets_the_message(context: HandlerContext, apprise: type[FakeApprise]) -> None:
    context.tools.notify_urls = {"ops": "tgram://token/chat"}

    output = await run(context, channel="apprise", url="ops", message="x", title="T", level="error")

    assert output == {"status": "ok", "channel": "apprise", "targets": 1}
    assert apprise.sent == [(["tgram://token/chat"], {"body": "x", "title": "T", "notify_type": "failure"})]


@pytest.mark.parametrize(("url", "retryable"), [("unknown://token", False), ("broken://token", True)])
async def test_what_apprise_cannot_do_fails_the_node(
    context: HandlerContext, apprise: type[FakeApprise], url: str, retryable: bool
) -> None:
    failure = await fail(context, channel="apprise", url=url, message="x")

    assert (failure.error.type, failure.error.retryable) == ("Notify.Failed", retryable)
    assert "token" not in repr(failure)


async def test_in_production_apprise_goes_only_where_the_operator_says(apprise: type[FakeApprise]) -> None:
    context = HandlerContext(execution_id="e1", node_id="A", tools=Toolbox(environment="production"))

    failure = await fail(context, channel="apprise", url="json://10.0.0.1", message="x")

    assert failure.error.type == "ConfigError"
    assert not apprise.sent


# The package imports modules that newer Pythons are to lose.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_the_real_apprise_delivers_where_it_is_installed(context: HandlerContext) -> None:
    pytest.importorskip("apprise")
    async with running_target() as target:
        target.answers["/"] = reply(200)

        output = await run(
            context, channel="apprise", url=f"json://127.0.0.1:{target.port}/", message="hello"
        )

    assert output["targets"] == 1
    assert json.loads(target.seen[0].body)["message"] == "hello"
