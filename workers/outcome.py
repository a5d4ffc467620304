"""The outcomes of an attempt: what handlers return, and what stands for it when they raise."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace import Completed, Parked, Skip, Skipped, Terminal, Waiting
from headrace.outcome import check_output_size, park_problem, wait_problem
from headrace.plain_json import NOT_FINITE, as_json, plain
from headrace.ways_out import described
from headrace.wording import MESSAGE_MAX_CHARS, text_of
from headrace.wording import one_line as joined
from orchestrator.documents import exact_json
from orchestrator.errors import NodeError, TemplateError
from orchestrator.execution.model import Awaiting as Awaiting
from orchestrator.store.requests import Child
from workers.excerpts import Excerpt


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed; the node's retry policy decides whether there is another one.

    retry_after_ms  what the remote side asked for (Retry-After); a policy may lengthen its own delay to it.
    """

    error: NodeError
    retry_after_ms: int | None = None


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


@dataclass(frozen=True, slots=True)
class Raw:
    """An output that is JSON already, as the handler's process wrote it: it is handed on as it is."""

    text: bytes


Outcome = Completed | Failed | Skipped | Waiting | Parked | Awaiting | Nesting | AwaitingChild


def to_outcome(value: Any) -> Outcome:
    """Take what a handler returned: an Outcome as it is, any other value as the node's output.

    Raises Terminal for an Outcome whose fields are not what they should be.
    """
    if not isinstance(value, Outcome):
        return Completed(value)
    if not _is_well_formed(value):
        raise Terminal(f"the handler returned an outcome with a field of the wrong type: {text_of(value)}")
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
        case Waiting():
            return wait_problem(outcome) is None
        case Parked():
            return park_problem(outcome) is None
        case Awaiting() | Nesting() | AwaitingChild():
            return True  # made by built-in handlers only


def from_exception(error: BaseException, *, attempt: int | None = None, worker: str | None = None) -> Outcome:
    """Turn what a handler raised into an outcome. Pure; never raises.

    Exceptions that carry `error_type` and `retryable` (ours, and those of `clients`) keep them; the engine's
    errors have a type by their code. Everything else is a HandlerError that a policy may retry. Texts are
    left whole: they are cut once secrets have been taken out of them.
    """
    try:
        return _outcome_of(error, attempt, worker)
    except BaseException:
        # An attribute of the exception raised in its turn: of such a one only the name can be trusted.
        return Failed(_unforeseen(error, attempt, worker))


def is_unforeseen(error: BaseException) -> bool:
    """Whether an exception has no error type of its own: where it was raised says more than its text."""
    return not isinstance(error, Skip) and _type_of(error) is None


def _outcome_of(error: BaseException, attempt: int | None, worker: str | None) -> Outcome:
    if isinstance(error, Skip):
        return Skipped(one_line(text_of(error.reason)) or "handler_skipped")
    if (error_type := _type_of(error)) is None:
        after_s = getattr(error, "retry_after_s", None)
        failure = _unforeseen(error, attempt, worker, getattr(error, "details", None))
        return Failed(failure, retry_after_ms=_milliseconds(after_s))
    details = getattr(error, "details", None)
    if isinstance(error, TemplateError):
        details = {"field": error.field, "template": error.template}
    failure = NodeError(
        type=text_of(error_type),
        message=one_line(text_of(error)) or type(error).__name__,
        retryable=bool(getattr(error, "retryable", False)),
        details=dict(details) if isinstance(details, Mapping) and details else None,
        attempt=attempt,
        worker=worker,
    )
    return Failed(failure, retry_after_ms=_milliseconds(getattr(error, "retry_after_s", None)))


def _type_of(error: BaseException) -> Any:
    """Give the type an exception names itself, or the engine's own; None where it has neither."""
    try:
        return getattr(error, "error_type", None) or _ENGINE_TYPES.get(getattr(error, "code", ""))
    except Exception:
        return None  # A property that raises, a code that cannot be a key.


def _unforeseen(
    error: BaseException, attempt: int | None, worker: str | None, details: Any = None
) -> NodeError:
    return NodeError(
        type="HandlerError",
        message=one_line(described(error)),
        details=dict(details) if isinstance(details, Mapping) and details else None,
        attempt=attempt,
        worker=worker,
    )


def encode_output(output: Any, *, max_bytes: int) -> bytes:
    """Serialise a node's output.

    Done before any script is called: an output that JSON cannot hold is a failed attempt, not a broken
    worker. Raises Terminal (`HandlerError` or `OutputTooLarge`) with the reason.
    """
    if isinstance(output, Raw):
        check_output_size(len(output.text), max_bytes)
        return output.text
    what, root = "the handler's output", "output"
    raw = encode_json(output, what, root=root)
    check_output_size(len(raw), max_bytes)
    refuse_nan(raw, output, what, root=root)
    return raw


def encode_json(value: Any, what: str, *, root: str, type: str = "HandlerError") -> bytes:
    """Serialise a value; `what` names it, and root begins the path of what is wrong in it.

    Raises Terminal of that type for one that JSON cannot hold.
    """
    try:
        return exact_json.dumps(value, default=plain)
    except Exception as error:  # A field that is computed may raise anything.
        raise Terminal(f"{what} is not JSON: {_place_of(error, value, root)}", type=type) from error


def _place_of(error: Exception, value: Any, root: str) -> Exception:
    """Give the error that names the place and the way out, which the quick way of writing does not know."""
    try:
        as_json(value, root)
    except Exception as closer:
        # Anything else was raised by code of its own class: it cannot be looked through.
        return closer if isinstance(closer, TypeError | ValueError | RecursionError) else error
    return error


def refuse_nan(raw: bytes, value: Any, what: str, *, root: str, type: str = "HandlerError") -> None:
    """Raise Terminal for a value, serialised as `raw`, that holds NaN or an infinity; root begins its path.

    orjson writes them as null, silently; only a value with a null can have held one.
    """
    if b"null" in raw and _may_have_nan(value) and (path := _path_of_nan(value, root)) is not None:
        raise Terminal(f"{what} is not JSON: {path} {NOT_FINITE}", type=type)


_NEVER_NAN = frozenset({str, int, bool, type(None)})
_ENGINE_TYPES = {
    "TEMPLATE_ERROR": "TemplateError",
    "CONFIG_ERROR": "ConfigError",
    # Of the child a node asks for.
    "DEFINITION_INVALID": "ConfigError",
    "INPUTS_INVALID": "ConfigError",
}


def _milliseconds(seconds: Any) -> int | None:
    """Read how long a handler asks to wait; a Retry-After header is text, and nonsense counts as none."""
    try:
        number = float(seconds)
    except (TypeError, ValueError):
        return None
    return max(0, math.ceil(number * 1000)) if math.isfinite(number * 1000) else None


def one_line(text: str) -> Excerpt:
    """Join the lines of a message; it is cut where it is kept, and whole until then."""
    return Excerpt(joined(text), MESSAGE_MAX_CHARS)


def _may_have_nan(value: Any) -> bool:
    """Say so of whatever is not plainly without, quickly."""
    kind = type(value)
    if kind in _NEVER_NAN:
        return False
    if kind is dict:
        return any(map(_may_have_nan, value.values()))
    if kind is list:
        return any(map(_may_have_nan, value))
    return not (kind is float and math.isfinite(value))


def _path_of_nan(value: Any, root: str) -> str | None:
    stack: list[tuple[str, Any]] = [(root, value)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return path
        if isinstance(value, dict):
            stack.extend((f"{path}.{key}", item) for key, item in value.items())
        elif isinstance(value, list | tuple):
            stack.extend((f"{path}[{index}]", item) for index, item in enumerate(value))
        elif not isinstance(value, str | int | None):
            # What the engine has put there as written JSON stands for itself.
            with contextlib.suppress(TypeError):
                stack.append((path, plain(value)))
    return None
