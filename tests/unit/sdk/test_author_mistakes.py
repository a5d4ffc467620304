"""What those who write handlers and their tests do wrong is said with the way out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from headrace import Context, Skipped, handler
from headrace.registration import HANDLER_REGISTRY
from headrace.testing import FakeHttp, run, run_durable


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = dict(HANDLER_REGISTRY)
    handler("count")(count)
    yield
    HANDLER_REGISTRY.clear()
    HANDLER_REGISTRY.update(before)


def count(config: dict[str, Any], context: Context) -> int:
    return len(config)


async def forever(config: dict[str, Any], context: Context) -> None:
    await asyncio.Event().wait()


def anything(value: Any) -> Any:
    return value


def _raises(error: Any) -> Any:
    raise error


def _rows(config: Any, context: Any) -> Iterator[int]:
    yield 1


async def _pages(config: Any, context: Any) -> AsyncIterator[int]:
    yield 1


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_a_forgotten_await_of_a_call_fails_as_it_does_in_a_worker() -> None:
    async def forgets(config: dict[str, Any], context: Context) -> Any:
        return context.http.request("GET", "https://a.example/").status

    async def awaits(config: dict[str, Any], context: Context) -> Any:
        here = (await context.http.request("GET", "https://a.example/")).status
        # A thread has no loop: there the call itself waits.
        there = await asyncio.to_thread(lambda: context.http.request("GET", "https://b.example/").status)
        return [here, there, len((await context.journal.read()).entries)]

    def waits(config: dict[str, Any], context: Context) -> Any:
        return context.http.request("GET", "https://a.example/").status

    error = run(forgets, http=FakeHttp(1)).error
    assert error is not None
    assert error.message.endswith("object has no attribute 'status'; `await` is probably missing")
    assert run(awaits, http=FakeHttp(1, 2)).output == [200, 200, 0]
    assert run(waits, http=FakeHttp(1)).output == 200


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda c, x: x.input, "the context has no 'input'; did you mean 'inputs'?"),
        (lambda c, x: x.secrets, "a secret comes in the config, by `{{ secrets.NAME }}`"),
        (lambda c, x: x.http.get("u"), "context.http has no 'get'; write context.http.request('GET', url)"),
        (lambda c, x: x.http.request("GET", "u").json(), "write json.loads(result.content)"),
        (lambda c, x: x.http.request("GET", "u").status_code, "write result.status"),
        (lambda c, x: x.progress("half"), "progress takes a number from 0 to 1, or None, got 'half'"),
        (lambda c, x: _raises(Skipped("x")), "Skipped, Waiting and Parked are returned; Skip, Retryable"),
        (lambda c, x: x.journal.append(1, events="Vote"), "events of an entry are a list or a tuple"),
        (lambda c, x: x.journal.append(1, events=[("a b", 1)]), "the type of an event must be made of"),
    ],
)
def test_a_mistake_of_a_handler_comes_with_the_way_out(act: Any, message: str) -> None:
    error = run(act, http=FakeHttp(1)).error

    assert error is not None
    assert message in error.message


async def test_a_call_of_the_helper_that_cannot_be_meant_is_refused() -> None:
    for call, kind, message in (
        (lambda: run(forever), RuntimeError, r"write `await run_async\(…\)` in the test"),
        (lambda: run_durable(forever), RuntimeError, r"write `await run_durable_async\(…\)` in the test"),
        (lambda: run("cuont"), KeyError, "did you mean 'count'"),
        (lambda: run(anything({"output": 1})), TypeError, "by its function or its name, got dict"),
        (lambda: run(count, anything(["a"])), TypeError, "the config of a handler is an object, got a list"),
        (
            lambda: run(count, text="a"),
            TypeError,
            r"go into run\(handler, {'text': …}\)",
        ),
        (lambda: run_durable(count, letters="abc"), TypeError, "letters is a list of payloads, got text"),
    ):
        with pytest.raises(kind, match=message):
            call()


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: handler(anything(count)), "a handler has a name: write @handler\\('count'\\)"),
        (lambda: handler("a", secrets=anything("token")), "are names of config fields, .*, got 'token'"),
        (lambda: handler("a", retry=anything(3)), "is a policy, got 3; write retry={'max_attempts'"),
        (
            lambda: handler("a", config=anything({"text": str})),
            "is a pydantic model, the class itself, got {",
        ),
        (lambda: handler("a")(_rows), "has a `yield`: a handler returns its output"),
        (lambda: handler("a")(_pages), "has a `yield`: a handler returns its output"),
    ],
)
def test_a_declaration_that_means_nothing_is_refused_at_once(declare: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        declare()
