"""Requests to the HTTP API: paths, JSON, idempotency keys, pages, and answers turned into errors."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

from clients.headrace.errors import NOT_TEXT, ApiError, NotFound, NotSendable, ServerUnreachable

Document = dict[str, Any]
Documents = list[Document]

#: The server pings every 15 s; silence three times as long means that the connection is dead.
SILENCE_S = 45.0
#: An event may carry an output of 1 MiB, escaped.
LARGEST_EVENT_BYTES = 8 * 1024 * 1024
LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request with an Idempotency-Key."""

    document: Document
    #: The server knew the key already and answered as it did then.
    is_replay: bool


#: Parameters of a query; a list is one that comes several times.
Query = Mapping[str, str | list[str]]


class Transport:
    """One connection pool to one server.

    transport  for tests: httpx2.ASGITransport(app) or httpx2.MockTransport(handler).
    Every call raises ServerUnreachable, ApiError (NotFound for 404) and NotSendable.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float,
        api_key: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        # No environment proxies: this is a local or in-house server, and NO_PROXY is easily forgotten.
        self._http = httpx2.AsyncClient(
            base_url=self.base_url,
            timeout=timeout_s,
            transport=transport,
            trust_env=False,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else None,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def get(self, path: str, query: Query | None = None, *, answered_after_s: float = 0) -> Document:
        """Read a document.

        answered_after_s  how long the server may take on purpose.
        """
        return document_of(await self.send("GET", path, query=query, answered_after_s=answered_after_s))

    async def value(self, path: str) -> Any:
        """Read JSON of any kind."""
        return (await self.send("GET", path)).json()

    async def items(self, path: str) -> Documents:
        """Read a list that comes in one piece."""
        found: Documents = (await self.get(path))["items"]
        return found

    async def pages(
        self, path: str, query: Query | None = None, *, limit: int | None = None
    ) -> AsyncIterator[Document]:
        """Read a list page after page, at most `limit` of its items."""
        asked: dict[str, str | list[str]] = dict(query or {})
        left = limit
        while left is None or left > 0:
            asked["limit"] = str(min(left or LARGEST_PAGE, LARGEST_PAGE))
            page = await self.get(path, asked)
            for item in page["items"]:
                yield item
            if left is not None:
                left -= len(page["items"])
            if not page["next_cursor"]:
                return
            asked["cursor"] = page["next_cursor"]

    async def post(self, path: str, body: Mapping[str, Any]) -> Document:
        """Send a document that may be sent again as it is."""
        return document_of(await self.send("POST", path, body=body))

    async def patch(self, path: str, body: Mapping[str, Any]) -> Document:
        """Change fields of what the path names."""
        return document_of(await self.send("PATCH", path, body=body))

    async def post_once(self, path: str, body: Mapping[str, Any], key: str | None) -> Answer:
        """Send a document that takes effect once for each Idempotency-Key.

        key  the caller's, who may then repeat the call; a new one without it.
        """
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        response = await self.send("POST", path, body=body, headers=headers)
        return Answer(document_of(response), response.headers.get("Idempotency-Replayed") == "true")

    async def delete(self, path: str) -> None:
        """Delete what the path names."""
        await self.send("DELETE", path)

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        allow: tuple[int, ...] = (),
        answered_after_s: float = 0,
    ) -> httpx2.Response:
        """Send one request. Statuses in `allow` count as success.

        body     is sent as JSON; content as it is, under the Content-Type in headers.
        """
        sent = dict(headers or {})
        if body is not None:
            content = _written(body)
            sent["Content-Type"] = "application/json"
        try:
            response = await self._http.request(
                method,
                path,
                content=content,
                params=query,
                headers=sent,
                timeout=self._timeout_s + answered_after_s,
            )
        except httpx2.TransportError as error:
            raise self.unreachable(error) from error
        except UnicodeEncodeError as error:
            raise NotSendable(NOT_TEXT) from error
        if response.is_success or response.status_code in allow:
            return response
        raise self.error(response)

    def sse(self, path: str, headers: Mapping[str, str]) -> AbstractAsyncContextManager[httpx2.EventSource]:
        """Open a stream of server-sent events."""
        timeout = httpx2.Timeout(self._timeout_s, read=SILENCE_S)
        return self._http.sse(
            path, headers=dict(headers), timeout=timeout, max_event_size=LARGEST_EVENT_BYTES
        )

    def unreachable(self, error: Exception) -> ServerUnreachable:
        """The exception for a request without an answer; some transport errors have no text of their own."""
        return ServerUnreachable(self.base_url, str(error) or type(error).__name__)

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
        return NotFound(status, problem) if status == 404 else ApiError(status, problem)


def path_of(*parts: str) -> str:
    """`/v1/executions/e1/retry` from its parts; an id cannot lead to another route."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def given(**fields: Any) -> Document:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def document_of(response: httpx2.Response) -> Document:
    """The JSON object of an answer. Raises ApiError where it is anything else."""
    document = response.json()
    if not isinstance(document, dict):
        detail = f"expected a JSON object from {response.request.url}"
        raise ApiError(response.status_code, {"detail": detail})
    return document


def _written(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise NotSendable(NOT_TEXT) from error
    except ValueError as error:
        raise NotSendable("JSON has no NaN and no Infinity, and no number that large") from error
