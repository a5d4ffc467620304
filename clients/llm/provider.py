"""Calls to a language model: requests, replies, errors, and the protocol of providers.

The engine owns retries: a provider makes one call, and its error tells whether another could succeed. Every
answer is streamed: long ones would run into time limits otherwise, and may be watched.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from clients.http import retry_after
from headrace.tools import LlmReply, OnText

#: The provider that answers without a model, and costs nothing.
SIMULATED = "echo"
#: Raised, beside errors of our own, where an answer is not built as it should be.
NOT_READABLE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


class LlmError(Exception):
    """A call without an answer. `error_type` and `retryable` become those of the failed node.

    was_charged  whether the call may have been charged for all the same; the amount is unknown.
    """

    def __init__(
        self,
        message: str,
        *,
        type: str,
        retryable: bool = False,
        retry_after_s: float | None = None,
        details: Mapping[str, Any] | None = None,
        was_charged: bool = False,
    ) -> None:
        super().__init__(message)
        self.error_type = type
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.details = dict(details or {})
        self.was_charged = was_charged


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """What an installation decides about language models. URLs come from here only, never from a workflow.

    provider  `anthropic`, `openai` or `echo`; None chooses by what is set, see `factory`.
    model     of requests that name none; None is the provider's own choice, where it has one.
    prices    a price table to use instead of the one that comes along.
    echo_pause_s  between the pieces that `echo` streams.
    """

    environment: str = "development"
    provider: str | None = None
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    openai_api_key: str | None = field(default=None, repr=False)
    openai_base_url: str | None = None
    prices: Path | None = None
    echo_pause_s: float = 0.0
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
        turn = ({"role": "assistant", "content": answer},) if answer.strip() else ()
        return replace(self, messages=(*self.messages, *turn, {"role": "user", "content": complaint}))

    def most_input_tokens(self) -> int:
        """How many tokens the prompt can be at most: one for each byte, and what the API wraps around it.

        Far more than it will be; but a budget must hold for digits and emoji too. A block that is no
        text counts as a large image at least.
        """
        parts: list[Any] = [self.system or "", self.schema or {}, dict(self.extra_body)]
        parts += [message["content"] for message in self.messages]
        size = sum(_bytes(part) for part in parts)
        return size + 32 * len(self.messages) + 512 + 8_000 * _other_blocks(self.messages)


class LlmProvider(Protocol):
    """Something that answers. One for all attempts of a process."""

    def model_of(self, request: LlmRequest) -> str:
        """Name the model a request will be sent to. Raises LlmError (`Llm.NotConfigured`)."""

    async def complete(self, request: LlmRequest, on_text: OnText | None = None) -> LlmReply:
        """Make one call, without retries. Raises LlmError."""

    async def aclose(self) -> None:
        """Close what is open. Safe to call twice."""


def kind_of_status(status: int, *codes: str) -> tuple[str, bool]:
    """Map an HTTP status of a model API to an error type, and to whether another attempt may end well.

    codes  what the body calls it; they decide where there is no status, as in the middle of a stream.
    """
    words = set(codes)
    if (
        status == 402
        or "insufficient_quota" in words
        or any(w.endswith("spend_limit_reached") for w in words)
    ):
        return "Llm.SpendLimit", False
    if status == 429 or words & {"rate_limit_error", "rate_limit_exceeded"}:
        return "Llm.RateLimited", True
    if status in (503, 529) or words & {"overloaded_error", "server_overloaded"}:
        return "Llm.Overloaded", True
    # An error that comes within an answer of status 200: only what names a fault of the request is final.
    if status >= 500 or status in (408, 409) or (status < 400 and "invalid_request_error" not in words):
        return "Llm.Transport", True
    return ("Llm.Auth" if status in (401, 403) else "Llm.InvalidRequest"), False


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Read how long the API asks to wait, up to a day; None where it asks for nothing that can be read."""
    wait_s = retry_after.read_seconds(headers.get("retry-after-ms"), unit_s=0.001)
    if wait_s is not None:
        return wait_s
    return retry_after.retry_after_s(headers.get("retry-after"), now_s=time.time())


def was_sent(error: BaseException | None) -> bool:
    """Whether a request that failed on its way may have arrived: then it may be charged for."""
    import httpx2

    return not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)


def broken(what: str) -> LlmError:
    """The error of an answer that had begun and did not come to its end."""
    return LlmError(f"the model API: {what}", type="Llm.Transport", retryable=True, was_charged=True)


def unreadable(what: str) -> LlmError:
    """The error of an answer that came and is none."""
    return LlmError(
        f"the model API sent what cannot be read: {what}",
        type="Llm.BadResponse",
        retryable=True,
        was_charged=True,
    )


def schema_in_words(system: str | None, schema: Mapping[str, Any]) -> str:
    """A system prompt that asks for JSON, for what the API cannot enforce by itself."""
    demand = f"Answer with JSON only, matching this JSON Schema: {json.dumps(dict(schema))}"
    return f"{system}\n\n{demand}" if system else demand


def clean(text: str) -> str:
    """Replace what cannot be written as UTF-8: half a surrogate pair would fail the whole answer."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def rough_tokens(text: str) -> int:
    """Estimate how many tokens a text is, where the API does not count them."""
    return (len(text) + 3) // 4


def _bytes(part: Any) -> int:
    text = part if isinstance(part, str) else json.dumps(part, ensure_ascii=False, default=str)
    return len(text.encode("utf-8", "replace"))


def _other_blocks(messages: tuple[Mapping[str, Any], ...]) -> int:
    blocks = [
        block for message in messages if isinstance(message["content"], list) for block in message["content"]
    ]
    return sum(1 for block in blocks if isinstance(block, Mapping) and block.get("type") != "text")
