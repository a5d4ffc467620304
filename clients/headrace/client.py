"""Typed client of Headrace's own HTTP API.

    async with WorkflowClient("http://localhost:8000") as client:
        created = await client.run(definition, inputs={"url": "…"})
        async for event in client.events(created.execution_id):
            print(event.seq, event.type, event.node_id)
        results = await client.results(created.execution_id)

What it returns and raises is in `workflow_views`.
"""

# long: one class, the calls of our API

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx2

from clients.backoff import Backoff
from clients.headrace.views import (
    ApiError,
    Created,
    Event,
    ExecutionView,
    Forked,
    Judgement,
    NotFound,
    NotSendable,
    Rerun,
    ServerUnreachable,
)

#: The server pings every 15 s; silence three times as long means that the connection is dead.
SILENCE_S = 45.0
#: After a stream was lost; a thousand watchers of a restarted server should not come back in one instant.
RECONNECT = Backoff(first_s=0.2, most_s=5.0)
#: An event may carry an output of 1 MiB, escaped.
LARGEST_EVENT_BYTES = 8 * 1024 * 1024


class KeyedCalls:
    """Calls with an Idempotency-Key: one of their own, or that of the caller, who may then repeat them."""

    async def _post(self, path: str, body: Mapping[str, Any], key: str | None) -> dict[str, Any]:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        answer: dict[str, Any] = (await self._send("POST", path, body=body, headers=headers)).json()
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        allow: tuple[int, ...] = (),
    ) -> httpx2.Response:
        raise NotImplementedError


class AnswerCalls(KeyedCalls):
    """Calls about nodes that wait for somebody outside."""

    async def signal(
        self, execution_id: str, name: str, payload: Any = None, *, idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Send a signal; tells how many nodes had waited for it, and whether it is kept.

        Sends an Idempotency-Key in any case; a caller who gives his own may repeat the call with it.
        """
        path = f"/v1/executions/{_part(execution_id)}/signals/{_part(name)}"
        return await self._post(path, {"payload": payload}, idempotency_key)

    async def approvals(self, *, limit: int | None = None) -> AsyncIterator[dict[str, Any]]:
        """Approvals nobody has decided, those that wait longest first, page after page."""
        query, given = {"limit": "100"}, 0
        while True:
            page = (await self._send("GET", "/v1/approvals", query=query)).json()
            for item in page["items"]:
                if given == limit:
                    return
                given += 1
                yield item
            if not page["next_cursor"]:
                return
            query["cursor"] = page["next_cursor"]

    async def approval(self, execution_id: str, node_id: str) -> dict[str, Any]:
        """What an approval shows, with the hash a decision about it must carry."""
        path = f"/v1/approvals/{_part(execution_id)}/{_part(node_id)}"
        found: dict[str, Any] = (await self._send("GET", path)).json()
        return found

    async def decide(
        self,
        execution_id: str,
        node_id: str,
        decision: Literal["approve", "deny"],
        *,
        by: str,
        shown: str,
        form: Any = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Approve or deny what was shown. Raises ApiError 409 with `recorded` when somebody was first."""
        body = {"decision": decision, "by": by, "shown": shown, "form": form}
        path = f"/v1/executions/{_part(execution_id)}/approvals/{_part(node_id)}"
        return await self._post(path, body, idempotency_key)


class InterventionCalls(KeyedCalls):
    """Calls of operators. Each sends an Idempotency-Key; a caller who gives his own may repeat the call."""

    async def trigger(self, execution_id: str, *, inputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Start a submitted execution; again is harmless, and answered with `already`."""
        return await self._ask(
            f"/v1/executions/{quote(execution_id, safe='')}/trigger", {"inputs": inputs}, None
        )

    async def cancel(
        self,
        execution_id: str,
        *,
        reason: str | None = None,
        grace: float | str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Cancel; what runs may still end within the grace (seconds, or `30s`), 30 s without one."""
        path = f"/v1/executions/{quote(execution_id, safe='')}/cancel"
        return await self._ask(path, {"reason": reason, "grace": grace}, idempotency_key)

    async def pause(
        self,
        execution_id: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Start nothing more of an execution until it is resumed."""
        path = f"/v1/executions/{quote(execution_id, safe='')}/pause"
        return await self._ask(path, {"by": by, "reason": reason}, idempotency_key)

    async def resume(
        self,
        execution_id: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        budget: Mapping[str, float] | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Go on with a paused execution.

        budget  {max_tokens, max_cost_usd} its calls may use from now on; what is left out stays as it is.
        """
        path = f"/v1/executions/{quote(execution_id, safe='')}/resume"
        return await self._ask(path, {"by": by, "reason": reason, "budget": budget}, idempotency_key)

    async def handle_node(
        self,
        execution_id: str,
        node_id: str,
        verb: Literal["complete", "fail", "skip", "retry"],
        *,
        by: str,
        reason: str | None = None,
        attempt: int | None = None,
        idempotency_key: str | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """End a node by hand, or its wait; `output` goes with complete, `error` {type, message} with fail."""
        path = f"/v1/executions/{quote(execution_id, safe='')}/nodes/{quote(node_id, safe='')}/{verb}"
        body = {"by": by, "reason": reason, "attempt": attempt, **more}
        return await self._ask(path, body, idempotency_key)

    async def _ask(self, path: str, fields: Mapping[str, Any], key: str | None) -> dict[str, Any]:
        body = {name: value for name, value in fields.items() if value is not None}
        return await self._post(path, body, key)


class WorkflowClient(AnswerCalls, InterventionCalls):
    """One connection pool to one server. Use it as an async context manager.

    transport   for tests: httpx2.ASGITransport(app) or httpx2.MockTransport(handler).
    """

    def __init__(
        self,
        base_url: str = "http://localhost:8000",
        *,
        timeout_s: float = 30.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        # No environment proxies: this is a local or in-house server, and NO_PROXY is easily forgotten.
        self._http = httpx2.AsyncClient(
            base_url=self.base_url, timeout=timeout_s, transport=transport, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    # --- verbs

    async def run(
        self,
        definition: Mapping[str, Any] | str,
        *,
        inputs: Mapping[str, Any] | None = None,
        trigger: bool = True,
        idempotency_key: str | None = None,
    ) -> Created:
        """Submit a definition (an object, or YAML text) and start it unless `trigger` is False.

        Sends an Idempotency-Key in any case; a caller who gives his own may repeat the call with it.
        """
        body: dict[str, Any] = {"definition": definition, "trigger": trigger}
        if inputs is not None:
            body["inputs"] = inputs
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        response = await self._send("POST", "/v1/executions", body=body, headers=headers)
        return Created.from_answer(_object(response), response.headers)

    async def retry(
        self, execution_id: str, *, preview: bool = False, generation: int | None = None
    ) -> Rerun:
        """Run the failed part of an execution again, in place, or say what that would be.

        generation  as a preview names it; the same call made again then retries nothing twice.
        """
        body: dict[str, Any] = {"preview": preview}
        if generation is not None:
            body["generation"] = generation
        return Rerun.from_dict(await self._json("POST", f"{_execution(execution_id)}/retry", body=body))

    async def replay(
        self,
        execution_id: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Created:
        """Start a new execution of the same definition; `inputs` override those of the same name."""
        body = {} if inputs is None else {"inputs": inputs}
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        path = f"{_execution(execution_id)}/replay"
        response = await self._send("POST", path, body=body, headers=headers)
        return Created.from_answer(_object(response), response.headers)

    async def fork(
        self,
        execution_id: str,
        *,
        from_node: str | None = None,
        definition: Mapping[str, Any] | str | None = None,
        inputs: Mapping[str, Any] | None = None,
        preview: bool = False,
        idempotency_key: str | None = None,
    ) -> Forked:
        """Start a new execution that keeps what the change does not reach, or say what it would run."""
        change = {"from_node": from_node, "definition": definition, "inputs": inputs}
        body = {name: value for name, value in change.items() if value is not None} | {"preview": preview}
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        path = f"{_execution(execution_id)}/fork"
        return Forked.from_dict(_object(await self._send("POST", path, body=body, headers=headers)))

    # --- views

    async def validate(self, definition: Mapping[str, Any] | str) -> Judgement:
        """Judge a definition (an object, or YAML text); nothing is stored."""
        return Judgement.from_dict(await self._json("POST", "/v1/validate", body={"definition": definition}))

    async def get(self, execution_id: str) -> ExecutionView:
        return ExecutionView.from_dict(await self._json("GET", _execution(execution_id)))

    async def results(self, execution_id: str) -> dict[str, Any]:
        """Outputs by node id; `{}` for a node without one."""
        answer = await self._json("GET", f"{_execution(execution_id)}/results")
        results: dict[str, Any] = answer["results"]
        return results

    async def explain(self, execution_id: str) -> list[dict[str, Any]]:
        """What every unfinished node waits for, and what will wake it."""
        return await self._items(f"{_execution(execution_id)}/explain")

    async def executions(self, *, limit: int | None = None, **filters: str) -> AsyncIterator[ExecutionView]:
        """Executions, newest first, page after page. Filters: status, name, created_after, created_before."""
        left = limit
        query: dict[str, str] = dict(filters)
        while left is None or left > 0:
            query["limit"] = str(min(left or 100, 100))
            page = await self._json("GET", "/v1/executions", query=query)
            for item in page["items"]:
                yield ExecutionView.from_dict(item)
            if left is not None:
                left -= len(page["items"])
            if not page["next_cursor"]:
                return
            query["cursor"] = page["next_cursor"]

    async def workers(self) -> list[dict[str, Any]]:
        return await self._items("/v1/workers")

    async def queues(self) -> list[dict[str, Any]]:
        return await self._items("/v1/queues")

    async def readiness(self) -> dict[str, Any]:
        """The verbose readiness document, whether it is good (200) or bad (503)."""
        response = await self._send("GET", "/readyz", query={"verbose": ""}, allow=(503,))
        return _object(response)

    async def is_healthy(self) -> bool:
        """Whether the API answers. Never raises for a server that is away."""
        try:
            return (await self._json("GET", "/health")).get("status") == "ok"
        except (ServerUnreachable, ApiError, ValueError):
            return False

    # --- history

    async def events(
        self, execution_id: str, *, after: int = 0, give_up_after_s: float | None = 60.0
    ) -> AsyncIterator[Event]:
        """Every event once, in order, from the one after `after` until the execution has ended.

        Reconnects by itself with the id read last.
        give_up_after_s  how long to be without a server before ServerUnreachable is raised; None: for ever.
        """
        last_seq, has_ended = after, False
        tries, away_since = 0, time.monotonic()
        while True:
            try:
                async for event in self._stream(execution_id, after=last_seq):
                    tries, away_since = 0, time.monotonic()
                    last_seq, has_ended = event.seq, event.is_terminal
                    yield event
                # A stream closes at its end, or because the server shuts down: the last event tells.
                if has_ended:
                    return
            except _HistoryEnded:
                return
            except ServerUnreachable:
                if give_up_after_s is not None and time.monotonic() - away_since > give_up_after_s:
                    raise
            tries += 1
            await asyncio.sleep(RECONNECT.pause_s(tries))

    async def _stream(self, execution_id: str, *, after: int) -> AsyncIterator[Event]:
        """One connection's worth of events. Raises _HistoryEnded where there is nothing left to come."""
        seq = after
        headers = {"Last-Event-ID": str(after)} if after else {}
        timeout = httpx2.Timeout(self._timeout_s, read=SILENCE_S)
        try:
            async with self._http.sse(
                f"{_execution(execution_id)}/events",
                headers=headers,
                timeout=timeout,
                max_event_size=LARGEST_EVENT_BYTES,
            ) as source:
                if source.response.status_code == 204:
                    raise _HistoryEnded
                if source.response.status_code != 200:
                    await source.response.aread()
                    error = self._error(source.response)
                    # Redis away, or too many watchers: another time. Everything else will not change.
                    if source.response.status_code in (429, 500, 502, 503, 504):
                        raise ServerUnreachable(self.base_url, str(error))
                    raise error
                async for frame in source:
                    if not frame.data:
                        continue
                    event = Event.from_json(frame.data, default_seq=seq)
                    if event.type != "gap" and event.seq <= seq:
                        continue
                    seq = event.seq
                    yield event
        except httpx2.TransportError as broken:
            raise ServerUnreachable(self.base_url, describe(broken)) from broken

    # --- wire

    async def _send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        allow: tuple[int, ...] = (),
    ) -> httpx2.Response:
        content = None if body is None else _written(body)
        sent = dict(headers or {})
        if content is not None:
            sent["Content-Type"] = "application/json"
        try:
            response = await self._http.request(method, path, content=content, params=query, headers=sent)
        except httpx2.TransportError as error:
            raise ServerUnreachable(self.base_url, describe(error)) from error
        except UnicodeEncodeError as error:
            raise NotSendable(NOT_TEXT) from error
        if response.is_success or response.status_code in allow:
            return response
        raise self._error(response)

    async def _json(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        return _object(await self._send(method, path, body=body, query=query))

    async def _items(self, path: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self._json("GET", path))["items"]
        return items

    def _error(self, response: httpx2.Response) -> ApiError | ServerUnreachable:
        """The exception for an answer that is no success."""
        try:
            problem = response.json()
        except ValueError:
            problem = None
        status = response.status_code
        if not isinstance(problem, dict):
            # No problem document, so it was not our server that spoke: a proxy, or somebody else on the port.
            if status in (502, 503, 504):
                return ServerUnreachable(self.base_url, f"HTTP {status}")
            problem = {"detail": f"HTTP {status} from {response.request.url}: {response.text[:200]!r}"}
        return NotFound(status, problem) if status == 404 else ApiError(status, problem)


class _HistoryEnded(Exception):
    """The server answered 204: the execution has ended and every event was read."""


def _execution(execution_id: str) -> str:
    return f"/v1/executions/{quote(execution_id, safe='')}"


def _object(response: httpx2.Response) -> dict[str, Any]:
    document = response.json()
    if not isinstance(document, dict):
        raise ApiError(
            response.status_code, {"detail": f"expected a JSON object from {response.request.url}"}
        )
    return document


def describe(error: Exception) -> str:
    """What went wrong in words; some transport errors have none of their own."""
    return str(error) or type(error).__name__


NOT_TEXT = "an argument holds bytes that are not UTF-8, or half of a character"


def _written(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise NotSendable(NOT_TEXT) from error
    except ValueError as error:
        raise NotSendable("JSON has no NaN and no Infinity, and no number that large") from error


def _part(text: str) -> str:
    return quote(text, safe="")
