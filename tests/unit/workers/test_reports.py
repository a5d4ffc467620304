"""What a handler may say of an event, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import Terminal
from headrace.durable import VALUE_MAX_BYTES, TypedEvent
from orchestrator.definitions.interface import EventType, Interface
from orchestrator.errors import ErrorType
from workers.context import HandlerContext
from workers.reports import Written, check_value, event_of

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
DECLARED = Interface(
    events={"Step": EventType("Step", NUMBER, ("Base",), "app.Step"), "Free": EventType("Free")}
)


def event(type: Any = "Step", value: Any = None, parents: Any = (), **more: Any) -> dict[str, Any]:
    interface = more.pop("interface", None)
    return event_of(TypedEvent(type, value, parents, **more), interface)


def test_an_event_is_its_value_its_type_and_what_is_known_of_that() -> None:
    assert event(value=(1, {"a": None})) == {
        "value": [1, {"a": None}],
        "types": None,
        "type": "Step",
        "qualified_name": None,
        "internal": False,
    }


def test_what_the_interface_declares_fills_in_what_is_not_said() -> None:
    known = event(value={"n": 1}, interface=DECLARED)
    said = event(value={"n": 1}, parents=["Mine"], internal=True, interface=DECLARED)
    unknown = event("Other", interface=DECLARED)

    assert (known["types"], known["qualified_name"]) == (["Base"], "app.Step")
    assert (said["types"], said["qualified_name"], said["internal"]) == (["Mine"], "app.Step", True)
    assert (unknown["types"], unknown["qualified_name"]) == (None, None)


def test_long_integers_stay_exact() -> None:
    assert event(value=[10**30])["value"] == [10**30]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"type": "a b"}, "the type of an event must be made of letters"),
        ({"type": 7}, "the type of an event must be made of letters"),
        ({"type": ""}, "the type of an event must be made of letters"),
        ({"value": object()}, "the value of event 'Step' is not JSON"),
        ({"value": [1.0, float("nan")]}, r"the value of event 'Step' is not JSON: value\[1\] is NaN"),
        ({"value": "x" * VALUE_MAX_BYTES}, "has 262,146 bytes as JSON; allowed are 262,144"),
        ({"parents": "Base"}, "'parents' of event 'Step' must be a list of names, got text"),
        ({"parents": ["a b"]}, "a parent of event 'Step' must be made of letters"),
        ({"parents": ["a"] * 17}, "event 'Step' has 17 parents; allowed are 16"),
    ],
)
def test_what_is_no_event_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(Terminal, match=says) as refused:
        event(**given)

    assert refused.value.error_type == "EventInvalid"


def test_a_value_that_does_not_fit_its_schema_is_refused_with_all_problems() -> None:
    with pytest.raises(Terminal, match=r"event 'Step' does not fit .* declares: .*value\.n") as refused:
        event(value={"n": "one"}, interface=DECLARED)

    assert refused.value.error_type == "EventInvalid"
    assert [each["path"] for each in refused.value.details["problems"]] == ["value.n"]
    assert event("Free", value={"n": "one"}, interface=DECLARED)["value"] == {"n": "one"}


def test_a_megabyte_is_checked_and_what_takes_too_long_is_refused_and_named() -> None:
    rows = {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}}}
    large = [{"id": number, "name": "a row"} for number in range(30_000)]
    nested = {"anyOf": [{"items": {"anyOf": [{"maxLength": n} for n in range(40)]}} for _ in range(3)]}

    check_value(rows, large, "the output", root="output", type=ErrorType.OUTPUT_INVALID)
    with pytest.raises(Terminal, match="the schema asks for too many checks of this output"):
        check_value(nested, ["x"] * 30_000, "the output", root="output", type=ErrorType.OUTPUT_INVALID)


async def test_a_context_outside_a_worker_checks_events_and_keeps_none() -> None:
    context = HandlerContext(execution_id="e1", node_id="A", interface=DECLARED)
    context.last_beat_s = 0.0

    await context.emit("Step", {"n": 1})

    assert context.last_beat_s > 0
    with pytest.raises(Terminal):
        context.emit("Step", {})


async def test_what_was_written_may_be_awaited_twice_or_never() -> None:
    flushed: list[int] = []

    async def flush() -> None:
        flushed.append(1)

    written = Written(flush)
    Written(flush)
    await written
    await written

    assert flushed == [1, 1]
