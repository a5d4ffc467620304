"""The outcomes of an attempt: four values a handler may return, and the exceptions that stand for them.

A plain JSON value means Completed. Exceptions are for code that is too deep to return: `Retryable`,
`Terminal` and `Skip` stand for an outcome, any other exception is a retryable HandlerError.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.documents import exact_json
from orchestrator.errors import NodeError, TemplateError
from orchestrator.execution.model import Awaiting as Awaiting
from orchestrator.store.requests import Child

MESSAGE_MAX_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Completed:
    """The node is done. `not_taken` names the direct successors in branches that are not taken."""

    output: Any = None
    not_taken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed; the node's retry policy decides whether there is another one.

    retry_after_ms  what the remote side asked for (Retry-After); a policy may lengthen its own delay to it.
    """

    error: NodeError
    retry_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """The handler found nothing to do: the node ends SKIPPED and successors decide by their trigger rules."""

    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The node waits for a durable timer, without a worker, and then ends with `output`.

    Exactly one of `delay_ms` (counted from Redis time) and `until_ms` (Unix epoch) is set.
    """

    on: Literal["delay"] = "delay"
    until_ms: int | None = None
    delay_ms: int | None = None
    output: Any = None


@dataclass(frozen=True, slots=True)
class Nesting:
    """The node starts a child execution, and waits for it unless its definition says otherwise."""

    child: Child


@dataclass(frozen=True, slots=True)
class AwaitingChild:
    """The node waits for the end of its child.

    looks_again  the child is being cancelled: once it has ended, the node is queued to retry it.
    """

    child_id: str
    looks_again: bool = False


Outcome = Completed | Failed | Skipped | Waiting | Awaiting | Nesting | AwaitingChild


class HandlerFault(Exception):
    """A failure with a type and details; raised as `Retryable` or `Terminal`."""

    retryable = False

    def __init__(
        self,
        message: str,
        *,
        after_s: float | None = None,
        type: str = "HandlerError",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.error_type = type
        self.retry_after_s = after_s
        self.details = dict(details or {})


class Retryable(HandlerFault):
    """Another attempt may succeed. `after_s` asks for at least this much time before it."""

    retryable = True


class Terminal(HandlerFault):
    """Another attempt would fail the same way."""


class Skip(Exception):
    """There is nothing to do: the node ends SKIPPED."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def to_outcome(value: Any) -> Outcome:
    """Take what a handler returned: an Outcome as it is, any other value as the node's output.

    Raises Terminal for an Outcome whose fields are not what they should be.
    """
    if not isinstance(value, Outcome):
        return Completed(value)
    if not _is_well_formed(value):
        raise Terminal(
            f"the handler returned an outcome with a field of the wrong type: {_text_of(value)[:500]}"
        )
    return value


def _is_well_formed(outcome: Outcome) -> bool:
    match outcome:
        case Completed(_, not_taken):
            return isinstance(not_taken, tuple) and all(isinstance(node_id, str) for node_id in not_taken)
        case Failed(error, retry_after_ms):
            return isinstance(error, NodeError) and (
                retry_after_ms is None or isinstance(retry_after_ms, int)
            )
        case Skipped(reason):
            return isinstance(reason, str)
        case Waiting(on, until_ms, delay_ms, _):
            given = [moment for moment in (until_ms, delay_ms) if moment is not None]
            return on == "delay" and len(given) == 1 and isinstance(given[0], int) and 0 <= given[0] < 2**52
        case Awaiting() | Nesting() | AwaitingChild():
            return True  # made by built-in handlers only


def from_exception(error: BaseException, *, attempt: int | None = None, worker: str | None = None) -> Outcome:
    """Turn what a handler raised into an outcome. Pure; never raises.

    Exceptions that carry `error_type` and `retryable` (ours, and those of `clients`) keep them; the engine's
    errors have a type by their code. Everything else is a HandlerError that a policy may retry.
    """
    if isinstance(error, Skip):
        return Skipped(_one_line(_text_of(error.reason)) or "handler_skipped")
    error_type = getattr(error, "error_type", None) or _ENGINE_TYPES.get(getattr(error, "code", ""))
    own = error_type is not None
    after_s = getattr(error, "retry_after_s", None)
    details = getattr(error, "details", None)
    if isinstance(error, TemplateError):
        details = {"field": error.field, "template": error.template}
    text = _text_of(error) if own else f"{type(error).__name__}: {_text_of(error)}"
    failure = NodeError(
        type=str(error_type or "HandlerError"),
        message=_one_line(text) or type(error).__name__,
        retryable=bool(getattr(error, "retryable", False)) if own else True,
        details=dict(details) if isinstance(details, Mapping) and details else None,
        attempt=attempt,
        worker=worker,
    )
    return Failed(failure, retry_after_ms=_milliseconds(after_s))


def encode_output(output: Any, *, max_bytes: int) -> bytes:
    """Serialise a node's output.

    Done before any script is called: an output that JSON cannot hold is a failed attempt, not a broken
    worker. Raises Terminal (`HandlerError` or `OutputTooLarge`) with the reason.
    """
    try:
        raw = exact_json.dumps(output)
    except (TypeError, ValueError, RecursionError) as error:
        raise Terminal(f"the handler's output is not JSON: {error}") from error
    if len(raw) > max_bytes:
        raise Terminal(
            f"the output is {len(raw)} bytes; at most {max_bytes} are kept (OUTPUT_MAX_BYTES)",
            type="OutputTooLarge",
            details={"bytes": len(raw), "max_bytes": max_bytes},
        )
    # orjson writes NaN and the infinities as null, silently; only an output with a null can have held one.
    if b"null" in raw and (path := _path_of_nan(output)) is not None:
        raise Terminal(f"the handler's output is not JSON: {path} is NaN or infinite")
    return raw


_ENGINE_TYPES = {
    "TEMPLATE_ERROR": "TemplateError",
    "CONFIG_ERROR": "ConfigError",
    # Of the child a node asks for.
    "DEFINITION_INVALID": "ConfigError",
    "INPUTS_INVALID": "ConfigError",
}


def _text_of(value: Any) -> str:
    """Write a value as text that JSON can hold, whatever its own __str__ does."""
    try:
        text = str(value)
    except Exception:
        text = f"({type(value).__name__} that cannot be shown)"
    return text.encode("utf-8", "replace").decode()


def _milliseconds(seconds: Any) -> int | None:
    """Read how long a handler asks to wait; a Retry-After header is text, and nonsense counts as none."""
    try:
        number = float(seconds)
    except (TypeError, ValueError):
        return None
    return max(0, math.ceil(number * 1000)) if math.isfinite(number) else None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:MESSAGE_MAX_CHARS]


def _path_of_nan(output: Any) -> str | None:
    stack: list[tuple[str, Any]] = [("output", output)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return path
        if isinstance(value, dict):
            stack.extend((f"{path}.{key}", item) for key, item in value.items())
        elif isinstance(value, list | tuple):
            stack.extend((f"{path}[{index}]", item) for index, item in enumerate(value))
    return None
