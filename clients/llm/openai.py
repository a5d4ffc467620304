"""Any API with the chat completions of OpenAI, by way of their SDK: vLLM, Ollama, gateways, OpenAI itself.

The SDK makes the call; what comes back is read here, since servers that are compatible answer in more ways
than the SDK takes (docs/decisions/0014).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from clients.llm.chat_answer import ChatAnswer, error_words
from clients.llm.provider import (
    NOT_READABLE,
    LlmError,
    LlmRequest,
    LlmSettings,
    broken,
    kind_of_status,
    retry_after_s,
    schema_in_words,
    unreadable,
    was_sent,
)
from headrace.tools import LlmReply, OnText

if TYPE_CHECKING:
    import httpx2
    import openai

DEFAULT_BASE_URL = "https://api.openai.com/v1"
_CONNECT_S = 5.0


class OpenAiProvider:
    """Calls `{base_url}/chat/completions`; the SDK is imported at the first call (it takes a second).

    No model is fit for every server: one has to be named.
    """

    def __init__(self, settings: LlmSettings, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._base_url = (settings.openai_base_url or DEFAULT_BASE_URL).rstrip("/")
        self._transport = transport
        self._client: openai.AsyncOpenAI | None = None

    def model_of(self, request: LlmRequest) -> str:
        model = request.model or self._settings.model
        if not model:
            raise LlmError(
                "no model is named: set LLM_MODEL, or 'model' in the node", type="Llm.NotConfigured"
            )
        return model

    async def complete(self, request: LlmRequest, on_text: OnText | None = None) -> LlmReply:
        model = self.model_of(request)
        client = await self._opened()
        import httpx2
        import openai

        from clients.llm.event_stream import read_events

        # OpenAI's own models refuse the word that all others know.
        is_their_own = client.base_url.host.endswith("openai.com")
        arguments = _arguments(request, model, most="max_completion_tokens" if is_their_own else "max_tokens")
        if not self._settings.openai_api_key:
            arguments["extra_headers"] = {"Authorization": openai.Omit()}
        answer = ChatAnswer(request, model, on_text)
        is_under_way = False
        try:
            async with client.chat.completions.with_streaming_response.create(**arguments) as response:
                is_under_way = True
                async for data in read_events(response.http_response):
                    if not answer.take(data):
                        break
        except openai.OpenAIError as error:
            raise as_llm_error(error) from error
        except httpx2.TransportError as error:
            # The SDK wraps what fails before the first byte only.
            raise broken(f"the connection broke: {error or type(error).__name__}") from error
        except (httpx2.RequestError, *NOT_READABLE) as error:
            if not is_under_way:
                raise LlmError(f"the request cannot be sent: {error}", type="Llm.InvalidRequest") from error
            raise unreadable(f"{type(error).__name__}: {error}") from error
        return answer.reply()

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _opened(self) -> openai.AsyncOpenAI:
        if self._client is None:
            # In a thread: the import would hold up every other attempt of this worker for a second and more.
            module = await asyncio.to_thread(__import__, "openai")
            if self._client is None:
                self._client = self._make_client(module)
        return self._client

    def _make_client(self, module: Any) -> openai.AsyncOpenAI:
        import httpx2

        timeout = httpx2.Timeout(self._settings.timeout_s, connect=_CONNECT_S)
        limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)
        try:
            client: openai.AsyncOpenAI = module.AsyncOpenAI(
                # The SDK wants a key even where none is sent.
                api_key=self._settings.openai_api_key or "none",
                base_url=self._base_url,
                timeout=timeout,
                max_retries=0,
                # Redirects are never followed: the key would go along.
                http_client=httpx2.AsyncClient(timeout=timeout, limits=limits, transport=self._transport),
            )
        except httpx2.InvalidURL as error:
            raise LlmError(f"OPENAI_BASE_URL is no URL: {error}", type="Llm.NotConfigured") from error
        return client


def _arguments(request: LlmRequest, model: str, *, most: str) -> dict[str, Any]:
    """What the SDK is called with; `most` is the server's word for the limit of tokens."""
    system = request.system
    if request.schema is not None:
        # In words as well: many servers take the format and do not enforce it.
        system = schema_in_words(system, request.schema)
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    messages += [dict(message) for message in request.messages]
    arguments: dict[str, Any] = {
        "model": model,
        "messages": messages,
        most: request.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.schema is not None:
        form = {"name": "answer", "schema": dict(request.schema), "strict": False}
        arguments["response_format"] = {"type": "json_schema", "json_schema": form}
    if request.effort:
        arguments["reasoning_effort"] = request.effort
    if request.extra_body:
        arguments["extra_body"] = dict(request.extra_body)
    return arguments


def as_llm_error(error: openai.OpenAIError) -> LlmError:
    """Read an SDK error as ours: what kind it is, and whether another attempt could end differently."""
    import httpx2
    import openai

    if isinstance(error, openai.APIStatusError):
        return _refused(error)
    cause = error.__cause__
    if isinstance(cause, httpx2.UnsupportedProtocol):
        return LlmError(f"OPENAI_BASE_URL is no URL: {cause}", type="Llm.NotConfigured")
    if isinstance(error, openai.APIConnectionError):
        return LlmError(
            f"the model API cannot be reached: {cause or type(cause).__name__}",
            type="Llm.Transport",
            retryable=True,
            was_charged=was_sent(cause),
        )
    return LlmError(str(error), type="Llm.InvalidRequest")


def _refused(error: openai.APIStatusError) -> LlmError:
    """Read a status: `{"error": {"message", "type", "code"}}`, or what a proxy in between sends."""
    status, headers = error.status_code, error.response.headers
    if 300 <= status < 400:
        return LlmError(f"OPENAI_BASE_URL answers with a redirect ({status})", type="Llm.NotConfigured")
    words = error_words(error.body)
    kind, retryable = kind_of_status(status, str(words.get("code")), str(words.get("type")))
    details = {"status": status, "type": words.get("type"), "request_id": error.request_id}
    message = str(words["message"]).strip() or error.response.reason_phrase
    return LlmError(
        f"the model API answered {status}: {message}",
        type=kind,
        retryable=retryable,
        retry_after_s=retry_after_s(headers),
        details={name: value for name, value in details.items() if value is not None},
    )
