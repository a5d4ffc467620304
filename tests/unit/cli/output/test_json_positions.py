"""Where the values of a JSON file stand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output.json_positions import JsonProblem, nearest, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)


def test_a_member_stands_at_its_key_and_an_item_at_its_beginning() -> None:
    _, marks = read_json('{"a": [1,\n  {"b": "x, [y]", "c": {}}]}')

    assert marks == {
        "": (1, 1),
        "a": (1, 2),
        "a[0]": (1, 8),
        "a[1]": (2, 3),
        "a[1].b": (2, 4),
        "a[1].c": (2, 19),
    }


def test_a_path_that_is_not_there_gives_the_nearest_around_it() -> None:
    _, marks = read_json('{"nodes":\n [{"id": "A"}]}')

    assert nearest(marks, "nodes[0].handler") == (2, 3)
    assert nearest(marks, "name") == (1, 1)


@given(VALUES, st.sampled_from((None, 2)))
def test_every_value_of_any_json_has_a_mark_on_its_line(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)

    found, marks = read_json(text)

    lines = text.split("\n")
    assert found == value
    assert all(lines[line - 1][column - 1 :].strip() for line, column in marks.values())


def test_what_readers_would_disagree_on_is_refused_with_its_place() -> None:
    with pytest.raises(JsonProblem) as caught:
        read_json('{"a": {"b": 1,\n "b": 2}}')

    assert (caught.value.code, caught.value.line, caught.value.column) == ("duplicate_key", 2, 2)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(JsonProblem, match="nested too deeply"):
        read_json("[" * 200_000 + "]" * 200_000)
