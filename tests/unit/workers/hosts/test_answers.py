"""What a worker answers to an attempt in a host: bounded, and ended with the attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from headrace import HttpResult
from headrace._frames import MAX_FRAME_BYTES, frame
from workers.context import HandlerContext, Toolbox
from workers.hosts.answers import MOST_AT_ONCE
from workers.hosts.call import Call


class SilentHttp:
    """Never answers; or with as much as it is set to."""

    def __init__(self, size: int | None = None) -> None:
        self.size = size
        self.open = 0

    async def request(self, method: str, url: str, **options: Any) -> Any:
        self.open += 1
        try:
            if self.size is None:
                await asyncio.Event().wait()
            return HttpResult(200, content=bytes(self.size or 0))
        finally:
            self.open -= 1


class Attempt:
    """An attempt in a host, and the frames that the host gets."""

    def __init__(self, http: SilentHttp) -> None:
        self.frames: list[dict[str, Any]] = []
        tools = Toolbox(_http=http)  # type: ignore[arg-type]
        context = HandlerContext(execution_id="e1", node_id="A", tools=tools)
        self.call = Call(1, context, self._send)

    def _send(self, header: Mapping[str, Any], body: bytes) -> None:
        frame(header, body)
        self.frames.append(dict(header))

    def ask(self, number: int) -> None:
        header = {"type": "ask", "n": number, "what": "http", "method": "GET", "url": "http://x/"}
        options = {"options": {"headers": {}, "private": []}, "has_content": False}
        self.call.report({**header, **options}, b"")


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_calls_of_one_attempt_are_bounded() -> None:
    http = SilentHttp()
    attempt = Attempt(http)

    for number in range(MOST_AT_ONCE + 1):
        attempt.ask(number)
    await turns()

    assert http.open == MOST_AT_ONCE
    (refused,) = attempt.frames
    assert refused["n"] == MOST_AT_ONCE and "256 calls" in refused["error"]["message"]
    attempt.call.end(None)
    await turns()


async def test_an_answer_that_no_frame_holds_is_an_error() -> None:
    attempt = Attempt(SilentHttp(MAX_FRAME_BYTES))

    attempt.ask(1)
    await turns()

    (answer,) = attempt.frames
    assert (answer["error"]["type"], answer["error"]["retryable"]) == ("OutputTooLarge", False)


@pytest.mark.parametrize(
    "end", [lambda call: call.end(None), lambda call: call.leave(), lambda call: call.fail(OSError())]
)
async def test_calls_end_with_the_attempt_even_those_that_have_not_begun(
    end: Callable[[Call], None],
) -> None:
    http = SilentHttp()
    attempt = Attempt(http)
    attempt.ask(1)
    await turns()
    attempt.ask(2)

    end(attempt.call)
    if attempt.call.ended.done():
        attempt.call.ended.exception()
    await turns()

    assert http.open == 0
    assert {(each["n"], each["is_stopped"]) for each in attempt.frames} == {(1, True), (2, True)}


async def test_an_attempt_that_nobody_waits_for_is_refused_at_once() -> None:
    http = SilentHttp()
    attempt = Attempt(http)
    attempt.call.leave()

    attempt.ask(1)

    assert (attempt.frames, http.open) == ([{"type": "answer", "id": 1, "n": 1, "is_stopped": True}], 0)
