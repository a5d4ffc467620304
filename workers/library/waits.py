"""Handlers that wait for a signal, or for people to decide."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from headrace import Completed, handler
from headrace.wording import cut
from orchestrator.documents import exact_json
from orchestrator.documents.durations import parse_duration_ms
from orchestrator.documents.json_schema import value_problems
from orchestrator.errors import ErrorType, NodeError
from orchestrator.states import WaitingOn
from workers.config_models import WHOLE, checked_schema, has_template
from workers.context import HandlerContext
from workers.library.control import one_or_many_ids
from workers.library.plain_text import as_text
from workers.outcome import Awaiting, Outcome

NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}\Z")
MOST_ASSIGNEES = 100


class _Wait(BaseModel):
    """Fields of every wait: its time limit, if any."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=False)

    timeout: Any = None

    @field_validator("timeout")
    @classmethod
    def _a_duration(cls, value: Any) -> Any:
        return None if value is None else parse_duration_ms(value)

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if self.timeout is None and "on_timeout" in self.model_fields_set:
            raise ValueError("'on_timeout' needs a 'timeout', and there is none")
        return self


class WaitForSignalConfig(_Wait):
    """The signal's name, how long to wait and what then, and the JSON Schema of its payload."""

    name: str
    on_timeout: Literal["fail", "continue", "branch"] = "fail"
    payload_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    received_branch: list[str] = []
    timeout_branch: list[str] = []

    @field_validator("name")
    @classmethod
    def _a_name(cls, value: str) -> str:
        if not NAME.match(value):
            raise ValueError(f"{cut(value, 200)!r} is not a signal's name: 1 to 128 of A-Z a-z 0-9 _ . -")
        return value

    @field_validator("payload_schema")
    @classmethod
    def _a_schema(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return checked_schema(value, "config.schema")

    @field_validator("received_branch", "timeout_branch", mode="before")
    @classmethod
    def _single_id(cls, value: Any) -> Any:
        return one_or_many_ids(value)

    @model_validator(mode="after")
    def _branches_belong_to_branch(self) -> Self:
        has_branches = bool(self.received_branch or self.timeout_branch)
        if has_branches != (self.on_timeout == "branch"):
            raise ValueError(
                "'received_branch' or 'timeout_branch' go with 'on_timeout: branch', and it with them"
            )
        return self


@handler("wait_for_signal", config=WaitForSignalConfig)
async def wait_for_signal(config: WaitForSignalConfig, context: HandlerContext) -> Outcome:
    """Wait until a signal of that name comes, without a worker. One that came before is taken at once.

    Output: the payload; {"timed_out": true} when none came in time and `on_timeout` does not fail the node.
    A signal that came before and does not fit the schema is dropped with a line in the history.
    """
    if isinstance(context.resume, dict) and "signal" in context.resume:
        payload = context.resume["signal"]
        problems = value_problems(config.payload_schema or {}, payload, "payload")
        if not problems:
            return Completed(payload, not_taken=tuple(config.timeout_branch))
        found = "; ".join(problem.message for problem in problems[:3])
        context.log(f"a signal '{config.name}' that came before was dropped: {found}", "warning")
    late: NodeError | dict[str, Any] = {"timed_out": True}
    if config.on_timeout == "fail" and config.timeout is not None:
        message = f"no signal '{config.name}' came within {config.timeout / 1000:g} s"
        late = NodeError(ErrorType.TIMEOUT_SIGNAL, message, retryable=False)
    return Awaiting(
        on=WaitingOn.SIGNAL,
        awaits=config.name,
        ask={"schema": config.payload_schema},
        timeout_ms=config.timeout,
        late=late,
        unless_late=tuple(config.timeout_branch),
        if_late=tuple(config.received_branch),
    )


class ApprovalConfig(_Wait):
    """What is shown, who may decide, how many must approve, and what happens when they do not in time."""

    prompt: str
    form: dict[str, Any] | None = None
    assignees: list[str] | None = None
    quorum: Annotated[int, Field(ge=1, le=MOST_ASSIGNEES), WHOLE] = 1
    on_timeout: Literal["approve", "deny", "fail"] = "fail"

    @field_validator("prompt", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return None if value is None else as_text(value)

    @field_validator("form")
    @classmethod
    def _a_schema(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        return checked_schema(value, "config.form")

    @field_validator("assignees", mode="before")
    @classmethod
    def _single_name(cls, value: Any) -> Any:
        if not isinstance(value, str | list | None):
            raise ValueError("a name or a list of names is expected")
        return [value] if isinstance(value, str) else value

    @field_validator("assignees")
    @classmethod
    def _enough_names(cls, value: list[str] | None) -> list[str] | None:
        if value is not None and not (0 < len(value) <= MOST_ASSIGNEES and all(value)):
            raise ValueError(f"'assignees' names 1 to {MOST_ASSIGNEES} people; without it, all may decide")
        return value and list(dict.fromkeys(value))

    @model_validator(mode="after")
    def _enough_people(self) -> Self:
        people = self.assignees
        is_open = people is None or has_template(people)
        if not is_open and people is not None and len(people) < self.quorum:
            raise ValueError(f"a quorum of {self.quorum} can never be met by {len(people)} assignees")
        return self


@handler("approval", config=ApprovalConfig)
async def approval(config: ApprovalConfig, context: HandlerContext) -> Outcome:
    """Ask people to approve or deny what is shown, and wait for them without a worker.

    Output: {"decision": "approve" | "deny", "by": name or null, "at": RFC 3339, "form": what was filled in},
    with "votes" when more than one approval is needed, and "timed_out": true when the time limit decided.
    """
    ask = {
        "prompt": config.prompt,
        "form": config.form,
        "assignees": config.assignees,
        "quorum": config.quorum,
    }
    late: NodeError | dict[str, Any]
    if config.on_timeout == "fail":
        limit = f" within {config.timeout / 1000:g} s" if config.timeout is not None else ""
        late = NodeError(ErrorType.TIMEOUT_APPROVAL, f"no decision{limit}", retryable=False)
    else:
        late = {"decision": config.on_timeout, "by": None, "form": None, "timed_out": True}
    return Awaiting(
        on=WaitingOn.APPROVAL,
        awaits=shown_hash(ask),
        ask=ask,
        timeout_ms=config.timeout,
        late=late,
        quorum=config.quorum,
    )


def shown_hash(ask: dict[str, Any]) -> str:
    """Hash what is shown, so that a decision about one thing is never taken for another."""
    return hashlib.sha256(exact_json.dumps(ask, option=orjson.OPT_SORT_KEYS)).hexdigest()
