"""Providers of language models; Anthropic through its real SDK against a fake of the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from clients.llm.anthropic import AnthropicProvider
from clients.llm.echo import EchoProvider
from clients.llm.factory import make_provider
from clients.llm.prices import cost_usd
from clients.llm.provider import LlmError, LlmRequest, LlmSettings
from headrace.tools import LlmUsage
from tests.unit.clients.llm.fake_messages_api import FakeMessagesApi, frame, message, refusal

ASK = LlmRequest(messages=({"role": "user", "content": "Hi"},))


async def ask(api: FakeMessagesApi, request: LlmRequest = ASK, **settings: Any) -> Any:
    provider = api.provider(**settings)
    try:
        return await provider.complete(request)
    finally:
        await provider.aclose()


async def failure(api: FakeMessagesApi, request: LlmRequest = ASK) -> LlmError:
    with pytest.raises(LlmError) as failed:
        await ask(api, request)
    return failed.value


async def test_text_is_taken_from_the_text_blocks() -> None:
    api = FakeMessagesApi(
        message("Hello", thinking=True, cache_read_input_tokens=3, cache_creation_input_tokens=4)
    )

    reply = await ask(api)

    assert (reply.text, reply.model, reply.stop_reason) == ("Hello", "claude-sonnet-5-5", "end_turn")
    assert reply.usage == LlmUsage(input=10, output=5, cache_read=3, cache_write=4)
    assert not reply.is_simulated
    assert api.requests == [
        {
            "model": "claude-sonnet-5-5",
            "max_tokens": 4096,
            "messages": [{"role": "user", "content": "Hi"}],
            "stream": True,
        }
    ]
    assert any("sk-test" in value for value in api.headers[0].values())


async def test_every_option_reaches_the_api() -> None:
    api = FakeMessagesApi(message('{"n": 1}'))
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}

    await ask(
        api,
        LlmRequest(
            messages=ASK.messages,
            max_tokens=100_000,
            model="claude-haiku-5-5",
            system="Be brief",
            schema=schema,
            effort="low",
            cache_ttl="1h",
            extra_body={"service_tier": "auto"},
        ),
    )

    (sent,) = api.requests
    assert (sent["model"], sent["max_tokens"], sent["system"]) == ("claude-haiku-5-5", 100_000, "Be brief")
    assert sent["output_config"]["effort"] == "low"
    assert sent["output_config"]["format"]["type"] == "json_schema"
    assert sent["output_config"]["format"]["schema"]["additionalProperties"] is False
    assert sent["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert sent["service_tier"] == "auto"


async def test_a_schema_the_api_has_no_form_for_is_asked_for_in_words() -> None:
    api = FakeMessagesApi(message("1"))

    await ask(api, LlmRequest(messages=ASK.messages, schema={"minimum": 1}))

    assert "output_config" not in api.requests[0]
    assert '{"minimum": 1}' in api.requests[0]["system"]


async def test_a_refusal_without_words_is_answered_with_its_explanation() -> None:
    said_nothing = {**message("", stop_reason="refusal"), "content": []}
    explained = {"type": "refusal", "category": "cyber", "explanation": "This may harm."}
    api = FakeMessagesApi({**said_nothing, "stop_details": explained})

    reply = await ask(api)

    assert (reply.text, reply.stop_reason) == ("This may harm.", "refusal")


async def test_an_overload_in_the_middle_of_an_answer_breaks_it_off() -> None:
    begun = frame({"type": "message_start", "message": {**message(""), "content": []}})
    overload = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    headers = {"content-type": "text/event-stream"}

    error = await failure(
        FakeMessagesApi(httpx2.Response(200, content=begun + frame(overload), headers=headers))
    )

    assert (error.error_type, error.retryable, error.was_charged) == ("Llm.Overloaded", True, True)
    assert str(error) == "the model API broke off: Overloaded"


async def test_an_answer_that_cannot_be_unpacked_cannot_be_read() -> None:
    headers = {"content-type": "text/event-stream", "content-encoding": "gzip"}

    async def body() -> AsyncIterator[bytes]:
        yield b"not packed at all"

    error = await failure(FakeMessagesApi(httpx2.Response(200, content=body(), headers=headers)))

    assert error.error_type == "Llm.BadResponse"
    assert "cannot be read" in str(error)


@pytest.mark.parametrize(
    ("status", "kind", "error_type", "retryable"),
    [
        (400, "invalid_request_error", "Llm.InvalidRequest", False),
        (401, "authentication_error", "Llm.Auth", False),
        (402, "billing_error", "Llm.SpendLimit", False),
        (403, "permission_error", "Llm.Auth", False),
        (404, "not_found_error", "Llm.InvalidRequest", False),
        (408, "timeout_error", "Llm.Transport", True),
        (413, "request_too_large", "Llm.InvalidRequest", False),
        (429, "rate_limit_error", "Llm.RateLimited", True),
        (500, "api_error", "Llm.Transport", True),
        (503, "api_error", "Llm.Overloaded", True),
        (529, "overloaded_error", "Llm.Overloaded", True),
    ],
)
async def test_each_refusal_has_its_type_and_one_call_is_one_call(
    status: int, kind: str, error_type: str, retryable: bool
) -> None:
    api = FakeMessagesApi(refusal(status, kind)())

    error = await failure(api)

    assert (error.error_type, error.retryable) == (error_type, retryable)
    assert (error.details["status"], error.details["type"]) == (status, kind)
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86_400.0),
        ({"retry-after": "Sun Nov  6 08:49:37 1994"}, 0.0),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
async def test_the_wait_the_api_asks_for_is_handed_on(headers: dict[str, str], seconds: float | None) -> None:
    error = await failure(FakeMessagesApi(refusal(429, "rate_limit_error", **headers)()))

    assert error.retry_after_s == seconds


async def test_a_spend_limit_is_not_tried_again() -> None:
    details = {"error": {"details": {"error_code": "enforced_spend_limit_reached"}}}

    error = await failure(FakeMessagesApi(refusal(429, "rate_limit_error", **details)()))

    assert (error.error_type, error.retryable) == ("Llm.SpendLimit", False)


@pytest.mark.parametrize("cause", [httpx2.ConnectError("refused"), httpx2.ReadTimeout("slow")])
async def test_a_broken_connection_is_worth_another_try(cause: Exception) -> None:
    error = await failure(FakeMessagesApi(cause))

    assert (error.error_type, error.retryable) == ("Llm.Transport", True)


def test_the_provider_follows_key_and_environment() -> None:
    assert isinstance(make_provider(LlmSettings(api_key="k")), AnthropicProvider)
    assert isinstance(make_provider(LlmSettings(environment="production", api_key="k")), AnthropicProvider)
    assert isinstance(make_provider(LlmSettings()), EchoProvider)
    assert isinstance(make_provider(LlmSettings(provider="echo", api_key="k")), EchoProvider)


@pytest.mark.parametrize(
    "settings",
    [LlmSettings(environment="production"), LlmSettings(provider="anthropic"), LlmSettings(provider="other")],
)
def test_without_a_key_production_says_what_to_set(settings: LlmSettings) -> None:
    with pytest.raises(LlmError) as refused:
        make_provider(settings)

    assert (refused.value.error_type, refused.value.retryable) == ("Llm.NotConfigured", False)


def test_a_key_is_not_shown() -> None:
    assert "sk-secret" not in repr(LlmSettings(api_key="sk-secret"))


async def test_echo_answers_the_last_question_always_the_same() -> None:
    messages = (
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": [{"type": "text", "text": "three"}]},
    )

    first, second = [await EchoProvider().complete(LlmRequest(messages=messages)) for _ in range(2)]

    assert first == second
    assert (first.text, first.is_simulated) == ("Simulated response for: three", True)


async def test_echo_streams_as_slowly_as_it_is_set_to(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("clients.llm.echo.asyncio.sleep", pause)
    request = LlmRequest(messages=({"role": "user", "content": "x" * 100},))
    pieces: list[str] = []

    reply = await make_provider(LlmSettings(provider="echo", echo_pause_s=0.15)).complete(
        request, pieces.append
    )

    assert "".join(pieces) == reply.text
    assert len(pieces) > 3 and pauses == [0.15] * len(pieces)


@pytest.mark.parametrize(
    ("model", "usage", "dollars"),
    [
        ("claude-sonnet-5-5", LlmUsage(input=1_000_000, output=100_000), 3.0),
        ("claude-sonnet-5-5-20261001", LlmUsage(input=1_000_000), 2.0),
        ("claude-haiku-5-5", LlmUsage(input=100_000, output=1000), 0.0105),
        ("claude-haiku-5-5", LlmUsage(input=100_000, cache_read=1, output=1000), 0.05250005),
        ("claude-opus-5-5", LlmUsage(cache_read=1_000_000, cache_write=1_000_000), 5.4),
        ("someone-elses-model", LlmUsage(input=1), None),
    ],
)
def test_a_call_is_priced_by_the_table(model: str, usage: LlmUsage, dollars: float | None) -> None:
    assert cost_usd(model, usage) == (None if dollars is None else pytest.approx(dollars, abs=1e-9))
