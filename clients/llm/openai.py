"""Any API with the chat completions of OpenAI: vLLM, Ollama, llama.cpp, gateways, OpenAI itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson

from clients.llm.prices import LlmUsage
from clients.llm.provider import (
    LlmError,
    LlmReply,
    LlmRequest,
    LlmSettings,
    OnText,
    clean,
    kind_of_status,
    retry_after_s,
    rough_tokens,
    schema_in_words,
    was_sent,
)

DEFAULT_BASE_URL = "https://api.openai.com/v1"
#: Their words for why an answer ended -> ours.
STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
}
#: Of the body of a refusal, as much as is read.
ERROR_MAX_BYTES = 64 * 1024
_CONNECT_S = 5.0


class OpenAiProvider:
    """Calls `{base_url}/chat/completions`. No model is fit for every server: one has to be named."""

    def __init__(self, settings: LlmSettings, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._base_url = (settings.openai_base_url or DEFAULT_BASE_URL).rstrip("/")
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None

    def model_of(self, request: LlmRequest) -> str:
        model = request.model or self._settings.model
        if not model:
            raise LlmError(
                "no model is named: set LLM_MODEL, or 'model' in the node", type="Llm.NotConfigured"
            )
        return model

    async def complete(self, request: LlmRequest, on_text: OnText | None = None) -> LlmReply:
        body = self._body(request)
        answer = _Answer(request, body["model"], on_text)
        try:
            content = orjson.dumps(body)
        except (TypeError, ValueError, RecursionError) as error:
            raise LlmError(f"the request cannot be sent: {error}", type="Llm.InvalidRequest") from error
        headers = {"content-type": "application/json"}
        if self._settings.openai_api_key:
            headers["authorization"] = f"Bearer {self._settings.openai_api_key}"
        try:
            async with self._opened().sse(
                f"{self._base_url}/chat/completions", method="POST", content=content, headers=headers
            ) as source:
                await self._read(source, answer)
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise LlmError(
                f"the model API cannot be reached: {error or type(error).__name__}",
                type="Llm.Transport",
                retryable=True,
                was_charged=was_sent(error),
            ) from error
        except httpx2.InvalidURL as error:
            raise LlmError(f"OPENAI_BASE_URL is no URL: {error}", type="Llm.NotConfigured") from error
        return answer.reply()

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            timeout = httpx2.Timeout(self._settings.timeout_s, connect=_CONNECT_S)
            limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)
            self._client = httpx2.AsyncClient(timeout=timeout, limits=limits, transport=self._transport)
        return self._client

    async def _read(self, source: httpx2.EventSource, answer: _Answer) -> None:
        response = source.response
        if response.status_code != 200:
            raise _refusal(response, await _start_of(response))
        if response.headers.get("content-type", "").startswith("application/json"):
            # A server that does not stream, whatever it was asked.
            answer.take(await response.aread())
            answer.has_ended = True
            return
        async for event in source:
            if event.data.strip() == "[DONE]":
                answer.has_ended = True
                return
            answer.take(event.data)

    def _body(self, request: LlmRequest) -> dict[str, Any]:
        system = request.system
        if request.schema is not None:
            # In words as well: many servers take the format and do not enforce it.
            system = schema_in_words(system, request.schema)
        messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
        messages += [dict(message) for message in request.messages]
        # OpenAI's own models refuse the word that all others know.
        is_their_own = (urlsplit(self._base_url).hostname or "").endswith("openai.com")
        body: dict[str, Any] = {
            "model": self.model_of(request),
            "messages": messages,
            "max_completion_tokens" if is_their_own else "max_tokens": request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.schema is not None:
            form = {"name": "answer", "schema": dict(request.schema), "strict": False}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        if request.effort:
            body["reasoning_effort"] = request.effort
        return body | dict(request.extra_body)


class _Answer:
    """One streamed answer, put together chunk by chunk."""

    def __init__(self, request: LlmRequest, model: str, on_text: OnText | None) -> None:
        self._request = request
        self._model = model
        self._on_text = on_text
        self._pieces: list[str] = []
        self._usage: LlmUsage | None = None
        self._stop_reason = ""
        self._has_begun = False
        self.has_ended = False

    def take(self, data: str | bytes) -> None:
        """Take one chunk. Raises LlmError for one that cannot be read, or that carries an error."""
        try:
            chunk = orjson.loads(data)
            if chunk.get("error"):
                raise self._told_error(chunk["error"])
            self._has_begun = True
            self._model = str(chunk.get("model") or self._model)
            if chunk.get("usage"):
                self._usage = _usage(chunk["usage"])
            for choice in chunk.get("choices") or ():
                said = choice.get("delta") or choice.get("message") or {}
                self._tell(said.get("content") or "")
                if reason := choice.get("finish_reason"):
                    self._stop_reason = STOP_REASONS.get(reason, str(reason))
        except (ValueError, TypeError, AttributeError) as error:
            raise self.failure(
                f"the model API sent what cannot be read: {type(error).__name__}: {error}",
                type="Llm.BadResponse",
            ) from error

    def reply(self) -> LlmReply:
        """Give the whole answer. Raises LlmError where the stream ended without its end."""
        if not self.has_ended and not self._stop_reason:
            raise self.failure("the model API: the answer ended before its end", type="Llm.Transport")
        return LlmReply(
            text="".join(self._pieces),
            model=self._model,
            usage=self._usage or self._guess(),
            stop_reason=self._stop_reason or "end_turn",
        )

    def failure(self, message: str, *, type: str) -> LlmError:
        """An error that another attempt may not meet."""
        return LlmError(message, type=type, retryable=True, was_charged=True)

    def _told_error(self, error: Any) -> LlmError:
        words = error if isinstance(error, Mapping) else {"message": str(error)}
        kind, retryable = kind_of_status(_status_in(words), str(words.get("code")), str(words.get("type")))
        found = self.failure(f"the model API broke off: {words.get('message')}", type=kind)
        found.retryable, found.was_charged = retryable, self._has_begun
        return found

    def _tell(self, text: str) -> None:
        if text:
            text = clean(text)
            self._pieces.append(text)
            if self._on_text is not None:
                self._on_text(text)

    def _guess(self) -> LlmUsage:
        """Count roughly, for servers that do not."""
        prompt = self._request.system or ""
        for message in self._request.messages:
            content = message["content"]
            prompt += content if isinstance(content, str) else orjson.dumps(content, default=str).decode()
        return LlmUsage(input=rough_tokens(prompt), output=rough_tokens("".join(self._pieces)))


def _usage(counts: Mapping[str, Any]) -> LlmUsage:
    prompt = int(counts.get("prompt_tokens") or 0)
    cached = int((counts.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
    return LlmUsage(
        input=max(0, prompt - cached), output=int(counts.get("completion_tokens") or 0), cache_read=cached
    )


def _status_in(words: Mapping[str, Any]) -> int:
    code = words.get("code")
    return code if isinstance(code, int) and 400 <= code < 600 else 200


async def _start_of(response: httpx2.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= ERROR_MAX_BYTES:
            break
    return body[:ERROR_MAX_BYTES]


def _refusal(response: httpx2.Response, body: bytes) -> LlmError:
    """Read a refusal: `{"error": {"message", "type", "code"}}`, or what a proxy in between sends."""
    status = response.status_code
    try:
        words = orjson.loads(body)["error"]
        words = words if isinstance(words, Mapping) else {"message": str(words)}
    except (ValueError, TypeError, KeyError):
        words = {"message": body[:300].decode("utf-8", "replace").strip() or response.reason_phrase}
    if 300 <= status < 400:
        # Never followed: the key would go along.
        return LlmError(f"OPENAI_BASE_URL answers with a redirect ({status})", type="Llm.NotConfigured")
    kind, retryable = kind_of_status(status, str(words.get("code")), str(words.get("type")))
    details = {
        "status": status,
        "type": words.get("type"),
        "request_id": response.headers.get("x-request-id"),
    }
    return LlmError(
        f"the model API answered {status}: {str(words.get('message'))[:1000]}",
        type=kind,
        retryable=retryable,
        retry_after_s=retry_after_s(response.headers),
        details={name: value for name, value in details.items() if value is not None},
    )
