"""A client whose server is a function, and a clock that stands still until it is moved."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import httpx2

from headrace.client import AsyncClient

Answer = Callable[[httpx2.Request], httpx2.Response]


class Clock:
    """Stands still until it is moved."""

    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


def client_of(answer: Answer) -> AsyncClient:
    return AsyncClient("http://server", transport=httpx2.MockTransport(answer))


def recording(answer: Mapping[str, object], seen: list[httpx2.Request]) -> Answer:
    return recording_answer(httpx2.Response(202, json=answer), seen)


def recording_answer(answer: httpx2.Response, seen: list[httpx2.Request]) -> Answer:
    def give(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return answer

    return give


def frame(seq: int, type_: str) -> str:
    body = {"seq": seq, "type": type_, "execution_id": "e1", "node_id": "A", "ts": "t", "data": {"n": seq}}
    return f"id: {seq}\nevent: {type_}\ndata: {json.dumps(body)}\n\n"


def stream(*parts: str) -> httpx2.Response:
    return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, text="".join(parts))
