"""What clients of workflow servers send, in terms of the engine: inputs, signals, execution keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from api.dialects.workflow_server.event_types import EventTypes
from headrace.names import is_id
from headrace.wording import kind_of, quoted
from orchestrator.documents import strict_json
from orchestrator.errors import DefinitionInvalid, Problem, ProblemsFound
from orchestrator.operations.origin import KEY_CHARS, has_id_shape, is_on_a_line

#: Where a client puts fields that the class of an event does not name.
DYNAMIC = "_data"
#: Marks an event that was written by the oldest clients.
PYDANTIC = "__is_pydantic"
#: The words of an envelope: an object with others is an event's own fields.
ENVELOPE = frozenset({"type", "value", "data", "qualified_name", "types", PYDANTIC})
#: Stands before a handler's id in its execution key, where the id is shaped like that of an execution.
CONTINUED = "handler:"
#: Texts of JSON inside texts of JSON that are read.
MOST_TEXTS = 3
#: Says how code that speaks for itself takes further events.
MORE_TYPES = "; others are declared by add_workflow(…, additional_events=[…]), or in `interface.events`"
CONTEXT_REFUSED = "Context API is disabled. Set accept_context_api=True on WorkflowServer to enable it."


class Refused(ProblemsFound):
    """What a client sent cannot be taken; the message is all that its contract says."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__([Problem(path, "wrong_value", message)])

    def __str__(self) -> str:
        return self.problems[0].message


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event as it was sent. type: without the module of its class; None where it came without one."""

    type: str | None
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunEvent:
    """An event for a run. step: the step it is meant for; None for whichever waits for it."""

    name: str
    payload: dict[str, Any]
    step: str | None


def read_body(body: bytes, *, max_depth: int) -> dict[str, Any]:
    """Parse a body that is an object. Raises Refused with the words of the contract."""
    try:
        document = strict_json.parse(body, max_depth=max_depth)
    except DefinitionInvalid as error:
        raise Refused(f"Invalid JSON body: {_plainly(body) or error}") from None
    if not isinstance(document, dict):
        raise Refused(f"Invalid JSON body: must be an object; found {kind_of(document)}")
    return document


def read_start(sent: Mapping[str, Any], types: EventTypes) -> dict[str, Any]:
    """Read the inputs in the body of a run: `start_event` in any of its forms, `kwargs`. Raises Refused."""
    if sent.get("context"):
        raise Refused(CONTEXT_REFUSED, "context")
    kwargs = sent.get("kwargs") or {}
    if not isinstance(kwargs, dict):
        raise Refused(f"'kwargs' must be an object; found {kind_of(kwargs)}", "kwargs")
    event = read_event(sent.get("start_event"), "start_event")
    if event.type is not None and event.type not in types.starting:
        raise Refused(_unknown_type(event.type, types.starting), "start_event")
    return {**kwargs, **event.fields}


def read_run_event(sent: Mapping[str, Any], types: EventTypes, steps: Iterable[str]) -> RunEvent:
    """Read the body of an event that is sent to a run. Raises Refused.

    steps  of the workflow: the event may name one.
    """
    if not sent.get("event"):
        raise Refused("Event data is required", "event")
    event, step = read_event(sent["event"], "event"), sent.get("step")
    if event.type is None:
        raise Refused(_no_type(event.fields), "event")
    if event.type not in types.known and (types.is_closed or not is_id(event.type)):
        more = MORE_TYPES if types.are_letters else ""
        raise Refused(_unknown_type(event.type, types.known) + more, "event")
    if step is not None and step not in (known := list(steps)):
        raise Refused(f"Step {_cut(step)!r} does not exist. Expected one of {_listed(known)}", "step")
    if step is not None and not types.takes(step, event.type):
        takes = _listed(types.taken[step])
        raise Refused(f"Step {step!r} does not accept {event.type}. Expected one of {takes}", "step")
    return RunEvent(event.type, event.fields, step)


def read_event(sent: Any, what: str) -> SentEvent:
    """Read an event in any form that a client of any age gives it. Raises Refused.

    Its fields alone, `{type, value}`, `{type, data}`, `{__is_pydantic, value, qualified_name}`, or any of
    these as a text of JSON; nothing stands for an event without fields.
    """
    for _ in range(MOST_TEXTS):
        if not isinstance(sent, str):
            break
        sent = _parsed(sent, what) if sent.strip() else {}
    if sent is None:
        sent = {}
    if not isinstance(sent, dict):
        raise Refused(f"'{what}' must be an object, or a text of JSON; found {kind_of(sent)}", what)
    if not _is_envelope(sent):
        return SentEvent(None, _fields(sent, what))
    fields = sent.get("value", sent.get("data"))
    name = sent.get("type") or sent.get("qualified_name")
    if name is not None and not isinstance(name, str):
        raise Refused(f"the type of '{what}' must be a text; found {kind_of(name)}", what)
    return SentEvent(name.rpartition(".")[2] if name else None, _fields(fields or {}, what))


def handler_id_in(sent: Any) -> str | None:
    """Read the id that a client chose for a handler; None where it chose none. Raises Refused."""
    if sent is None or sent == "":
        return None
    if not isinstance(sent, str) or not is_on_a_line(sent) or len(key_of(sent)) > KEY_CHARS:
        expected = f"a text of 1 to {KEY_CHARS - len(CONTINUED)} characters without control characters"
        found = f"{len(sent)} characters" if isinstance(sent, str) and len(sent) > KEY_CHARS else quoted(sent)
        raise Refused(f"'handler_id' must be {expected}; found {found}", "handler_id")
    if "/" in sent or sent in (".", ".."):
        expected = "without '/', and neither '.' nor '..', for it stands in paths"
        raise Refused(f"'handler_id' must be {expected}; found {quoted(sent)}", "handler_id")
    return sent


def key_of(handler_id: str) -> str:
    """Give the execution key by which a run goes on under the id of a handler.

    A key cannot have the shape of an execution's id. Ids of handlers do: where a client chose none they are
    those of executions, and many clients choose UUIDs.
    """
    return f"{CONTINUED}{handler_id}" if has_id_shape(handler_id) else handler_id


def sequence_in(after_sequence: str | None, last_event_id: str | None) -> int | None:
    """Read behind which event a client goes on; None for `now`. Raises Refused.

    last_event_id  wins where it is a number.
    """
    if last_event_id is not None and (number := _whole(last_event_id)) is not None:
        return number
    if after_sequence is None or after_sequence == "":
        return 0
    if after_sequence == "now":
        return None
    number = _whole(after_sequence)
    if number is None:
        raise Refused(f"Invalid after_sequence: {_cut(after_sequence)!r}", "after_sequence")
    return number


def _is_envelope(sent: Mapping[str, Any]) -> bool:
    if sent.get(PYDANTIC) is True:
        return True
    has_name = "type" in sent or "qualified_name" in sent
    has_fields = isinstance(sent.get("value", sent.get("data")), dict)
    return has_name and has_fields and ENVELOPE.issuperset(sent)


def _fields(found: Any, what: str) -> dict[str, Any]:
    """Give the fields of an event, those that its class does not name among them."""
    if not isinstance(found, dict):
        raise Refused(f"the value of '{what}' must be an object; found {kind_of(found)}", what)
    dynamic = found.get(DYNAMIC)
    if not isinstance(dynamic, dict):
        return found
    return {name: value for name, value in found.items() if name != DYNAMIC} | dynamic


def _parsed(text: str, what: str) -> Any:
    try:
        return strict_json.parse(text)
    except DefinitionInvalid as error:
        raise Refused(f"'{what}' is a text that is not JSON: {_plainly(text) or error}", what) from None


def _plainly(body: bytes | str) -> str | None:
    """Say what Python's own reader finds wrong; None where it finds nothing."""
    try:
        json.loads(body)
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


def _whole(text: str) -> int | None:
    """Read a whole number; what is below the first event is the beginning."""
    digits = text.strip()
    sign = digits.removeprefix("-")
    if not (sign.isascii() and sign.isdigit() and len(sign) <= 18):
        return None
    return max(int(digits), 0)


def _no_type(fields: Mapping[str, Any]) -> str:
    """Say why an event is of no type: it has none, or no value beside it."""
    named = next((word for word in ("type", "qualified_name") if isinstance(fields.get(word), str)), None)
    if named is None:
        return "Event type is required: the event has neither 'type' nor 'qualified_name'"
    others = ", ".join(quoted(word) for word in fields if word not in ENVELOPE)
    found = f"found {others}" if others else "found nothing"
    return f"Event value is required: beside '{named}' stands 'value', an object of its fields; {found}"


def _unknown_type(name: str, expected: Iterable[str]) -> str:
    return f"Invalid event type: {_cut(name)}. Expected one of {_listed(expected)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _cut(text: Any) -> str:
    return str(text)[:80]
