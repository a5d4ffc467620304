"""What handlers return as JSON: one rule, in a worker and in a unit test of theirs."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import uuid
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, Field

from headrace import Terminal
from headrace.plain_json import MAX_DEPTH, as_json, json_of, json_of_dumped
from workers.outcome import encode_output
from workers.runtime.redaction import Redactor

MOST_BYTES = 1024 * 1024
NOON = datetime.datetime(2027, 1, 31, 12, tzinfo=datetime.UTC)


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Line(BaseModel):
    sku: str
    count: int = Field(serialization_alias="n")
    at: datetime.datetime = NOON


@dataclasses.dataclass
class Order:
    id: int
    lines: list[Line]
    _seen: bool = True


class Pair(NamedTuple):
    left: int
    right: int


LINE = {"sku": "a", "n": 2, "at": "2027-01-31T12:00:00Z"}
GOOD: list[tuple[Any, Any]] = [
    (Line(sku="a", count=2), LINE),
    (Order(7, [Line(sku="a", count=2)]), {"id": 7, "lines": [LINE]}),
    ({"line": (Line(sku="a", count=2), None)}, {"line": [LINE, None]}),
    ([Colour.RED, Level.HIGH], ["red", 3]),
    (NOON, "2027-01-31T12:00:00+00:00"),
    (datetime.date(2027, 1, 31), "2027-01-31"),
    (datetime.time(1, 2, 3, 4), "01:02:03.000004"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ({"id": 10**30, "share": 0.5, "is": True}, {"id": 10**30, "share": 0.5, "is": True}),
]
BAD: list[Any] = [
    {1, 2},
    Decimal("1.5"),
    b"x",
    math.nan,
    [{"x": math.inf}],
    {1: "x"},
    "half a pair: \ud800",
    {"\udfff": 1},
    Pair(1, 2),
    2**2000,
    object(),
]


class Share(BaseModel):
    model_config = {"ser_json_inf_nan": "constants"}

    share: float


@pytest.mark.parametrize(("value", "expected"), GOOD)
def test_a_value_is_the_same_json_in_a_worker_and_in_a_test(value: Any, expected: Any) -> None:
    assert as_json(value) == expected
    assert json.loads(encode_output(value, max_bytes=MOST_BYTES)) == expected


@pytest.mark.parametrize("value", [*BAD, Share(share=math.nan)], ids=lambda value: type(value).__name__)
def test_what_is_no_json_is_refused_in_both(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        as_json(value)
    with pytest.raises(Terminal, match="is not JSON"):
        encode_output(value, max_bytes=MOST_BYTES)


def test_a_refusal_names_the_place() -> None:
    with pytest.raises(TypeError, match=r"output\.rows\[1\]\.tags is of the type set, which is not JSON"):
        as_json({"rows": [{}, {"tags": {1}}]})


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)

    with pytest.raises(TypeError, match="nested deeper than 254 levels"):
        as_json(endless)


@pytest.mark.parametrize("leaf", ["text", 7, None])
def test_every_value_counts_as_a_level_as_deep_as_it_lies(leaf: Any) -> None:
    def nested(levels: int) -> Any:
        found: Any = leaf
        for _ in range(levels):
            found = {"a": found}
        return found

    assert as_json(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    with pytest.raises(TypeError, match="nested deeper than 254 levels"):
        as_json(nested(MAX_DEPTH + 1))


def test_what_pydantic_has_dumped_is_written_as_any_other_value() -> None:
    dumped = {"text": "é", "rows": [{"n": 1, "share": 0.5, "none": None}], "name": Colour.RED, "pair": (1, 2)}

    assert json_of_dumped(dumped, "data") == json_of(dumped, "data")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"share": math.nan}, "data.share is NaN or infinite"),
        ({"name": "\ud800"}, "data.name has half of a surrogate pair"),
        ({"tags": {1}}, "data.tags is of the type set"),
    ],
)
def test_what_is_no_json_in_it_is_refused_with_its_place(value: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        json_of_dumped(value, "data")


def test_secrets_are_taken_out_of_a_model_too() -> None:
    hidden = Redactor(["s3cret-value"]).output({"line": Line(sku="the s3cret-value is", count=1)})

    assert "s3cret" not in json.dumps(hidden)
