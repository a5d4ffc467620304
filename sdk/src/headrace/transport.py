"""Two ways to send requests, over one connection pool each: while the caller waits, or as coroutines."""

from __future__ import annotations

import json
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2

from headrace.answers import Answer
from headrace.backoff import Backoff
from headrace.calls import Found, History, Pages, Request, Steps
from headrace.errors import KINDS, NOT_TEXT, ApiError, NotSendable, ServerUnreachable, Unavailable
from headrace.events import PASSING, Reading
from headrace.plain_json import plain
from headrace.values import Event

T = TypeVar("T")

#: The server pings every 15 s; silence three times as long means that the connection is dead.
SILENCE_S = 45.0
#: An event may carry an output of 1 MiB, escaped.
LARGEST_EVENT_BYTES = 8 * 1024 * 1024
#: Between two tries of one request, where the server asks for no other pause.
RETRY = Backoff(first_s=0.2, most_s=2.0)
#: The longest pause of that kind that is kept rather than reported.
LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where requests go, and how often one that may be repeated is sent again.

    Every call may raise ServerUnreachable, NotSendable, and ApiError or one of its kinds.
    """

    base_url: str
    api_key: str | None
    timeout_s: float
    retries: int

    def pool(self) -> dict[str, Any]:
        """The arguments of a connection pool."""
        # No environment proxies: this is a local or in-house server, and NO_PROXY is easily forgotten.
        return {
            "base_url": self.base_url,
            "timeout": self.timeout_s,
            "trust_env": False,
            # Reading the certificates of all authorities takes longer than a request to a local server.
            "verify": not self.base_url.startswith("http://"),
            "headers": {"Authorization": f"Bearer {self.api_key}"} if self.api_key else None,
        }

    def stream(self, after: int) -> dict[str, Any]:
        """The arguments of a stream of events that goes on behind one."""
        return {
            "headers": {"Last-Event-ID": str(after)} if after else {},
            "timeout": httpx2.Timeout(self.timeout_s, read=SILENCE_S),
            "max_event_size": LARGEST_EVENT_BYTES,
        }

    def arguments(self, request: Request) -> dict[str, Any]:
        """The arguments of one request. Raises NotSendable."""
        sent, content = dict(request.headers), request.content
        if request.body is not None:
            content = _written(request.body)
            sent["Content-Type"] = "application/json"
        return {
            "method": request.method,
            "url": request.path,
            "content": content,
            "params": request.query,
            "headers": sent,
            "timeout": self.timeout_s + request.answered_after_s,
        }

    def answer(self, request: Request, response: httpx2.Response) -> Answer:
        """Take an answer. Raises ApiError and ServerUnreachable for one that is no success."""
        if response.is_success or response.status_code in request.allow:
            url = str(response.request.url)
            return Answer(response.status_code, response.headers, response.content, url)
        raise self.error(response)

    def error(self, response: httpx2.Response) -> ApiError | ServerUnreachable:
        """The exception for an answer that is no success."""
        try:
            problem = response.json()
        except ValueError:
            problem = None
        status = response.status_code
        if not isinstance(problem, dict):
            # Our server always answers with a problem document: this is a proxy, or another server.
            if status in (502, 503, 504):
                return ServerUnreachable(self.base_url, f"HTTP {status}")
            problem = {"detail": f"HTTP {status} from {response.request.url}: {response.text[:200]!r}"}
        error = KINDS.get(status, ApiError)(status, problem)
        if isinstance(error, Unavailable):
            error.retry_after_s = _seconds(response.headers.get("retry-after"))
        return error

    def unreachable(self, cause: Exception) -> ServerUnreachable:
        """The exception for a request without an answer; some transport errors have no text of their own."""
        error = ServerUnreachable(self.base_url, str(cause) or type(cause).__name__)
        error.__cause__ = cause
        return error

    def refused_stream(self, response: httpx2.Response) -> Exception:
        """The exception for a stream that was refused: ServerUnreachable where another try may succeed."""
        error = self.error(response)
        passing = response.status_code in PASSING
        return ServerUnreachable(self.base_url, str(error)) if passing else error

    def unreadable_stream(self, cause: httpx2.SSEError) -> ApiError:
        """The exception for an answer that is no stream of events, or has one that is too large: for good."""
        return ApiError(200, {"detail": f"no events can be read from {cause.request.url}: {cause}"})

    def pause_s(self, request: Request, error: Exception, tries: int) -> float:
        """How long to wait before a request is sent again. Raises the error where it is not."""
        if not request.is_safe or tries > self.retries:
            raise error
        if not isinstance(error, Unavailable):
            return RETRY.pause_s(tries)
        if (wanted_s := error.retry_after_s) is None:
            return RETRY.pause_s(tries)
        if wanted_s > LONGEST_PAUSE_S:
            raise error
        return wanted_s


class SyncWay:
    """Sends requests while the caller waits.

    transport  for tests: httpx2.MockTransport(handler).
    """

    def __init__(self, server: Server, transport: httpx2.BaseTransport | None = None) -> None:
        self.server = server
        self._http = httpx2.Client(**server.pool(), transport=transport)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def run(self, steps: Steps[T]) -> T:
        """Carry out an operation."""
        try:
            request = next(steps)
            while True:
                try:
                    answer = self._answer_to(request)
                except Exception as error:
                    request = steps.throw(error)
                else:
                    request = steps.send(answer)
        except StopIteration as done:
            value: T = done.value
            return value

    def iterate(self, pages: Pages[T]) -> Iterator[T]:
        """Read a list as far as the caller goes."""
        answer: Answer | None = None
        while True:
            try:
                step = pages.send(answer)
            except StopIteration:
                return
            if isinstance(step, Found):
                answer = None
                yield step.item
            else:
                answer = self._answer_to(step)

    def follow(self, history: History) -> Iterator[Event]:
        """Give the events of a history, connecting again where a stream breaks."""
        reading = Reading(history)
        while not reading.has_ended:
            broken = None
            try:
                with self._http.sse(history.path, **self.server.stream(reading.after)) as source:
                    if source.response.status_code == 204:
                        return
                    if source.response.status_code != 200:
                        source.response.read()
                        raise self.server.refused_stream(source.response)
                    reading.opened()
                    for frame in source:
                        if (event := reading.take(frame)) is not None:
                            yield event
            except httpx2.SSEError as error:
                raise self.server.unreadable_stream(error) from error
            except httpx2.TransportError as error:
                broken = self.server.unreachable(error)
            except ServerUnreachable as error:
                broken = error
            # A stream closes at its end, or because the server shuts down: the last event tells which.
            if not reading.has_ended:
                time.sleep(reading.pause_s(broken))

    def _answer_to(self, request: Request) -> Answer:
        arguments, tries = self.server.arguments(request), 0
        while True:
            try:
                return self.server.answer(request, self._http.request(**arguments))
            except UnicodeEncodeError as error:
                raise NotSendable(NOT_TEXT) from error
            except httpx2.TransportError as broken:
                failed: Exception = self.server.unreachable(broken)
            except (ServerUnreachable, Unavailable) as refused:
                failed = refused
            tries += 1
            time.sleep(self.server.pause_s(request, failed, tries))


class AsyncWay:
    """Sends requests as coroutines.

    transport  for tests: httpx2.ASGITransport(app) or httpx2.MockTransport(handler).
    """

    def __init__(self, server: Server, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.server = server
        self._http = httpx2.AsyncClient(**server.pool(), transport=transport)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def run(self, steps: Steps[T]) -> T:
        """Carry out an operation."""
        try:
            request = next(steps)
            while True:
                try:
                    answer = await self._answer_to(request)
                except Exception as error:
                    request = steps.throw(error)
                else:
                    request = steps.send(answer)
        except StopIteration as done:
            value: T = done.value
            return value

    async def iterate(self, pages: Pages[T]) -> AsyncIterator[T]:
        """Read a list as far as the caller goes."""
        answer: Answer | None = None
        while True:
            try:
                step = pages.send(answer)
            except StopIteration:
                return
            if isinstance(step, Found):
                answer = None
                yield step.item
            else:
                answer = await self._answer_to(step)

    async def follow(self, history: History) -> AsyncIterator[Event]:
        """Give the events of a history, connecting again where a stream breaks."""
        import asyncio

        reading = Reading(history)
        while not reading.has_ended:
            broken = None
            try:
                async with self._http.sse(history.path, **self.server.stream(reading.after)) as source:
                    if source.response.status_code == 204:
                        return
                    if source.response.status_code != 200:
                        await source.response.aread()
                        raise self.server.refused_stream(source.response)
                    reading.opened()
                    async for frame in source:
                        if (event := reading.take(frame)) is not None:
                            yield event
            except httpx2.SSEError as error:
                raise self.server.unreadable_stream(error) from error
            except httpx2.TransportError as error:
                broken = self.server.unreachable(error)
            except ServerUnreachable as error:
                broken = error
            # A stream closes at its end, or because the server shuts down: the last event tells which.
            if not reading.has_ended:
                await asyncio.sleep(reading.pause_s(broken))

    async def _answer_to(self, request: Request) -> Answer:
        import asyncio

        arguments, tries = self.server.arguments(request), 0
        while True:
            try:
                return self.server.answer(request, await self._http.request(**arguments))
            except UnicodeEncodeError as error:
                raise NotSendable(NOT_TEXT) from error
            except httpx2.TransportError as broken:
                failed: Exception = self.server.unreachable(broken)
            except (ServerUnreachable, Unavailable) as refused:
                failed = refused
            tries += 1
            await asyncio.sleep(self.server.pause_s(request, failed, tries))


def _written(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, default=plain).encode()
    except UnicodeEncodeError as error:
        raise NotSendable(NOT_TEXT) from error
    except TypeError as error:
        raise NotSendable(f"an argument is not JSON: {error}") from error
    except ValueError as error:
        raise NotSendable("JSON has no NaN and no Infinity, and no number that large") from error


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After in seconds; a date counts as none."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
