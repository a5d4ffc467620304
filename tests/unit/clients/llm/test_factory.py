"""Both providers, each through its real client, against a server on a real socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from clients.llm.anthropic import AnthropicProvider
from clients.llm.factory import make_provider
from clients.llm.openai import OpenAiProvider
from clients.llm.prices import cost_usd, most_usd
from clients.llm.provider import LlmError, LlmProvider, LlmRequest, LlmSettings
from headrace.tools import LlmReply, LlmUsage
from tests.llm_server import (
    Act,
    LlmServer,
    Question,
    Wire,
    answers,
    babbles_after,
    breaks_after,
    ends_after,
    fails_after,
    llm_server,
    refuses,
    sends,
)

PROVIDERS = ("anthropic", "openai")
ASK = LlmRequest(messages=({"role": "user", "content": "Why?"},), system="Be brief")
both = pytest.mark.parametrize("name", PROVIDERS)


def settings_for(name: str, server: LlmServer, **more: Any) -> LlmSettings:
    if name == "anthropic":
        return LlmSettings(api_key="sk-test", base_url=server.url, **more)
    return LlmSettings(openai_base_url=f"{server.url}/v1", openai_api_key="sk-test", model="tiny", **more)


@asynccontextmanager
async def provider_on(name: str, *acts: Act) -> AsyncIterator[tuple[LlmServer, LlmProvider]]:
    async with llm_server() as server:
        server.acts += acts
        provider = make_provider(settings_for(name, server))
        try:
            yield server, provider
        finally:
            await provider.aclose()


async def failure(name: str, act: Act) -> LlmError:
    async with provider_on(name, act) as (_, provider):
        with pytest.raises(LlmError) as failed:
            await provider.complete(ASK)
        return failed.value


@both
async def test_an_answer_is_told_piece_by_piece_and_is_the_sum_of_its_pieces(name: str) -> None:
    pieces: list[str] = []
    async with provider_on(name) as (server, provider):
        reply = await provider.complete(ASK, pieces.append)

    assert len(pieces) > 10
    assert "".join(pieces) == reply.text == server.answer_to(server.questions[0])
    assert (reply.stop_reason, reply.is_simulated) == ("end_turn", False)
    assert reply.usage.input + reply.usage.output == server.charged


@both
@pytest.mark.parametrize(
    ("status", "kind", "error_type", "retryable"),
    [
        (400, "invalid_request_error", "Llm.InvalidRequest", False),
        (401, "authentication_error", "Llm.Auth", False),
        (402, "billing_error", "Llm.SpendLimit", False),
        (403, "permission_error", "Llm.Auth", False),
        (429, "rate_limit_error", "Llm.RateLimited", True),
        (500, "api_error", "Llm.Transport", True),
        (503, "api_error", "Llm.Overloaded", True),
        (529, "overloaded_error", "Llm.Overloaded", True),
    ],
)
async def test_refusals_have_the_same_types_everywhere(
    name: str, status: int, kind: str, error_type: str, retryable: bool
) -> None:
    error = await failure(name, refuses(status, kind, retry_after="7"))

    assert (error.error_type, error.retryable, error.retry_after_s) == (error_type, retryable, 7.0)
    assert (error.details["status"], error.details["type"]) == (status, kind)
    assert not error.was_charged
    assert "sk-test" not in str(error)


@both
@pytest.mark.parametrize(
    ("act", "error_type"),
    [
        (breaks_after(3), "Llm.Transport"),
        (ends_after(3), "Llm.Transport"),
        (babbles_after(3), "Llm.BadResponse"),
        (fails_after(3, "overloaded_error"), "Llm.Overloaded"),
        (sends(b"data: nonsense\n\n", "text/event-stream"), "Llm.Transport or Llm.BadResponse"),
    ],
)
async def test_an_answer_that_breaks_off_is_no_answer_and_worth_another_try(
    name: str, act: Act, error_type: str
) -> None:
    error = await failure(name, act)

    assert error.error_type in error_type.split(" or ")
    assert error.retryable
    assert error.was_charged


@both
async def test_a_refusal_in_the_place_of_an_answer_is_not_charged_for(name: str) -> None:
    words = json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "no"}})
    error = await failure(name, sends(f"event: error\ndata: {words}\n\n".encode(), "text/event-stream"))

    assert error.error_type == "Llm.Overloaded"
    assert not error.was_charged


@both
async def test_a_question_nobody_answered_may_be_charged_for(name: str) -> None:
    async def hang_up(server: LlmServer, question: Question, wire: Wire) -> None:
        wire.cut()

    error = await failure(name, hang_up)

    assert error.error_type == "Llm.Transport"
    assert error.was_charged


async def test_nobody_listening_is_worth_another_try() -> None:
    async with llm_server() as server:
        pass
    for name in PROVIDERS:
        provider = make_provider(settings_for(name, server))
        with pytest.raises(LlmError) as failed:
            await provider.complete(ASK)
        await provider.aclose()
        assert (failed.value.error_type, failed.value.retryable) == ("Llm.Transport", True)


# What only an OpenAI-compatible API is asked, or answers


async def asked(
    request: LlmRequest, act: Act | None = None
) -> tuple[LlmReply, dict[str, Any], dict[str, str]]:
    async with provider_on("openai", act or answers("yes")) as (server, provider):
        reply = await provider.complete(request)
        return reply, server.questions[0].body, server.questions[0].headers


async def test_every_option_is_said_in_the_words_of_that_api() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    request = replace(ASK, model="big", max_tokens=50, schema=schema, effort="low", extra_body={"seed": 7})

    _, body, headers = await asked(request)

    assert headers["authorization"] == "Bearer sk-test"
    assert (body["model"], body["max_tokens"], body["reasoning_effort"], body["seed"]) == (
        "big",
        50,
        "low",
        7,
    )
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    assert body["response_format"]["json_schema"]["schema"] == schema
    assert [turn["role"] for turn in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"].startswith("Be brief")


async def test_a_server_that_does_not_stream_is_understood() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    choice = {"message": {"content": "Because."}, "finish_reason": "length"}
    whole = json.dumps({"model": "tiny", "choices": [choice], "usage": usage}).encode()

    reply, _, _ = await asked(ASK, sends(whole))

    assert (reply.text, reply.stop_reason) == ("Because.", "max_tokens")
    assert reply.usage == LlmUsage(input=5, output=2, cache_read=4)


async def test_a_server_that_counts_nothing_is_counted_roughly() -> None:
    chunk = b'data: {"choices": [{"delta": {"content": "Because."}, "finish_reason": "stop"}]}\n\n'

    reply, _, _ = await asked(ASK, sends(chunk, "text/event-stream"))

    assert reply.usage == LlmUsage(input=3, output=2)


async def test_without_a_model_it_says_what_to_set() -> None:
    provider = make_provider(LlmSettings(openai_base_url="http://127.0.0.1:9/v1"))

    with pytest.raises(LlmError, match="LLM_MODEL") as failed:
        await provider.complete(ASK)

    assert failed.value.error_type == "Llm.NotConfigured"


async def test_a_redirect_is_not_followed_with_the_key() -> None:
    error = await failure("openai", refuses(307, location="http://127.0.0.1:9/elsewhere"))

    assert error.error_type == "Llm.NotConfigured"


def test_the_provider_follows_what_is_set() -> None:
    address = "http://localhost:11434/v1"

    assert isinstance(make_provider(LlmSettings(openai_base_url=address)), OpenAiProvider)
    assert isinstance(
        make_provider(LlmSettings(environment="production", openai_api_key="k")), OpenAiProvider
    )
    assert isinstance(make_provider(LlmSettings(api_key="k", openai_base_url=address)), AnthropicProvider)
    both_set = LlmSettings(provider="openai", api_key="k", openai_base_url=address)
    assert isinstance(make_provider(both_set), OpenAiProvider)


# Bounds that budgets rely on


@pytest.mark.parametrize("text", ["word " * 200, "0123456789" * 50, "日本語のテキスト" * 40, "🙂" * 100])
def test_a_prompt_is_never_counted_below_its_bytes(text: str) -> None:
    request = LlmRequest(messages=({"role": "user", "content": [{"type": "text", "text": text}]},))

    assert request.most_input_tokens() >= len(text.encode())


@pytest.mark.parametrize(
    "usage", [LlmUsage(input=1000), LlmUsage(cache_write=1000), LlmUsage(cache_read=1000)]
)
@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-haiku-5-5"])
def test_no_call_costs_more_than_the_most_it_can(usage: LlmUsage, model: str) -> None:
    spent = cost_usd(model, replace(usage, output=10), cache_ttl="1h")
    most = most_usd(model, input=1000, output=10)

    assert spent is not None and most is not None
    assert spent <= most


def test_an_unknown_model_has_no_price() -> None:
    assert most_usd("someone-elses-model", input=1, output=1) is None
