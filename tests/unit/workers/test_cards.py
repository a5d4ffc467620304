"""Configs checked by cards: what is refused is refused by the model too, and never anything that it takes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from headrace._shapes import shape_of
from workers.cards import HandlerCard, decode_cards, encode_cards
from workers.handlers import Catalogue


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    count: int = 1
    is_on: bool = False
    tags: list[str] = []
    inner: Inner | None = None


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    url: str


class Holder(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: Inner


class ByAlias(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    kind: str = Field(alias="type")


class Choices(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: str = Field(validation_alias=AliasChoices("key", "id"))


def joined(value: Any) -> Any:
    return ",".join(value) if isinstance(value, list) else value


class Before(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: Annotated[str, BeforeValidator(joined)]
    b: str = ""

    @field_validator("b", mode="before")
    @classmethod
    def _b(cls, value: Any) -> Any:
        return joined(value)


class WholeBefore(BaseModel):
    model_config = ConfigDict(extra="forbid")
    a: str

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, value: Any) -> Any:
        return {"a": value["old"]} if "old" in value else value


class Colour(StrEnum):
    RED = "red"


class Kinds(BaseModel):
    at: datetime
    money: Decimal = Decimal(0)
    who: UUID | None = None
    colour: Colour | Literal["none"] = "none"
    anything: Any = None


TABLE = [
    (Closed, {"name": "x"}, True),
    (Closed, {"name": "x", "count": "5"}, True),
    (Closed, {"name": "x", "is_on": "yes"}, True),
    (Closed, {"name": "x", "nmae": "y"}, False),
    (Closed, {}, False),
    (Closed, {"name": ["x"]}, False),
    (Closed, {"name": {"x": 1}}, False),
    (Closed, {"name": "{{ inputs.x }}", "count": "{{ inputs.n }}"}, True),
    (Closed, {"name": "x", "tags": ["a"]}, True),
    (Closed, {"name": "x", "count": [1]}, False),
    (Holder, {"inner": {"ulr": "x"}}, False),
    (Holder, {"inner": {"url": "x"}}, True),
    (ByAlias, {"type": "x"}, True),
    (ByAlias, {"kind": "x"}, True),
    (Choices, {"id": "x"}, True),
    (Before, {"a": ["x", "y"], "b": ["z"]}, True),
    (WholeBefore, {"old": "x"}, True),
    (Kinds, {"at": 1_700_000_000, "money": [0, [1], 0], "extra": 1, "colour": "red"}, True),
    (Kinds, {"at": [2027]}, False),
]


def card_of(model: type[BaseModel] | None) -> HandlerCard:
    return HandlerCard.from_dict(
        {
            "name": "mine",
            "aliases": ["also"],
            "is_async": False,
            "description": "Do it.",
            "config_schema": None,
            "shape": None if model is None else shape_of(model),
            "retry": {"max_attempts": 3},
            "secrets": ["key"],
            "module": "handlers",
            "line": 1,
        }
    )


@pytest.mark.parametrize(("model", "config", "is_taken"), TABLE)
def test_a_config_is_refused_only_where_its_model_refuses_it(
    model: type[BaseModel], config: dict[str, Any], is_taken: bool
) -> None:
    problems = card_of(model).check(config)

    assert (problems == []) is is_taken
    if problems:
        with pytest.raises(ValidationError):
            model.model_validate(config)


def test_a_problem_names_the_place_and_what_is_allowed() -> None:
    unknown, missing = card_of(Closed).check({"nmae": "y"})
    (inside,) = card_of(Holder).check({"inner": {"url": {}}})

    assert (unknown.path, unknown.hint) == ("config.nmae", "did you mean 'name'?")
    assert "allowed: name, count" in unknown.message
    assert missing.message == "handler 'mine' needs the config field 'name'"
    assert inside.message == "'config.inner.url' must be a single value, found an object"


def test_without_a_model_every_config_is_taken() -> None:
    assert card_of(None).check({"anything": [1]}) == []


def test_cards_come_back_under_every_name_and_equal_ones_have_one_digest() -> None:
    digest, text = encode_cards([card_of(Closed), card_of(Closed)])

    cards = decode_cards(text)

    assert cards.keys() == {"mine", "also"}
    assert cards["also"].retry is not None and cards["also"].retry.max_attempts == 3
    assert encode_cards(cards.values()) == (digest, text)


def test_a_retry_policy_that_is_none_is_refused() -> None:
    fields = {**card_of(None).fields, "retry": {"max_attempts": 0}}

    with pytest.raises(ValueError, match="retry policy of handler 'mine'"):
        HandlerCard.from_dict(fields)


def test_whether_a_handler_reads_letters_is_known_by_its_card() -> None:
    plain = card_of(None)
    durable = HandlerCard.from_dict({**plain.fields, "is_durable": True})
    old, new = (encode_cards([card])[1] for card in (plain, durable))

    def is_durable(*cards: bytes, handler: str = plain.name) -> bool | None:
        return Catalogue(frozenset({plain.name}), cards).is_durable(handler)

    assert is_durable() is None, "of a name alone nothing is known"
    assert is_durable(old) is False
    assert is_durable(old, new) is is_durable(new, old) is True, "one of its versions reads them"
    assert is_durable(handler="noop") is False
