"""What counts as printed, and what does not."""

from __future__ import annotations

import pytest

from tests.docs.comparing import missing

PRINTED = """\
12:00:01  node.completed  greet
hello 01a2275f-e971-730b-9a4a-e52be6952000: COMPLETED in 0.4 s
  ✓ greet: {"result": "Hello, Ada!"}
"""


@pytest.mark.parametrize(
    "expected",
    [
        "hello 01a1fb76-6a0d-7712-b430-ef29307b1000: COMPLETED in …\n  ✓ greet: {…}\n",
        "hello 01a2…: COMPLETED in …\n",
        '…\n✓ greet:  {"result": "Hello, Ada!"}\n',
    ],
)
def test_ids_blanks_and_what_is_left_out_may_differ(expected: str) -> None:
    assert missing(expected, PRINTED) is None


@pytest.mark.parametrize(
    ("expected", "line"),
    [
        ("hello 01a2…: FAILED in …\n", "hello 01a2…: FAILED in …"),
        ("hello 01a2…: COMPLETED\n", "hello 01a2…: COMPLETED"),
        ('  ✓ greet: {"result": "Hello, Eve!"}\n', '  ✓ greet: {"result": "Hello, Eve!"}'),
        ("  ✓ greet: …\nhello 01a2…: COMPLETED …\n", "hello 01a2…: COMPLETED …"),
    ],
)
def test_a_line_that_is_not_printed_in_its_turn_is_named(expected: str, line: str) -> None:
    assert missing(expected, PRINTED) == line


def test_answers_of_two_calls_are_two_lines() -> None:
    assert missing('{"a":1}\n{"b":…}\n', '{"a":1}{"b":2}') is None


def test_json_is_compared_whatever_its_line_breaks() -> None:
    assert missing('{"a": 1,\n "b": …}', '{"a":1,"b":[2]}', is_json=True) is None
    assert missing('{"a": 2}', '{"a":1}', is_json=True) == '{"a": 2}'
