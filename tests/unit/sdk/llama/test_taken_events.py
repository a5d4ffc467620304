"""Which events may be sent to which step: by what is known without its code, and by its code."""

from __future__ import annotations

import pytest
from workflows import Workflow, step
from workflows.errors import WorkflowRuntimeError
from workflows.events import Event, HumanResponseEvent, StartEvent, StopEvent

from api.dialects.workflow_server.event_types import EventTypes
from headrace.llama.description import definition_of
from headrace.llama.server import WorkflowServer
from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import PlainHandlers


class Base(Event):
    """Taken by a step as it is."""


class Sub(Base):
    """Taken by a step with what is below it."""


class Below(Sub):
    """Known to no step by its name."""


class Other(Event):
    """One of two."""


class Taking(Workflow):
    """Takes events by their class, by a class above it, and by the root of all."""

    @step
    async def begin(self, ev: StartEvent) -> Base | None:
        return None

    @step
    async def exact(self, ev: Base) -> StopEvent | None:
        return None

    @step(accept_event_subclasses=True)
    async def wide(self, ev: Sub | Other) -> StopEvent | None:
        return None

    @step(accept_event_subclasses=True)
    async def any(self, ev: Event) -> StopEvent | None:
        return None


def types() -> EventTypes:
    server = WorkflowServer()
    server.add_workflow("taking", Taking(), additional_events=[Below, HumanResponseEvent])
    handlers = PlainHandlers(frozenset({"workflow_server.taking"}))
    return EventTypes.of(compile_definition(definition_of(server.served["taking"]), handlers=handlers))


def is_taken_by_code(name: str, event: Event) -> bool:
    try:
        Taking()._validate_valid_step_message(name, event)
    except WorkflowRuntimeError:
        return False
    return True


@pytest.mark.parametrize("name", ["begin", "wide", "any"])
@pytest.mark.parametrize("event", [Base(), Sub(), Below(), Other(), HumanResponseEvent(), StartEvent()])
def test_a_step_is_said_to_take_what_its_code_takes(name: str, event: Event) -> None:
    assert types().takes(name, type(event).__name__) is is_taken_by_code(name, event)


@pytest.mark.parametrize("event", [Base(), Sub(), Other(), HumanResponseEvent(), StartEvent()])
def test_a_step_of_one_class_is_not_said_to_take_what_is_below_it(event: Event) -> None:
    assert types().takes("exact", type(event).__name__) is is_taken_by_code("exact", event)
