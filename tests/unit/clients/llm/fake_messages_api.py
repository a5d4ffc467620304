"""A stand-in for the Messages API, spoken to by the real Anthropic SDK through an in-process transport."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2

from clients.llm.anthropic import AnthropicProvider
from clients.llm.provider import LlmSettings


def message(
    text: str, *, thinking: bool = False, stop_reason: str = "end_turn", **usage: int
) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}]
    if thinking:
        blocks.insert(0, {"type": "thinking", "thinking": "hm", "signature": "s"})
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": blocks,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5, **usage},
    }


def streamed(answer: dict[str, Any]) -> bytes:
    """A message as the API streams it, its text in pieces of five characters."""
    counts = answer["usage"]
    start = {**answer, "content": [], "stop_reason": None, "usage": {**counts, "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(answer["content"]):
        kind = "thinking" if block["type"] == "thinking" else "text"
        empty = {**block, kind: ""}
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        for at in range(0, len(block[kind]), 5):
            delta = {"type": f"{kind}_delta", kind: block[kind][at : at + 5]}
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    ending = {
        name: answer[name] for name in ("stop_reason", "stop_sequence", "stop_details") if name in answer
    }
    usage = {"output_tokens": counts["output_tokens"]}
    events += [{"type": "message_delta", "delta": ending, "usage": usage}, {"type": "message_stop"}]
    return b"".join(frame(each) for each in events)


def frame(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


class FakeMessagesApi:
    """Gives its answers in turn, the last one for ever, and keeps what it was asked."""

    def __init__(self, *answers: dict[str, Any] | httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []
        self.headers: list[httpx2.Headers] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/v1/messages"
        self.requests.append(json.loads(request.content))
        self.headers.append(request.headers)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx2.Response):
            return answer
        return httpx2.Response(200, content=streamed(answer), headers={"content-type": "text/event-stream"})

    def provider(self, **settings: Any) -> AnthropicProvider:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(self))
        return AnthropicProvider(LlmSettings(api_key="sk-test", **settings), http_client=client)


def refusal(status: int, kind: str = "api_error", **more: Any) -> Callable[[], httpx2.Response]:
    """An error answer, made anew each time it is called for."""
    body = {"type": "error", "error": {"type": kind, "message": f"no: {kind}", **more.pop("error", {})}}
    return lambda: httpx2.Response(status, json=body, headers=more)
