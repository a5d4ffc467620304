"""What is refused of a start event before its class has seen it: what is certain, and no more."""

from __future__ import annotations

import enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import core_schema
from workflows.events import StartEvent

from headrace.llama.start_inputs import complete, inputs_of
from orchestrator.documents.json_schema import value_problems


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Order(StartEvent):
    """An order."""

    customer: str = Field(description="Who pays.")
    amount: float
    how: Literal["card", "cash"] = "card"
    colour: Colour | None = None
    paint: Colour = Colour.RED
    note: str | None = None


class Lenient(StartEvent):
    """Makes its fields of whatever comes."""

    number: int

    @model_validator(mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        return {"number": 1, **value}


class Guarded(StartEvent):
    """Sees one of its fields before its type does."""

    name: str
    other: str = ""
    third: Annotated[str, BeforeValidator(str)] = ""

    @field_validator("name", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value)


class Renamed(StartEvent):
    """Its field has two names."""

    model_config = ConfigDict(populate_by_name=True)

    name: str = Field(alias="n")


class AnyCase(enum.Enum):
    """Finds its member in whatever case it is written."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        return next((each for each in cls if each.value == str(value).lower()), None)


class Size(AnyCase):
    SMALL = "small"


class Unit(enum.Enum):
    """Says itself how it is read."""

    METRE = "m"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return core_schema.no_info_plain_validator_function(lambda value: cls(str(value)[0]))


class Measured(StartEvent):
    """Takes more than the values of its choices, and numbers for its text."""

    size: Size
    unit: Unit
    code: str = Field(coerce_numbers_to_str=True)


class Making(StartEvent):
    """Makes its field itself."""

    name: str

    def __init__(self, **fields: Any) -> None:
        super().__init__(**{"name": "made", **fields})


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "'customer' is missing"),
        ({"customer": 7, "amount": 1}, "must be text"),
        ({"customer": "a", "amount": 1, "how": "cheque"}, 'must be one of "card", "cash"'),
        ({"customer": "a", "amount": 1, "paint": "green"}, 'must be one of "red", "blue"'),
    ],
)
def test_what_no_class_takes_is_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError):
        Order(**fields)

    problems = value_problems(inputs_of(Order) or {}, fields, "inputs")

    assert problem in problems[0].message


@pytest.mark.parametrize(
    ("start", "fields"),
    [
        (Order, {"customer": "a", "amount": "1.5", "note": None, "more": [1], "paint": "blue"}),
        (Lenient, {}),
        (Guarded, {"name": 7, "third": 7}),
        (Renamed, {"name": "a"}),
        (Making, {}),
        (Measured, {"size": "SMALL", "unit": "metres", "code": 7}),
        (StartEvent, {"whatever": 1}),
    ],
)
def test_what_a_class_takes_is_never_refused(start: type[StartEvent], fields: dict[str, Any]) -> None:
    start(**fields)

    schema = inputs_of(start)

    assert schema is None or not value_problems(schema, fields, "inputs")


class Agent(StartEvent):
    """Reads fields as it is written that no client has to give, as the start event of agents does."""

    @model_serializer()
    def _written(self) -> dict[str, Any]:
        return {"user_msg": self.user_msg, "chat_history": self.chat_history, "limit": self.limit}


class Broken(StartEvent):
    """Cannot be written, whatever it is given."""

    @model_serializer()
    def _written(self) -> dict[str, Any]:
        raise ValueError("no")


def test_a_start_event_can_be_written_with_what_a_person_has_typed() -> None:
    event = complete(Agent(user_msg="hello", limit=3))

    assert event.model_dump() == {"user_msg": "hello", "chat_history": None, "limit": 3}


@pytest.mark.parametrize("event", [Order(customer="a", amount=1, more=2), Broken(a=1)])
def test_any_other_start_event_stays_as_it_is(event: StartEvent) -> None:
    before = dict(event.items())

    assert complete(event) is event
    assert dict(event.items()) == before


def test_fields_have_the_words_of_the_class() -> None:
    schema = inputs_of(Order)

    assert schema is not None
    assert schema["required"] == ["customer", "amount"]
    assert schema["properties"]["customer"] == {"description": "Who pays.", "type": "string"}
