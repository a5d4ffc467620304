"""Stand-ins for the worker's clients: handlers of both kinds are tested with prepared answers."""

from __future__ import annotations

import asyncio
from typing import Any

from headrace import Context, HttpResult, Retryable
from headrace.testing import FakeHttp, FakeLlm, run


def fetch(config: dict[str, Any], context: Context) -> Any:
    answer = context.http.request("GET", config["url"])
    if answer.status >= 500:
        raise Retryable("later", after_s=2)
    return answer.content.decode()


async def fetch_both(config: dict[str, Any], context: Context) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        first = group.create_task(context.http.request("GET", "a"))
        second = group.create_task(context.http.request("POST", "b", content=b'{"x": 1}'))
    return [first.result().status, second.result().status]


def test_answers_are_given_in_the_order_of_the_calls() -> None:
    http = FakeHttp({"price": 3}, HttpResult(503))

    assert run(fetch, {"url": "u"}, http=http).output == '{"price": 3}'
    error = run(fetch, {"url": "v"}, http=http).error

    assert error is not None and (error.retryable, error.after_s) == (True, 2)
    assert [(each.method, each.url) for each in http.requests] == [("GET", "u"), ("GET", "v")]


def test_async_handlers_may_call_in_tasks() -> None:
    http = FakeHttp(HttpResult(200), HttpResult(201))

    assert run(fetch_both, http=http).output == [200, 201]
    assert http.requests[1].json == {"x": 1}


def test_an_exception_is_raised_and_a_call_too_many_says_so() -> None:
    http = FakeHttp(Retryable("no connection", type="Http.Transport"))

    first, second = run(fetch, {"url": "u"}, http=http), run(fetch, {"url": "u"}, http=http)

    assert first.error is not None and first.error.type == "Http.Transport"
    assert second.error is not None and "makes call 2: FakeHttp has no answer" in second.error.message


def test_a_model_answers_and_what_it_streams_is_the_text_of_the_attempt() -> None:
    async def ask(config: dict[str, Any], context: Context) -> Any:
        reply = await context.llm.complete("Why?", system="Be brief.", on_text=context.token)
        return reply.text

    llm = FakeLlm("Because.")
    ran = run(ask, llm=llm)

    assert (ran.output, ran.text) == ("Because.", "Because.")
    assert (llm.questions[0].prompt, llm.questions[0].options["system"]) == ("Why?", "Be brief.")
