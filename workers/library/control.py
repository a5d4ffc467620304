"""Handlers that steer the execution: which branch it takes, and when."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator, model_validator

from headrace import Completed, Terminal, Waiting, handler
from headrace.wording import cut
from orchestrator.definitions.branches import targets_not_taken
from orchestrator.documents.comparison import compare
from orchestrator.documents.durations import parse_duration_ms
from orchestrator.documents.json_types import is_true
from orchestrator.documents.times import parse_time_ms
from workers.context import HandlerContext
from workers.library.plain_text import as_text
from workers.outcome import Outcome


def one_or_many_ids(value: Any) -> Any:
    """Take a single id as a list of one. Raises ValueError for what is neither."""
    if not isinstance(value, str | list | None):
        raise ValueError("a node id or a list of them is expected")
    return [value] if isinstance(value, str) else value


class ConditionConfig(BaseModel):
    """A question, and the direct successors that belong to one of its answers only.

    Asked by `expression`, or by `left`, `operator` and `right`.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    expression: Any = None
    left: Any = None
    operator: Literal["==", "!=", "<", "<=", ">", ">="] | None = None
    right: Any = None
    true_branch: list[str] = []
    false_branch: list[str] = []

    @field_validator("true_branch", "false_branch", mode="before")
    @classmethod
    def _single_id(cls, value: Any) -> Any:
        return one_or_many_ids(value)

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        asked = self.model_fields_set - {"true_branch", "false_branch"}
        if asked != {"expression"} and (asked != {"left", "operator", "right"} or self.operator is None):
            found = ", ".join(map(repr, sorted(asked))) or "none of them"
            raise ValueError(
                f"condition takes 'expression', or 'left', 'operator' and 'right'; found {found}"
            )
        return self

    @property
    def answer(self) -> bool:
        if self.operator is None:
            return is_true(self.expression)
        return compare(self.left, self.operator, self.right)


@handler("condition", config=ConditionConfig)
async def condition(config: ConditionConfig, context: HandlerContext) -> Outcome:
    """Choose a branch; the ids in the other one are skipped.

    Output: {"result": bool, "branch": "true" | "false"}.
    """
    result = config.answer
    taken = config.true_branch if result else config.false_branch
    output = {"result": result, "branch": "true" if result else "false"}
    branches = (config.true_branch, config.false_branch)
    return Completed(output, not_taken=targets_not_taken(taken, branches))


class SwitchConfig(BaseModel):
    """A value, the direct successors that belong to one case of it only, and those for every other value."""

    model_config = ConfigDict(extra="forbid", strict=True)

    value: Any
    cases: dict[str, Annotated[list[str], BeforeValidator(one_or_many_ids)]]
    default: list[str] | None = None

    @field_validator("cases")
    @classmethod
    def _has_one(cls, value: Any) -> Any:
        if not value:
            raise ValueError("switch needs at least one case")
        return value

    @field_validator("default", mode="before")
    @classmethod
    def _single_id(cls, value: Any) -> Any:
        return one_or_many_ids(value)


@handler("switch", config=SwitchConfig)
async def switch(config: SwitchConfig, context: HandlerContext) -> Outcome:
    """Choose among named cases; the ids of all other cases are skipped.

    A value that is not text is compared as JSON writes it: `true`, `3`, `null`. Without a case for it and
    without a default the node fails, so that nothing is passed over in silence.
    Output: {"value": any, "case": str}, the case being "default" where no other fits.
    """
    name = as_text(config.value)
    taken = config.cases.get(name, config.default)
    if taken is None:
        known = ", ".join(repr(case) for case in config.cases)
        raise Terminal(f"no case for {cut(name, 200)!r} and no default (cases: {cut(known, 500)})")
    case = name if name in config.cases else "default"
    branches = (*config.cases.values(), config.default or ())
    return Completed({"value": config.value, "case": case}, not_taken=targets_not_taken(taken, branches))


class DelayConfig(BaseModel):
    """Either `seconds` (a number or a duration such as "1h30m") or `until` (RFC 3339, or Unix seconds)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    seconds: Any = None
    until: Any = None

    @field_validator("seconds")
    @classmethod
    def _a_duration(cls, value: Any) -> Any:
        return None if value is None else parse_duration_ms(value)

    @field_validator("until")
    @classmethod
    def _a_moment(cls, value: Any) -> Any:
        return None if value is None else parse_time_ms(value)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.seconds is None) == (self.until is None):
            raise ValueError("delay takes exactly one of 'seconds' and 'until'")
        return self


@handler("delay", config=DelayConfig)
async def delay(config: DelayConfig, context: HandlerContext) -> Outcome:
    """Let time pass, by a durable timer and without a worker.

    Output: {"status": "ok", "delayed_seconds": n}.
    """
    if config.seconds is not None:
        output = {"status": "ok", "delayed_seconds": _seconds(config.seconds)}
        return Waiting(delay_ms=config.seconds, output=output) if config.seconds else Completed(output)
    left_ms = max(0, config.until - context.now_ms)
    output = {"status": "ok", "delayed_seconds": _seconds(left_ms)}
    return Waiting(until_ms=config.until, output=output) if left_ms else Completed(output)


def _seconds(duration_ms: int) -> int | float:
    return duration_ms // 1000 if duration_ms % 1000 == 0 else duration_ms / 1000
