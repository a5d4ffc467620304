"""The handler that asks a language model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from clients.llm.prices import load_prices
from clients.llm.provider import LlmRequest
from headrace import Terminal, handler
from headrace.tools import LlmReply, LlmUsage
from orchestrator.documents.foreign_json import NotJson, NotKept, read_json
from orchestrator.documents.json_schema import value_problems
from orchestrator.errors import ErrorType
from workers.config_models import WHOLE, checked_schema
from workers.context import HandlerContext
from workers.excerpts import Excerpt
from workers.library.metered_llm import MeteredLlm
from workers.library.plain_text import as_text

MAX_REPAIRS = 2
#: Problems of one answer that the model is asked to mend.
MOST_COMPLAINTS = 3
#: Stop reasons, beside a refusal, after which the same question would end the same way.
FINAL_STOPS = frozenset({"max_tokens", "model_context_window_exceeded"})
#: Problems of a check that are the schema's, not the answer's.
_SCHEMA_AT_FAULT = frozenset({"too_complex", "unusable_schema"})
_FENCED = re.compile(r"^\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*$", re.DOTALL | re.IGNORECASE)
#: Options that have a field of their own, or would break the one answer that is expected.
_OWN_OPTIONS = frozenset(
    {
        "model", "messages", "system", "max_tokens", "max_completion_tokens", "stream", "stream_options",
        "cache_control", "n",
    }
)  # fmt: skip


class Message(BaseModel):
    """One turn of a conversation; content is text or a list of content blocks."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["user", "assistant"]
    content: str | list[dict[str, Any]]


class LlmConfig(BaseModel):
    """A question: a `prompt`, or the `messages` of a conversation."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)

    prompt: str | None = Field(
        default=None, description="The question; a value that is no text is sent as JSON."
    )
    messages: Annotated[list[Message], Field(min_length=1)] | None = Field(
        default=None, description="A conversation, in the place of a prompt."
    )
    system: str | None = Field(default=None, description="System prompt.")
    model: str | None = Field(default=None, description="LLM_MODEL of the worker without it.")
    max_tokens: Annotated[int, Field(ge=1), WHOLE] = Field(
        default=4096, description="The most an answer may use."
    )
    json_schema: dict[str, Any] | None = Field(
        default=None, alias="schema", description="JSON Schema the answer must match."
    )
    parse: bool = Field(
        default=False, description="Put an answer that is JSON out as `parsed`, too; null where it is none."
    )
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = Field(
        default=None, description="Reasoning effort."
    )
    cache: bool | Literal["5m", "1h"] = Field(
        default=False, description="Keep the prompt cached; true is five minutes."
    )
    extra_body: dict[str, Any] = Field(default={}, description="Passed on to the API as it is.")

    @field_validator("prompt", "system", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        # A template that stands alone keeps its type: `{{ fetch.body }}` may well be an object.
        return None if value is None else as_text(value)

    @field_validator("json_schema")
    @classmethod
    def _a_schema(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return checked_schema(value, "config.schema")

    @field_validator("extra_body")
    @classmethod
    def _others_only(cls, value: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(_OWN_OPTIONS & value.keys()):
            raise ValueError(f"'extra_body' cannot hold {', '.join(taken)}")
        return value

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if (self.prompt is None) == (self.messages is None):
            raise ValueError("llm takes exactly one of 'prompt' and 'messages'")
        return self

    def to_request(self) -> LlmRequest:
        """The call this config asks for."""
        if self.messages is None:
            messages: tuple[Mapping[str, Any], ...] = ({"role": "user", "content": self.prompt},)
        else:
            messages = tuple(message.model_dump() for message in self.messages)
        return LlmRequest(
            messages=messages,
            max_tokens=self.max_tokens,
            model=self.model,
            system=self.system,
            schema=self.json_schema,
            effort=self.effort,
            cache_ttl="5m" if self.cache is True else self.cache or None,
            extra_body=self.extra_body,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """The last reply, what it was read as, and what all calls together used and cost."""

    reply: LlmReply
    usage: LlmUsage
    #: None where the price of a call is not known.
    cost_usd: float | None
    parsed: Any = None


@handler("llm", config=LlmConfig, retry={"max_attempts": 3})
async def llm(config: LlmConfig, context: HandlerContext) -> dict[str, Any]:
    """Ask a language model.

    Output: {"status": "ok", "answer", "content", "model", "usage", "stop_reason", "cost_usd"}; `answer` and
    `content` are the same text. With `schema` or `parse` also "parsed"; from the echo provider
    "simulated": true.
    The answer is streamed as it comes, as `node.token` events.
    """
    request = config.to_request()
    answer = await _ask(request, context)
    reply = answer.reply
    output: dict[str, Any] = {
        "status": "ok",
        "answer": reply.text,
        "content": reply.text,
        "model": reply.model,
        "usage": answer.usage.to_dict(),
        "stop_reason": reply.stop_reason,
        "cost_usd": answer.cost_usd,
    }
    if request.schema is not None:
        output["parsed"] = answer.parsed
    elif config.parse:
        output["parsed"], _ = read_structured(reply.text, {})
    if reply.is_simulated:
        output["simulated"] = True
    return output


async def _ask(request: LlmRequest, context: HandlerContext) -> Answer:
    """Get an answer; with a schema one that matches it, repeating the question with what was wrong."""
    _refuse_endless(request.schema)
    provider = MeteredLlm(context.llm, context.meter, prices_of(context))
    usage = LlmUsage()
    cost: float | None = 0.0
    complaint = ""
    for repair in range(MAX_REPAIRS + 1):
        reply, price = await provider.complete(request, context.token)
        usage = usage + reply.usage
        cost = None if cost is None or price is None else round(cost + price, 9)
        if request.schema is None:
            return Answer(reply, usage, cost)
        parsed, complaint = read_structured(reply.text, request.schema)
        if not complaint:
            return Answer(reply, usage, cost, parsed)
        if reply.stop_reason == "refusal":
            raise _refused(reply, usage)
        if reply.stop_reason in FINAL_STOPS:
            complaint = f"{complaint} (the model stopped by '{reply.stop_reason}')"
            break
        if repair < MAX_REPAIRS:
            context.log("the answer does not match the schema; asking again", "warning", problem=complaint)
            context.reset_stream("repair")
            request = request.asking_again(
                reply.text, f"That answer does not match: {complaint}. Answer again, with the JSON only."
            )
    raise Terminal(
        f"the answer does not match the schema: {complaint}",
        type="Llm.SchemaMismatch",
        details=_details(reply, usage),
    )


def _refused(reply: LlmReply, usage: LlmUsage) -> Terminal:
    """The end of a question with a schema that the model refused: another call would be refused as well."""
    words = " ".join(reply.text.split()) or "it gave no reason"
    return Terminal(
        f"the model answered with a refusal: {words}", type="Llm.Refused", details=_details(reply, usage)
    )


def _details(reply: LlmReply, usage: LlmUsage) -> dict[str, Any]:
    return {"answer": Excerpt(reply.text, 2000), "stop_reason": reply.stop_reason, "usage": usage.to_dict()}


def prices_of(context: HandlerContext) -> Mapping[str, Any] | None:
    """Load the installation's price table; None where it has none of its own. Raises Terminal."""
    settings = context.tools.llm_settings
    if settings is None or settings.prices is None:
        return None
    try:
        return load_prices(settings.prices)
    except (OSError, ValueError) as error:
        raise Terminal(f"LLM_PRICES cannot be read: {error}", type="Llm.NotConfigured") from error


def _refuse_endless(schema: Mapping[str, Any] | None) -> None:
    """Refuse a schema that no answer can be checked by, before an answer is paid for."""
    problems = value_problems(dict(schema), {}, "answer") if schema is not None else []
    if problems and problems[0].code in _SCHEMA_AT_FAULT:
        raise Terminal(f"the schema cannot be used: {problems[0].message}", type=ErrorType.CONFIG_ERROR)


def read_structured(text: str, schema: Mapping[str, Any]) -> tuple[Any, str]:
    """Read an answer as JSON and check it against a schema; the second value complains, or is empty. Pure."""
    fenced = _FENCED.match(text.removeprefix("\ufeff"))
    try:
        value = read_json(fenced[1] if fenced else text)
    except NotJson as error:
        return None, f"it is not JSON ({error})"
    except NotKept as error:
        return None, str(error)
    problems = value_problems(dict(schema), value, "answer")
    if not problems:
        return value, ""
    return None, "; ".join(problem.message for problem in problems[:MOST_COMPLAINTS])
