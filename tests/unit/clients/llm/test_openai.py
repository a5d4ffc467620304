"""What servers that are compatible with OpenAI send, read through the real SDK from a real socket."""

from __future__ import annotations

import asyncio
import codecs
import gzip
import json
from typing import Any

import pytest

from clients.llm.openai import OpenAiProvider
from clients.llm.provider import LlmError, LlmRequest, LlmSettings
from headrace.tools import LlmReply, LlmUsage
from tests.llm_server import Act, LlmServer, Question, Wire, llm_server, refuses, sends

ASK = LlmRequest(messages=({"role": "user", "content": "Why?"},))
STREAM = "text/event-stream"
STOP: dict[str, Any] = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
WHOLE: dict[str, Any] = {"choices": [{"message": {"content": "42"}, "finish_reason": "stop"}]}


def said(content: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content}, **more}]}


def events(*chunks: dict[str, Any] | str, end: bytes = b"\n\n") -> bytes:
    lines = (each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in chunks)
    return b"".join(b"data: " + line.encode() + end for line in lines)


async def ask(act: Act, **settings: Any) -> LlmReply:
    async with llm_server() as server:
        server.acts.append(act)
        provider = OpenAiProvider(
            LlmSettings(openai_base_url=f"{server.url}/v1", **{"model": "tiny", **settings})
        )
        pieces: list[str] = []
        try:
            reply = await provider.complete(ASK, pieces.append)
        finally:
            await provider.aclose()
        assert "".join(pieces) == reply.text
        return reply


async def failure(act: Act) -> LlmError:
    with pytest.raises(LlmError) as failed:
        await ask(act)
    return failed.value


@pytest.mark.parametrize("kind", [STREAM, "text/plain; charset=utf-8", "application/json", ""])
@pytest.mark.parametrize(
    "body",
    [
        events(said("4"), said("2"), STOP, "[DONE]"),
        events(said("4"), said("2", finish_reason="stop")),
        events(said("4"), said("2"), "[DONE]"),
        events(said("42", finish_reason="stop"), "[DONE]", end=b"\r\n\r\n"),
        events(said("42", finish_reason="stop"), end=b"\n"),
        codecs.BOM_UTF8 + events(said("42"), STOP),
        b"retry: 300\n\nid: 1\n" + events(said("42")) + b": still here\n\n" + events(STOP, "[DONE]"),
        json.dumps(WHOLE).encode(),
        codecs.BOM_UTF8 + b"\r\n" + json.dumps(WHOLE, indent=1).encode(),
    ],
)
async def test_a_stream_and_a_whole_answer_are_told_apart_by_what_they_are(body: bytes, kind: str) -> None:
    reply = await ask(sends(body, kind))

    assert (reply.text, reply.stop_reason) == ("42", "end_turn")


async def test_a_whole_answer_may_be_packed() -> None:
    async def act(server: LlmServer, question: Question, wire: Wire) -> None:
        await wire.begin(200, "application/json", content_encoding="gzip")
        await wire.send(gzip.compress(json.dumps(WHOLE).encode()))
        await wire.end()

    assert (await ask(act)).text == "42"


async def test_events_may_be_cut_anywhere() -> None:
    body = events(said("Grüße 😀\u2028"), STOP, "[DONE]")

    async def act(server: LlmServer, question: Question, wire: Wire) -> None:
        await wire.begin(200, STREAM)
        for at in range(len(body)):
            await wire.send(body[at : at + 1])
            await asyncio.sleep(0)
        await wire.end()

    assert (await ask(act)).text == "Grüße 😀\u2028"


@pytest.mark.parametrize(
    "chunks",
    [
        # Azure begins with what its filters found.
        [{"choices": [], "model": "", "prompt_filter_results": [{"prompt_index": 0}]}, said("42"), STOP],
        [{"choices": None, "usage": None}, said("42"), STOP],
        [said("42"), {"choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]}],
        [said("4", finish_reason=""), said("2", finish_reason=""), STOP],
        [said("42"), {"choices": [{"index": 1, "delta": {"content": "another"}}]}, STOP],
        # All there was so far, beside the piece that is new.
        [said("4", message={"content": "4"}), said("2", message={"content": "42"}), STOP],
        [said([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]), said("42"), STOP],
        [said([{"type": "text", "text": "4"}, {"type": "reference", "reference_ids": [1]}, "2"]), STOP],
        [said({"type": "output_text", "text": "42"}), STOP],
        [said("42"), STOP, {"choices": [], "usage": "unknown"}],
    ],
)
async def test_what_servers_add_and_leave_out_does_not_change_the_text(chunks: list[dict[str, Any]]) -> None:
    reply = await ask(sends(events(*chunks, "[DONE]"), STREAM))

    assert (reply.text, reply.stop_reason) == ("42", "end_turn")


async def test_tokens_may_be_counted_after_the_last_choice() -> None:
    counts = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}

    reply = await ask(sends(events(said("42"), STOP, counts, "[DONE]"), STREAM))

    assert reply.usage == LlmUsage(input=7, output=3)


async def test_a_call_of_a_tool_is_the_end_of_an_answer() -> None:
    call = {"choices": [{"index": 0, "delta": {"content": None, "tool_calls": [{"index": 0}]}}]}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}

    reply = await ask(sends(events(call, end, "[DONE]"), STREAM))

    assert (reply.text, reply.stop_reason) == ("", "tool_use")


@pytest.mark.parametrize(
    "body",
    [
        events(
            {"choices": [{"delta": {"role": "assistant", "content": None, "refusal": ""}}]},
            {"choices": [{"delta": {"refusal": "I cannot "}}]},
            {"choices": [{"delta": {"refusal": "help."}}]},
            {"choices": [{"delta": {}, "finish_reason": "stop"}]},
            "[DONE]",
        ),
        json.dumps({"choices": [{"message": {"content": None, "refusal": "I cannot help."}}]}).encode(),
        events(said([{"type": "refusal", "refusal": "I cannot help."}]), STOP),
        events(said("I cannot help.", finish_reason="content_filter"), "[DONE]"),
    ],
)
async def test_a_refusal_is_the_answer_and_the_reason_it_ended(body: bytes) -> None:
    reply = await ask(sends(body, STREAM))

    assert (reply.text, reply.stop_reason) == ("I cannot help.", "refusal")


@pytest.mark.parametrize(
    ("error", "error_type", "retryable"),
    [
        ({"error": {"message": "busy", "code": 503}}, "Llm.Overloaded", True),
        ({"error": {"message": "slow down", "code": "429"}}, "Llm.RateLimited", True),
        ({"error": {"message": "x", "type": "invalid_request_error"}}, "Llm.InvalidRequest", False),
        ({"error": "the model is not loaded"}, "Llm.Transport", True),
        ([{"error": {"message": "no", "code": 401}}], "Llm.Auth", False),
        ({"object": "error", "message": "too long", "code": 400}, "Llm.InvalidRequest", False),
        ({"message": "slow down", "code": 429}, "Llm.RateLimited", True),
        ({"choices": [{"delta": {}, "error": {"message": "up", "code": 502}}]}, "Llm.Transport", True),
        ({"choices": [{"delta": {}, "finish_reason": "error"}]}, "Llm.Transport", True),
    ],
)
@pytest.mark.parametrize("before", [[], [said("4")]])
async def test_an_error_within_an_answer_is_read_wherever_it_stands(
    error: Any, error_type: str, retryable: bool, before: list[dict[str, Any]]
) -> None:
    found = await failure(sends(events(*before, json.dumps(error)), STREAM))

    assert (found.error_type, found.retryable, found.was_charged) == (error_type, retryable, bool(before))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome</html>",
        b'{"choices": [',
        events(said(42)),
        events("[1, 2]"),
        events({"choices": ["42"]}),
        events('{"choices": [{"delta": {"con'),
    ],
)
async def test_what_is_no_answer_cannot_be_read(body: bytes) -> None:
    error = await failure(sends(body, "text/html"))

    assert (error.error_type, error.retryable) == ("Llm.BadResponse", True)
    assert "cannot be read" in str(error)


async def test_an_answer_that_cannot_be_unpacked_cannot_be_read() -> None:
    async def act(server: LlmServer, question: Question, wire: Wire) -> None:
        await wire.begin(200, "application/json", content_encoding="gzip")
        await wire.send(b"not packed at all")
        await wire.end()

    error = await failure(act)

    assert error.error_type == "Llm.BadResponse"
    assert "cannot be read" in str(error)


async def test_a_stream_that_is_cut_is_no_answer() -> None:
    error = await failure(sends(events(said("4")), STREAM))

    assert (error.error_type, error.was_charged) == ("Llm.Transport", True)


async def test_a_server_without_a_key_is_sent_none() -> None:
    async with llm_server() as server:
        provider = OpenAiProvider(LlmSettings(openai_base_url=f"{server.url}/v1/", model="tiny"))
        await provider.complete(ASK)
        await provider.aclose()

    (question,) = server.questions
    assert "authorization" not in question.headers


async def test_one_call_is_one_call() -> None:
    async with llm_server() as server:
        server.acts += [refuses(503), refuses(503)]
        provider = OpenAiProvider(LlmSettings(openai_base_url=f"{server.url}/v1", model="tiny"))
        with pytest.raises(LlmError):
            await provider.complete(ASK)
        await provider.aclose()

    assert len(server.questions) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "no such model"}}', "no such model"),
        (b'{"error": "no such model"}', "no such model"),
        (b'{"object": "error", "message": "no such model"}', "no such model"),
        (b'{"detail": "no such model"}', "no such model"),
        (b'[{"error": {"message": "no such model"}}]', "no such model"),
        (b"<h1>no such model</h1>", "<h1>no such model</h1>"),
    ],
)
async def test_the_words_of_a_refused_request_are_found(body: bytes, words: str) -> None:
    async def act(server: LlmServer, question: Question, wire: Wire) -> None:
        await wire.begin(404, "application/json")
        await wire.send(body)
        await wire.end()

    error = await failure(act)

    assert str(error) == f"the model API answered 404: {words}"


@pytest.mark.parametrize("url", ["localhost:11434/v1", "ftp://localhost/v1"])
async def test_an_address_that_is_no_url_is_a_fault_of_the_settings(url: str) -> None:
    provider = OpenAiProvider(LlmSettings(openai_base_url=url, model="tiny"))

    with pytest.raises(LlmError, match="OPENAI_BASE_URL") as failed:
        await provider.complete(ASK)

    await provider.aclose()
    assert (failed.value.error_type, failed.value.retryable) == ("Llm.NotConfigured", False)
