"""A stand-in for the Messages API, spoken to by the real Anthropic SDK through an in-process transport."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2

from clients.llm_client import AnthropicProvider, LlmSettings


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
        return answer if isinstance(answer, httpx2.Response) else httpx2.Response(200, json=answer)

    def provider(self, **settings: Any) -> AnthropicProvider:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(self))
        return AnthropicProvider(LlmSettings(api_key="sk-test", **settings), http_client=client)


def refusal(status: int, kind: str = "api_error", **more: Any) -> Callable[[], httpx2.Response]:
    """An error answer, made anew each time it is called for."""
    body = {"type": "error", "error": {"type": kind, "message": f"no: {kind}", **more.pop("error", {})}}
    return lambda: httpx2.Response(status, json=body, headers=more)
