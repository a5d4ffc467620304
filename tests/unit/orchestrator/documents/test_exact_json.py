"""Integers of any length survive being written and read; all else is as orjson has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.exact_json import MAX_DEPTH, MAX_INT_BITS, dumps, loads, may_round

LONG = 123456789012345678901234567890
values = st.recursive(
    st.none()
    | st.booleans()
    | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**MAX_INT_BITS) + 1, 2**MAX_INT_BITS - 1),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
    max_leaves=8,
)


@dataclass
class Order:
    id: int


@given(values)
def test_what_is_written_is_what_is_read(value: Any) -> None:
    assert loads(dumps(value)) == value


@pytest.mark.parametrize(
    "value",
    [2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**19, -(10**18), -(10**19), 2**MAX_INT_BITS - 1, LONG],
)
def test_integers_at_the_edges_are_exact(value: int) -> None:
    text = dumps({"id": [value, -value]})

    assert text == b'{"id":[%d,%d]}' % (value, -value)
    assert loads(text) == {"id": [value, -value]}


def test_an_alarm_is_raised_for_every_integer_that_would_be_rounded() -> None:
    for digits in range(18, 23):
        for number in (10**digits, 10**digits - 1, -(10**digits), -(10**digits) + 1):
            text = b'{"a":[%d,1.5]}' % number
            rounded = orjson.loads(text)["a"][0]

            assert may_round(text) or (rounded == number and isinstance(rounded, int))


@pytest.mark.parametrize(
    "text", [b"1795830000123456789", b'{"ns": 1795830000123456789}', b'"abc"', b"1.5e300", b"-" * 100]
)
def test_usual_numbers_raise_no_alarm(text: bytes) -> None:
    assert not may_round(text)


def test_fragments_options_and_other_values_are_written_as_ever() -> None:
    value = {"z": LONG, "a": orjson.Fragment(b"[1]"), "t": (LONG,), "o": Order(LONG), "b": True}

    assert dumps(value, option=orjson.OPT_SORT_KEYS) == (
        b'{"a":[1],"b":true,"o":{"id":%d},"t":[%d],"z":%d}' % (LONG, LONG, LONG)
    )
    assert dumps([LONG, {1}], default=list) == b"[%d,[1]]" % LONG
    assert dumps({LONG: object()}, default=lambda _: LONG, option=orjson.OPT_NON_STR_KEYS) == (
        b'{"%d":%d}' % (LONG, LONG)
    )


@pytest.mark.parametrize(
    "value", [2**MAX_INT_BITS, [-(2**MAX_INT_BITS)], {"a": 10**400}, object(), [LONG, {1}]]
)
def test_what_cannot_be_kept_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        dumps(value)


@pytest.mark.parametrize("inner", [1, LONG])
def test_what_is_nested_too_deep_is_refused_with_the_depth_that_is_not(inner: int) -> None:
    deep: Any = inner
    for _ in range(MAX_DEPTH):
        deep = [deep]
    endless: Any = deep
    for _ in range(5000):
        endless = [endless]

    assert loads(dumps(deep)) == deep
    for value in ([deep], [LONG, endless]):
        with pytest.raises(TypeError, match="254 levels"):
            dumps(value)
