"""Language models behind one narrow protocol: Anthropic, and an echo that answers without any network.

The engine owns retries, so a provider makes one call and says, when it fails, whether another could succeed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from clients.llm_prices import LlmUsage
from clients.schema_sample import sample_of

if TYPE_CHECKING:
    import anthropic
    import httpx2

DEFAULT_MODEL = "claude-sonnet-5-5"


class LlmError(Exception):
    """A call without an answer. `error_type` and `retryable` are what a failed node will say."""

    def __init__(
        self,
        message: str,
        *,
        type: str,
        retryable: bool = False,
        retry_after_s: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.error_type = type
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.details = dict(details or {})


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """What an installation decides about language models.

    provider  `anthropic`, `echo`, or None: anthropic with a key, else echo in development.
    base_url  of the Anthropic API, for gateways; from deployment settings only, never from a workflow.
    """

    environment: str = "development"
    provider: str | None = None
    model: str = DEFAULT_MODEL
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    timeout_s: float = 600.0


@dataclass(frozen=True, slots=True)
class LlmRequest:
    """One call. `messages` alternate user and assistant, the user's last; `model` None is the default."""

    messages: tuple[Mapping[str, Any], ...]
    max_tokens: int = 4096
    model: str | None = None
    system: str | None = None
    schema: Mapping[str, Any] | None = None
    effort: str | None = None
    #: Cache the prompt for "5m" or "1h"; None does not.
    cache_ttl: str | None = None
    #: Passed on as it is, for options this class does not know.
    extra_body: Mapping[str, Any] = field(default_factory=dict)

    def asking_again(self, answer: str, complaint: str) -> LlmRequest:
        """The same conversation, carried on by what was wrong with the last answer."""
        # An empty turn is refused by the API; consecutive user turns are not.
        said = ({"role": "assistant", "content": answer},) if answer.strip() else ()
        return replace(self, messages=(*self.messages, *said, {"role": "user", "content": complaint}))


@dataclass(frozen=True, slots=True)
class LlmReply:
    """One answer: the text of its text blocks, joined."""

    text: str
    model: str
    usage: LlmUsage
    stop_reason: str
    is_simulated: bool = False


class LlmProvider(Protocol):
    """Something that answers. One for all attempts of a process."""

    async def complete(self, request: LlmRequest) -> LlmReply:
        """Make one call, without retries. Raises LlmError."""

    async def aclose(self) -> None:
        """Close what is open. Safe to call twice."""


def make_provider(settings: LlmSettings) -> LlmProvider:
    """Choose the provider. Raises LlmError (`Llm.NotConfigured`) where none can be had."""
    name = settings.provider
    if name is None:
        name = "anthropic" if settings.api_key else "echo" if settings.environment == "development" else ""
    if name == "echo":
        return EchoProvider()
    if name == "anthropic" and settings.api_key:
        return AnthropicProvider(settings)
    if name and name != "anthropic":
        raise LlmError(f"LLM_PROVIDER '{name}' is not known (anthropic, echo)", type="Llm.NotConfigured")
    raise LlmError(
        "no language model is configured: set ANTHROPIC_API_KEY, or LLM_PROVIDER=echo for simulated answers",
        type="Llm.NotConfigured",
    )


class EchoProvider:
    """Answers at once and always the same: the prompt back, or the smallest value a schema allows."""

    async def complete(self, request: LlmRequest) -> LlmReply:
        prompt = _last_user_text(request.messages)
        if request.schema is None:
            text = f"Simulated response for: {prompt}"
        else:
            text = json.dumps(sample_of(request.schema), ensure_ascii=False)
        usage = LlmUsage(input=_rough_tokens(prompt), output=_rough_tokens(text))
        return LlmReply(text=text, model="echo", usage=usage, stop_reason="end_turn", is_simulated=True)

    async def aclose(self) -> None:
        return None


class AnthropicProvider:
    """Calls the Messages API through the Anthropic SDK, imported at the first call (it takes a second)."""

    def __init__(self, settings: LlmSettings, *, http_client: httpx2.AsyncClient | None = None) -> None:
        self._settings = settings
        self._http_client = http_client
        self._client: anthropic.AsyncAnthropic | None = None

    async def complete(self, request: LlmRequest) -> LlmReply:
        client = await self._opened()
        import anthropic

        try:
            message = await client.messages.create(**self._arguments(request))
        except anthropic.AnthropicError as error:
            raise as_llm_error(error) from error
        except (TypeError, ValueError) as error:
            raise LlmError(f"the request cannot be sent: {error}", type="Llm.InvalidRequest") from error
        return LlmReply(
            text="".join(block.text for block in message.content if block.type == "text"),
            model=str(message.model),
            usage=LlmUsage(
                input=message.usage.input_tokens,
                output=message.usage.output_tokens,
                cache_read=message.usage.cache_read_input_tokens or 0,
                cache_write=message.usage.cache_creation_input_tokens or 0,
            ),
            stop_reason=str(message.stop_reason or "end_turn"),
        )

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _opened(self) -> anthropic.AsyncAnthropic:
        if self._client is None:
            import asyncio

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
            "model": request.model or self._settings.model,
            "max_tokens": request.max_tokens,
            "messages": [dict(message) for message in request.messages],
            # Given explicitly: by default the SDK refuses long answers that are not streamed.
            "timeout": self._settings.timeout_s,
        }
        system = request.system
        output_config: dict[str, Any] = {"effort": request.effort} if request.effort else {}
        if request.schema is not None:
            adapted = _adapted_schema(request.schema)
            if adapted is not None:
                output_config["format"] = {"type": "json_schema", "schema": adapted}
            else:
                demand = f"Answer with JSON only, matching this JSON Schema: {json.dumps(request.schema)}"
                system = f"{system}\n\n{demand}" if system else demand
        if system:
            arguments["system"] = system
        if output_config:
            arguments["output_config"] = output_config
        if request.cache_ttl:
            arguments["cache_control"] = {"type": "ephemeral", "ttl": request.cache_ttl}
        if request.extra_body:
            arguments["extra_body"] = dict(request.extra_body)
        return arguments


def as_llm_error(error: anthropic.AnthropicError) -> LlmError:
    """Read an SDK error as ours: what kind it is, and whether another attempt could end differently."""
    import anthropic

    if isinstance(error, anthropic.APIStatusError):
        kind, retryable = _kind_of_status(error.status_code, error.error_code or "")
        details = {"status": error.status_code, "type": error.type, "request_id": error.request_id}
        message = error.api_message or error.message
        return LlmError(
            f"the model API answered {error.status_code}: {message}",
            type=kind,
            retryable=retryable,
            retry_after_s=_retry_after_s(error.response.headers),
            details={name: value for name, value in details.items() if value is not None},
        )
    if isinstance(error, anthropic.APIConnectionError | anthropic.APIResponseValidationError):
        return LlmError(f"the model API cannot be reached: {error}", type="Llm.Transport", retryable=True)
    if isinstance(error, anthropic.CredentialsError):
        return LlmError(str(error), type="Llm.Auth")
    return LlmError(str(error), type="Llm.InvalidRequest")


def _kind_of_status(status: int, error_code: str) -> tuple[str, bool]:
    if status == 402 or error_code.endswith("spend_limit_reached"):
        return "Llm.SpendLimit", False
    if status == 429:
        return "Llm.RateLimited", True
    if status in (503, 529):
        return "Llm.Overloaded", True
    if status >= 500 or status in (408, 409):
        return "Llm.Transport", True
    return ("Llm.Auth" if status in (401, 403) else "Llm.InvalidRequest"), False


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            value = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        if 0 <= value < 86_400:
            return value
    return None


def _adapted_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema in the form the API enforces by itself; None for one it has no form for."""
    import anthropic

    try:
        return anthropic.transform_schema(dict(schema))
    except (ValueError, TypeError, AttributeError, AssertionError, RecursionError):
        return None


def _last_user_text(messages: tuple[Mapping[str, Any], ...]) -> str:
    content = next((each["content"] for each in reversed(messages) if each.get("role") == "user"), "")
    if isinstance(content, str):
        return content
    return "".join(str(block.get("text", "")) for block in content if isinstance(block, Mapping))


def _rough_tokens(text: str) -> int:
    return (len(text) + 3) // 4
