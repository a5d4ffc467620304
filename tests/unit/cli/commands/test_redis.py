"""`./headrace redis`: replies look as redis-cli prints them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.commands.redis import quote, render
from tests.unit.cli.commands.invoking import run


@pytest.mark.parametrize(
    ("reply", "lines"),
    [
        (None, ["(nil)"]),
        (3, ["(integer) 3"]),
        (b"RUNNING", ['"RUNNING"']),
        ([], ["(empty array)"]),
        ([b"a", None, 2], ['1) "a"', "2) (nil)", "3) (integer) 2"]),
    ],
)
def test_plain_replies(reply: object, lines: list[str]) -> None:
    assert list(render(reply)) == lines


def test_nested_replies_are_numbered_and_indented() -> None:
    stream = [[b"1-0", [b"node_id", b"A"]], [b"2-0", []]]

    assert list(render(stream)) == [
        '1) 1) "1-0"',
        '   2) 1) "node_id"',
        '      2) "A"',
        '2) 1) "2-0"',
        "   2) (empty array)",
    ]


def test_numbers_of_long_lists_line_up() -> None:
    lines = list(render([b"x"] * 10))

    assert lines[0] == ' 1) "x"'
    assert lines[9] == '10) "x"'


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ('{"a": "é"}'.encode(), '"{\\"a\\": \\"é\\"}"'),
        (b"two\nlines", '"two\\nlines"'),
        (b"\xff\x00", '"\\xff\\x00"'),
    ],
)
def test_strings_are_quoted_so_that_nothing_is_ambiguous(raw: bytes, shown: str) -> None:
    assert quote(raw) == shown


def test_no_redis_but_the_stacks_own_is_spoken_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("REDIS_URL", "REDIS_HOST", "REDIS_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STACK_DATA_DIR", str(tmp_path))

    code, (line,) = run("redis", "PING")

    assert (code, line.startswith("headrace redis: no stack runs on ")) == (5, True)


def test_a_text_of_several_lines_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://here:1/0")
    replies = {"INFO": b"# Memory\r\nused_memory:1\r\n", "GET": b"x"}
    monkeypatch.setattr("redis.Redis.execute_command", lambda self, *words: replies[words[0]])

    assert run("redis", "INFO", "memory") == (0, ["# Memory", "used_memory:1"])
    assert run("redis", "GET", "k") == (0, ['"x"'])
