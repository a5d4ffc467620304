import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.documents.strict_json import parse
from orchestrator.errors import DefinitionInvalid, Problem


def problems(text: bytes | str) -> list[Problem]:
    with pytest.raises(DefinitionInvalid) as caught:
        parse(text)
    return caught.value.problems


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_what_json_writes_is_read_back(value: Any) -> None:
    assert parse(json.dumps(value).encode()) == value


def test_a_duplicate_key_is_refused_with_its_path() -> None:
    (problem,) = problems(b'{"nodes": [{"id": "A", "id": "B"}]}')

    assert (problem.path, problem.code, problem.kind) == ("nodes[0].id", "duplicate_key", "shape")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (b'{"a": [1, NaN]}', "a[1]"),
        (b'{"a": Infinity}', "a"),
        (b'{"a": -Infinity}', "a"),
        (b'{"a": 1e999}', "a"),
        (b'{"a": {"b": 1' + b"0" * 30 + b"}}", "a.b"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a"),
        (b'{"a": 18446744073709551616}', "a"),
    ],
)
def test_numbers_that_readers_disagree_on_are_refused(text: bytes, path: str) -> None:
    assert [problem.path for problem in problems(text)] == [path]


def test_64_bit_integers_stay_as_given() -> None:
    assert parse(b"[18446744073709551615, -9223372036854775808]") == [2**64 - 1, -(2**63)]


def test_depth_is_bounded() -> None:
    assert parse(b"[" * 64 + b"]" * 64)
    assert problems(b"[" * 65 + b"]" * 65)[0].code == "too_deep"
    assert problems(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)[0].code == "too_deep"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 65,
        "[" * 5_000,
        "[" * 100_000,
        '{"a":' * 65,
        '[{"a":' * 33 + "@",
        "[NaN," + "[" * 64,
        "[NaN," + "[" * 64 + "]" * 64 + "]",
        "[NaN," + "[" * 100_000,
        "[NaN," + "[" * 100_000 + "]" * 100_001,
        '{"a": 1, "a": ' + "[" * 64 + "]" * 64 + "}",
        '["\\ud83d",' + "[" * 5_000 + "]" * 5_001,
        '["a", ' + "[" * 64 + '"\\x"',
    ],
)
def test_what_is_too_deep_is_called_so_whatever_else_is_wrong_behind_it(text: str) -> None:
    (problem,) = problems(text)

    assert problem.code == "too_deep"


@pytest.mark.parametrize(
    "text",
    [
        "@" + "[" * 100,
        '["' + "[" * 100,
        '["\\"' + "[" * 100 + '"',
        '["' + "[" * 100 + '\\x"',
        '["' + "[" * 100 + '\n"',
        "[]" * 100,
        "[" + "[]," * 100,
        "[NaN, @",
        '{"a": 1, "a": 2} @',
    ],
)
def test_brackets_that_open_no_level_are_not_counted(text: str) -> None:
    (problem,) = problems(text)

    assert problem.code == "bad_json"


def test_a_bracket_too_many_has_line_and_column() -> None:
    (problem,) = problems("[\n" * 70)

    assert (problem.line, problem.column) == (65, 1)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b"[1,]",
        b"\xff\xfe",
        b'{"a": "\\ud800"}',
        b'{"a": "\\udc00x"}',
        b"nul",
        b"01",
        b"1 2",
    ],
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    assert problems(text)[0].kind == "shape"


def test_lone_surrogates_in_text_given_as_str_are_refused() -> None:
    assert problems('{"a": "\ud800"}')


def test_whole_surrogate_pairs_pass() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_a_syntax_error_has_line_and_column() -> None:
    (problem,) = problems(b'{\n  "a" 1\n}')

    assert (problem.line, problem.column) == (2, 7)
