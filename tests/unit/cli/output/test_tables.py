"""Tables fit the terminal, and give a pipe everything."""

from __future__ import annotations

import sys

import pytest

from cli.output.tables import table_lines

LONG = "a word " * 30


def test_a_pipe_gets_whole_rows() -> None:
    lines = list(table_lines(("N", "TEXT"), [("1", LONG), ("200", "b")], numbers=("N",)))

    assert lines == ["  N  TEXT", f"  1  {LONG.rstrip()}", "200  b"]


def test_a_narrow_terminal_cuts_no_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "dumb")
    identity = "01a22722-0e45-7692-a534-5e9da8ec2000"

    lines = list(table_lines(("ID", "TEXT"), [(identity, LONG)]))

    assert lines[1].startswith(identity)
    assert len(lines) > 3
    assert all(len(line) <= 60 for line in lines)


def test_nothing_a_stranger_wrote_moves_the_cursor() -> None:
    (_, row) = table_lines(("A",), [("\x1b[2Jx\ny [bold]",)])

    assert row == "\\x1b[2Jx\\ny [bold]"
