"""The Messages API, by way of the Anthropic SDK."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from clients.llm.answer_text import AnswerText
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
from headrace.tools import LlmReply, LlmUsage, OnText

if TYPE_CHECKING:
    import anthropic
    import httpx2

DEFAULT_MODEL = "claude-sonnet-5-5"


class AnthropicProvider:
    """Calls the Messages API; the SDK is imported at the first call (it takes a second)."""

    def __init__(self, settings: LlmSettings, *, http_client: httpx2.AsyncClient | None = None) -> None:
        self._settings = settings
        self._http_client = http_client
        self._client: anthropic.AsyncAnthropic | None = None

    def model_of(self, request: LlmRequest) -> str:
        return request.model or self._settings.model or DEFAULT_MODEL

    async def complete(self, request: LlmRequest, on_text: OnText | None = None) -> LlmReply:
        client = await self._opened()
        import anthropic
        import httpx2

        answer = _Answer(self.model_of(request), on_text)
        try:
            async with client.messages.stream(**self._arguments(request)) as stream:
                answer.is_under_way = True
                async for event in stream:
                    answer.take(event)
        except anthropic.AnthropicError as error:
            raise as_llm_error(error, has_begun=answer.has_begun) from error
        except httpx2.TransportError as error:
            # The SDK wraps what fails before the first byte only.
            raise broken(f"the connection broke: {error or type(error).__name__}") from error
        except (httpx2.RequestError, RuntimeError, *NOT_READABLE) as error:
            if not answer.is_under_way:
                raise LlmError(f"the request cannot be sent: {error}", type="Llm.InvalidRequest") from error
            raise unreadable(f"{type(error).__name__}: {error}") from error
        return answer.reply()

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _opened(self) -> anthropic.AsyncAnthropic:
        if self._client is None:
            # In a thread: the import would hold up every other attempt of this worker for a second and more.
            module = await asyncio.to_thread(__import__, "anthropic")
            if self._client is None:
                self._client = module.AsyncAnthropic(
                    api_key=self._settings.api_key,
                    base_url=self._settings.base_url,
                    timeout=self._settings.timeout_s,
                    max_retries=0,
                    http_client=self._http_client,
                )
        assert self._client is not None
        return self._client

    def _arguments(self, request: LlmRequest) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "model": self.model_of(request),
            "max_tokens": request.max_tokens,
            "messages": [dict(message) for message in request.messages],
        }
        system = request.system
        output_config: dict[str, Any] = {"effort": request.effort} if request.effort else {}
        if request.schema is not None:
            adapted = _adapted_schema(request.schema)
            if adapted is not None:
                output_config["format"] = {"type": "json_schema", "schema": adapted}
            else:
                system = schema_in_words(system, request.schema)
        if system:
            arguments["system"] = system
        if output_config:
            arguments["output_config"] = output_config
        if request.cache_ttl:
            arguments["cache_control"] = {"type": "ephemeral", "ttl": request.cache_ttl}
        if request.extra_body:
            arguments["extra_body"] = dict(request.extra_body)
        return arguments


class _Answer:
    """One streamed answer, put together event by event."""

    def __init__(self, model: str, on_text: OnText | None) -> None:
        self._model = model
        self._text = AnswerText(on_text)
        self._usage = LlmUsage()
        self._stop_reason = ""
        #: Whether the API has begun to answer; before that, what fails is the request.
        self.is_under_way = False
        #: Whether the model has begun its message: from then on it is charged.
        self.has_begun = False
        self._has_ended = False

    def take(self, event: Any) -> None:
        if event.type == "message_start":
            self.has_begun = True
            self._model = str(event.message.model)
            self._count(event.message.usage)
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            self._text.add(event.delta.text)
        elif event.type == "content_block_start" and event.content_block.type == "text":
            self._text.add(event.content_block.text)
        elif event.type == "message_delta":
            self._count(event.usage)
            self._stop_reason = str(event.delta.stop_reason or self._stop_reason)
            self._explain(event.delta)
        elif event.type == "message_stop":
            self._has_ended = True

    def reply(self) -> LlmReply:
        """Give the whole answer. Raises LlmError where the stream ended without its end."""
        self._text.close()
        if not self._has_ended:
            # A proxy that closes early ends a stream as politely as the API does.
            raise broken("the answer ended before its end")
        return LlmReply(
            text=self._text.text,
            model=self._model,
            usage=self._usage,
            stop_reason=self._stop_reason or "end_turn",
        )

    def _explain(self, delta: Any) -> None:
        """Answer with why the model refused, where it said nothing else."""
        explanation = getattr(getattr(delta, "stop_details", None), "explanation", None)
        if explanation and not self._text.text:
            self._text.add(str(explanation))

    def _count(self, usage: Any) -> None:
        """Take totals over; what a later count leaves out is as it was."""

        def total(name: str, before: int) -> int:
            value = getattr(usage, name, None)
            return before if value is None else int(value)

        self._usage = LlmUsage(
            input=total("input_tokens", self._usage.input),
            output=total("output_tokens", self._usage.output),
            cache_read=total("cache_read_input_tokens", self._usage.cache_read),
            cache_write=total("cache_creation_input_tokens", self._usage.cache_write),
        )


def as_llm_error(error: anthropic.AnthropicError, *, has_begun: bool = False) -> LlmError:
    """Read an SDK error as ours: what kind it is, and whether another attempt could end differently.

    has_begun  the API had begun to answer.
    """
    import anthropic

    if isinstance(error, anthropic.APIStatusError):
        kind, retryable = kind_of_status(error.status_code, error.error_code or "", error.type or "")
        details = {"status": error.status_code, "type": error.type, "request_id": error.request_id}
        message = error.api_message or error.message
        # An error in the middle of a stream comes within an answer of status 200.
        did = "broke off" if error.status_code < 300 else f"answered {error.status_code}"
        return LlmError(
            f"the model API {did}: {message}",
            type=kind,
            retryable=retryable,
            retry_after_s=retry_after_s(error.response.headers),
            details={name: value for name, value in details.items() if value is not None},
            was_charged=has_begun,
        )
    if isinstance(error, anthropic.APIResponseValidationError):
        return unreadable(str(error))
    if isinstance(error, anthropic.APIConnectionError):
        return LlmError(
            f"the model API cannot be reached: {error}",
            type="Llm.Transport",
            retryable=True,
            was_charged=has_begun or was_sent(error.__cause__),
        )
    if isinstance(error, anthropic.CredentialsError):
        return LlmError(str(error), type="Llm.Auth")
    return LlmError(str(error), type="Llm.InvalidRequest", was_charged=has_begun)


def _adapted_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema in the form the API enforces by itself; None for one it has no form for."""
    import anthropic

    try:
        return anthropic.transform_schema(dict(schema))
    except (ValueError, TypeError, AttributeError, AssertionError, RecursionError):
        return None
