"""`format` in templates: printf, bounded before it builds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.templates.budget import MAX_STEPS, Budget
from orchestrator.templates.formats import MAX_WIDTH, printf
from orchestrator.templates.values import EvaluationError, Missing


@pytest.mark.parametrize(
    ("text", "args", "named", "result"),
    [
        ("%s costs %.2f", ("tea", 3.5), {}, "tea costs 3.50"),
        ("%05d|%-4s|%+d|% d", (7, "ab", 3, 4), {}, "00007|ab  |+3| 4"),
        ("%x %X %o %e %g", (255, 255, 8, 12345.0, 0.5), {}, "ff FF 10 1.234500e+04 0.5"),
        ("%.1s and %s", ("abc", {"a": [1]}), {}, 'a and {"a":[1]}'),
        ("%s %s", (None, True), {}, "null true"),
        ("100 %% of %s", (1,), {}, "100 % of 1"),
        ("%(a)s-%(a)03d-%(b)s", (), {"a": 1, "b": "x"}, "1-001-x"),
        ("%d", (2**1000,), {}, str(2**1000)),
        (f"%{MAX_WIDTH}d", (1,), {}, " " * 99 + "1"),
        (f"%.{MAX_WIDTH}f", (1,), {}, "1." + "0" * 100),
        ("%.s", ("abc",), {}, ""),
    ],
)
def test_values_are_put_in_the_places_of_conversions(
    text: str, args: tuple[Any, ...], named: dict[str, Any], result: str
) -> None:
    assert printf(Budget(), text, *args, **named) == result


@pytest.mark.parametrize(
    ("text", "args", "named", "words"),
    [
        ("%101d", (1,), {}, r"'%101d' has a width of 101; allowed: 0 to 100"),
        ("%.101f", (1,), {}, r"a precision of 101; allowed: 0 to 100"),
        ("%1000000000d", (1,), {}, r"a width of 1000000000"),
        ("%" + "9" * 10_000 + "d", (1,), {}, "a width of 999"),
        ("%*d", (5, 1), {}, r"a width of \*"),
        ("%d", ("x",), {}, "'%d' takes a number, got text"),
        ("%d", (True,), {}, "'%d' takes a number, got true or false"),
        ("%x", (1.5,), {}, "takes a whole number"),
        ("%f", (10**400,), {}, "takes a smaller number"),
        ("%q", (1,), {}, r"'%q' is no conversion \(allowed: %s %d"),
        ("%", (1,), {}, "'%' is no conversion"),
        ("%s %s", (1,), {}, "no value left for '%s'"),
        ("%s", (1, 2), {}, "has 1 more of 2 values than the text takes"),
        ("{}", (1,), {}, "write %s for each, {} has no meaning here"),
        ("%(a)s", (), {"b": 1}, r"no value 'a' for '%\(a\)s' \(given: b\)"),
        ("%(a)s", (), {"a": 1, "b": 1}, "1 more of 2 values"),
        ("%(x.__class__)s", (), {"x": 1}, "is no conversion"),
        ("x", (), {}, "takes values, or values by name"),
        ("%s", (1,), {"a": 1}, "takes values, or values by name"),
        (5, (1,), {}, "expected text, got a number"),
        ("%s", (Missing("A has no key 'x'"),), {}, "has no key 'x'"),
        ("%s" * 3, ("x" * 100_000,) * 3, {}, "longer than the allowed 262,144"),
        ("%(a)s" * 10_000, (), {"a": "x" * 100_000}, "longer than the allowed 262,144"),
        ("%%" * 131_073, (1,), {}, "longer than the allowed"),
        ("%%" * (MAX_STEPS + 1), (1,), {}, "steps"),
    ],
)
def test_what_cannot_be_written_is_named(
    text: Any, args: tuple[Any, ...], named: dict[str, Any], words: str
) -> None:
    with pytest.raises(EvaluationError, match=words):
        printf(Budget(), text, *args, **named)


@given(
    st.text("-+ 0#", max_size=3),
    st.one_of(st.just(""), st.integers(0, 100).map(str)),
    st.one_of(st.just(""), st.integers(0, 100).map(lambda size: f".{size}")),
    st.sampled_from("dieEfFgGxXo"),
    st.integers(-(2**70), 2**70),
)
def test_a_number_is_written_as_python_writes_it(
    flags: str, width: str, precision: str, kind: str, number: int
) -> None:
    conversion = f"%{flags}{width}{precision}{kind}"

    assert printf(Budget(), conversion, number) == conversion % number
