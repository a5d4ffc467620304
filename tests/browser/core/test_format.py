"""Values as people read them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.modules import Module


@pytest.fixture
def written(pure: Callable[[str], Module]) -> Module:
    return pure("core/format.js")


def test_a_long_text_is_cut_in_its_middle_and_between_characters(written: Module) -> None:
    assert written.each("shorten", ("short", 5), ("abcdefghij", 5), ("👍🏽" * 9, 4), ("", 3)) == [
        "short",
        "ab…ij",
        "👍🏽…🏽",
        "",
    ]


def test_ids_are_told_apart_by_what_is_shown_of_them(written: Module) -> None:
    ids = (
        "01a22666-6b3c-743c-83b2-ee51658fb000",
        "01a22666-6b3d-7aaa-9fff-ee51658fb000",
        "01a22666-6b3d-7aab-9fff-ee51658fb000",
    )
    shown = written.each("shortId", *((each,) for each in ids))

    assert len(set(shown)) == len(ids)
    for each, short in zip(ids, shown, strict=True):
        assert each.startswith(short), "a command finds the execution by it"
    assert written.call("shortId", "order-4711") == "order-4711"


def test_amounts_have_units(written: Module) -> None:
    assert written.each("bytes", (0,), (1_023,), (1_024,), (1_572_864,)) == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "1.5 MiB",
    ]
    assert written.each("number", (1,), (1_000,), (1_234_567,)) == ["1", "1\u202f000", "1\u202f234\u202f567"]
    assert written.each("plural", (1, "run"), (0, "run"), (2_000, "run"), (2, "entry", "entries")) == [
        "1 run",
        "0 runs",
        "2\u202f000 runs",
        "2 entries",
    ]
    assert written.each("cost", (None,), (0,), (0.00123,), (1.5,)) == ["", "$0.00", "$0.0012", "$1.50"]


def test_a_value_takes_one_line(written: Module) -> None:
    assert written.each("inOneLine", ("a\n  b",), ({"a": [1, None]},), (None,), ("x" * 9, 4)) == [
        "a b",
        '{"a":[1,null]}',
        "null",
        "xx…x",
    ]


def test_an_error_is_its_type_and_its_message(written: Module) -> None:
    error = {"type": "HttpError", "message": "status 503"}

    assert written.each("errorLine", (error,), ({"message": "x"},), (None,)) == [
        "HttpError: status 503",
        "x",
        "",
    ]


def test_fields_are_words_and_what_is_deeper_is_json(written: Module) -> None:
    assert written.each(
        "fieldsInOneLine",
        ({"name": "a  b", "count": 3, "none": None, "more": {"x": [1]}},),
        ({},),
        ("text",),
        ([1, 2],),
    ) == ['name: a b, count: 3, more: {"x":[1]}', "", "text", "[1,2]"]
