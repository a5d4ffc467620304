"""A stand-in for APIs of language models on a real socket: Anthropic's messages, OpenAI's chat completions.

It streams an answer made from the question, byte by byte as a provider would, unless a test has told it to do
something else. What it has charged for is counted.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.unit.clients.llm.fake_messages_api import frame, message

MESSAGES = "/v1/messages"
COMPLETIONS = "/v1/chat/completions"
#: Characters of an answer in one event.
PIECE = 20


@dataclass
class Question:
    """One request as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """What was asked last."""
        return str(self.body["messages"][-1]["content"])

    @property
    def is_for_anthropic(self) -> bool:
        return self.path == MESSAGES


class Wire:
    """The answering side of one request."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def begin(self, status: int, kind: str, **headers: str) -> None:
        fields = {"content-type": kind, "transfer-encoding": "chunked", "connection": "close"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._writer.write(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode())
        await self._writer.drain()

    async def send(self, data: bytes) -> None:
        self._writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await self._writer.drain()

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    def cut(self) -> None:
        """Break the connection."""
        transport = self._writer.transport
        assert isinstance(transport, asyncio.WriteTransport)
        transport.abort()


Act = Callable[["LlmServer", Question, Wire], Awaitable[None]]


@dataclass
class LlmServer:
    """acts are done in turn, one for each request; when there are none left, every request is answered."""

    port: int = 0
    acts: list[Act] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    #: Tokens charged for, prompt and answer together.
    charged: int = 0
    at_once: int = 0
    most_at_once: int = 0
    #: Answers wait for it in the middle.
    may_go_on: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer_to(self, question: Question) -> str:
        return f"You asked: {question.text}. " + "Well — it depends. " * 30

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            question = await _read(reader)
            self.questions.append(question)
            act = self.acts.pop(0) if self.acts else answers()
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                await act(self, question, Wire(writer))
            finally:
                self.at_once -= 1
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answers(text: str | None = None, *, output_tokens: int | None = None) -> Act:
    """Answer as a model would."""

    async def act(server: LlmServer, question: Question, wire: Wire) -> None:
        said = server.answer_to(question) if text is None else text
        await wire.begin(200, "text/event-stream")
        for event in _events(server, question, said, output_tokens):
            await wire.send(event)
            await asyncio.sleep(0)
        await wire.end()

    return act


def breaks_after(pieces: int) -> Act:
    """Break the connection in the middle of an answer."""
    return _in_the_middle(pieces, lambda server, wire: _cut(wire))


def ends_after(pieces: int) -> Act:
    """End an answer in its middle, politely, as a proxy does."""
    return _in_the_middle(pieces, lambda server, wire: wire.end())


def babbles_after(pieces: int) -> Act:
    """Send what is no JSON in the middle of an answer."""

    async def babble(server: LlmServer, wire: Wire) -> None:
        await wire.send(b'event: content_block_delta\ndata: {"type": "content_block_del\n\n')
        await wire.end()

    return _in_the_middle(pieces, babble)


def stalls_after(pieces: int) -> Act:
    """Say nothing more until the test lets it, and then nothing useful."""

    async def stall(server: LlmServer, wire: Wire) -> None:
        await server.may_go_on.wait()
        await _cut(wire)

    return _in_the_middle(pieces, stall)


def fails_after(pieces: int, kind: str) -> Act:
    """Tell of an error in the middle of an answer."""

    async def fail(server: LlmServer, wire: Wire) -> None:
        body = json.dumps({"type": "error", "error": {"type": kind, "message": "no more"}})
        await wire.send(f"event: error\ndata: {body}\n\n".encode())
        await wire.end()

    return _in_the_middle(pieces, fail)


def refuses(status: int, kind: str = "api_error", **headers: str) -> Act:
    """Refuse before anything is said."""

    async def act(server: LlmServer, question: Question, wire: Wire) -> None:
        body = {"type": "error", "error": {"type": kind, "message": f"no: {kind}"}}
        await wire.begin(status, "application/json", **headers)
        await wire.send(json.dumps(body).encode())
        await wire.end()

    return act


def sends(body: bytes, kind: str = "application/json") -> Act:
    """Send a whole body of one's own, with status 200."""

    async def act(server: LlmServer, question: Question, wire: Wire) -> None:
        await wire.begin(200, kind)
        await wire.send(body)
        await wire.end()

    return act


@asynccontextmanager
async def llm_server() -> AsyncIterator[LlmServer]:
    made = LlmServer()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        made.may_go_on.set()
        server.close()


def _in_the_middle(pieces: int, then: Callable[[LlmServer, Wire], Awaitable[None]]) -> Act:
    async def act(server: LlmServer, question: Question, wire: Wire) -> None:
        await wire.begin(200, "text/event-stream")
        text = server.answer_to(question)
        started = [event for event in _events(server, question, text, None) if b"delta" in event]
        opening = _events(server, question, "", None)[: 2 if question.is_for_anthropic else 0]
        for event in [*opening, *started[:pieces]]:
            await wire.send(event)
            await asyncio.sleep(0)
        await then(server, wire)

    return act


async def _cut(wire: Wire) -> None:
    wire.cut()


def _events(server: LlmServer, question: Question, text: str, output_tokens: int | None) -> list[bytes]:
    allowed = question.body.get("max_tokens") or question.body.get("max_completion_tokens")
    counted = (len(text) + 3) // 4 if output_tokens is None else output_tokens
    used = (len(json.dumps(question.body["messages"])) // 4 + 3, min(counted, int(allowed or counted)))
    if text:
        server.charged += sum(used)
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    made = _anthropic if question.is_for_anthropic else _openai
    return made(pieces, question.body["model"], *used)


def _anthropic(pieces: list[str], model: str, input_tokens: int, output_tokens: int) -> list[bytes]:
    usage = {"input_tokens": input_tokens, "output_tokens": 1}
    start = {**message(""), "content": [], "stop_reason": None, "model": model, "usage": usage}
    block = {"type": "text", "text": ""}
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": block},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
            for piece in pieces
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ending, "usage": {"output_tokens": output_tokens}},
        {"type": "message_stop"},
    ]
    return [frame(event) for event in events]


def _openai(pieces: list[str], model: str, input_tokens: int, output_tokens: int) -> list[bytes]:
    usage = {"prompt_tokens": input_tokens, "completion_tokens": output_tokens}
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]} for piece in pieces
    ]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    chunks.append({"choices": [], "usage": usage})
    lines = [json.dumps({"object": "chat.completion.chunk", "model": model, **chunk}) for chunk in chunks]
    return [f"data: {line}\n\n".encode() for line in [*lines, "[DONE]"]]


async def _read(reader: asyncio.StreamReader) -> Question:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Question(first.split(" ")[1], headers, json.loads(body))
