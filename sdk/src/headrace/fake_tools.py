"""Stand-ins for the worker's clients in tests: they give answers that a test has prepared.

    http = FakeHttp({"price": 3}, HttpResult(503))

    ran = run(fetch_price, {"sku": "a"}, http=http)

    assert http.requests[0].url == "https://shop.example/a"

Answers are given in the order of the calls, in plain functions and async ones alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from headrace.plain_json import as_json
from headrace.tools import HttpResult, LlmReply, LlmUsage, OneCall, OnText

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """What a handler has sent; json: its body as JSON, if it is any."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.content or b"null")


@dataclass(frozen=True, slots=True)
class Question:
    """What a handler has asked a model: the text of `prompt`, or `messages`, and the options it gave."""

    prompt: str | None
    messages: Sequence[Mapping[str, Any]] | None
    options: Mapping[str, Any]


class _Prepared(Generic[T]):
    """Answers in order; an exception among them is raised in the place of an answer."""

    def __init__(self, answers: Sequence[Any], make: Callable[[Any], T], name: str) -> None:
        self._answers = list(answers)
        self._make = make
        self._name = name
        self._given = 0

    def next(self) -> T:
        if self._given == len(self._answers):
            raise RuntimeError(f"the handler makes call {self._given + 1}: {self._name} has no answer to it")
        answer = self._answers[self._given]
        self._given += 1
        if isinstance(answer, BaseException):
            raise answer
        return self._make(answer)


class FakeHttp(OneCall):
    """Answers requests.

    answers  each an HttpResult; a value that is sent as JSON, with status 200; or an exception to raise, such
             as `Retryable("…", type="Http.Transport")`.
    """

    def __init__(self, *answers: Any) -> None:
        self.requests: list[Request] = []
        self._prepared = _Prepared(answers, _as_result, "FakeHttp")

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout_s: float | None = None,
        max_bytes: int | None = None,
        follow_redirects: bool = True,
        private: Collection[str] = (),
        resends_body: bool = False,
    ) -> HttpResult:
        self.requests.append(Request(method, url, dict(headers or {}), content))
        return self._prepared.next()


class FakeLlm:
    """Answers questions.

    answers  each a text, an LlmReply, or an exception to raise.
    """

    def __init__(self, *answers: Any) -> None:
        self.questions: list[Question] = []
        self._prepared = _Prepared(answers, _as_reply, "FakeLlm")

    def complete(
        self,
        prompt: str | None = None,
        *,
        messages: Sequence[Mapping[str, Any]] | None = None,
        system: str | None = None,
        model: str | None = None,
        max_tokens: int = 4096,
        schema: Mapping[str, Any] | None = None,
        effort: str | None = None,
        cache: bool | str = False,
        extra_body: Mapping[str, Any] | None = None,
        on_text: OnText | None = None,
    ) -> LlmReply:
        if (prompt is None) == (messages is None):
            raise TypeError("complete takes exactly one of 'prompt' and 'messages'")
        options = {"system": system, "model": model, "max_tokens": max_tokens, "schema": schema}
        self.questions.append(Question(prompt, messages, {**options, "effort": effort, "cache": cache}))
        reply = self._prepared.next()
        if on_text is not None:
            on_text(reply.text)
        return reply


def _as_result(answer: Any) -> HttpResult:
    if isinstance(answer, HttpResult):
        return answer
    headers = {"content-type": "application/json"}
    return HttpResult(200, headers, json.dumps(as_json(answer, "answer")).encode())


def _as_reply(answer: Any) -> LlmReply:
    if isinstance(answer, LlmReply):
        return answer
    return LlmReply(str(answer), "fake", LlmUsage(), "end_turn", is_simulated=True, cost_usd=0.0)
