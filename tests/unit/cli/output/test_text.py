"""What is printed can be printed, whatever the encoding of standard output."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.output.progress import MARKS
from cli.output.text import (
    PLAIN_MARKS,
    cells,
    fitted,
    json_line,
    json_text,
    printable,
    without_repeats,
    write_what_can_be_written,
)
from config import ROOT


def redirected(monkeypatch: pytest.MonkeyPatch, encoding: str, errors: str = "strict") -> io.BytesIO:
    """Let standard output have an encoding; gives what is written."""
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding=encoding, errors=errors))
    return written


def test_a_long_list_of_what_is_allowed_is_printed_once() -> None:
    fields = ", ".join(f"field_{i}" for i in range(9))
    texts = [
        f"unknown field 'a' (allowed: {fields}); did you mean 'b'?",
        f"unknown field 'c' (allowed: {fields})",
        f"no config field 'd'; allowed: {fields}; did you mean 'e'?",
        f"no config field 'f'; allowed: {fields}",
        "unknown field 'g' (allowed: errors, goto)",
        "unknown field 'h' (allowed: errors, goto)",
    ]

    assert list(without_repeats(texts)) == [
        texts[0], "unknown field 'c'", texts[2], "no config field 'f'", *texts[4:]
    ]  # fmt: skip


def test_every_mark_has_a_plain_one_of_the_same_width() -> None:
    assert {mark for mark, _ in MARKS.values()} <= PLAIN_MARKS.keys()
    assert all(len(plain) == 1 and plain.isascii() for plain in PLAIN_MARKS.values())


def test_every_mark_that_commands_print_has_a_letter() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "cli").rglob("*.py"))

    assert {letter for letter in sources if not letter.isascii()} <= PLAIN_MARKS.keys()


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "✓ Grüße … 日 😀"),
        ("latin-1", r"+ Grüße ~ \u65e5 \ud83d\ude00"),
        ("cp1252", r"+ Grüße … \u65e5 \ud83d\ude00"),
        ("ascii", r"+ Gr\u00fc\u00dfe ~ \u65e5 \ud83d\ude00"),
    ],
)
def test_what_an_encoding_does_not_have_is_replaced_or_escaped(
    monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str
) -> None:
    written = redirected(monkeypatch, encoding)

    write_what_can_be_written()
    sys.stdout.write("✓ Grüße … 日 😀")
    sys.stdout.flush()

    assert written.getvalue().decode(encoding) == shown


def test_another_choice_of_the_user_s_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    written = redirected(monkeypatch, "ascii", "replace")

    write_what_can_be_written()
    sys.stdout.write("✓")
    sys.stdout.flush()

    assert written.getvalue() == b"?"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_json_is_the_same_when_it_is_read(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    document = {"a": "✓ Grüße … 日 😀 \ud83d"}
    redirected(monkeypatch, encoding)

    for text in (json_line(document), json_text(document)):
        assert json.loads(text.encode(encoding).decode(encoding)) == document


def test_a_command_ends_well_in_a_terminal_of_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        'name: a\nnodes: [{id: A, handler: transform, config: {expression: "日 – ü"}}]\n', encoding="utf-8"
    )

    done = subprocess.run(
        [sys.executable, "-m", "cli", "simulate", str(file)],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert rb'A = {"result": "\u65e5 \u2013 \u00fc"}' in done.stdout


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abc", 5, "abc  "),
        ("abcdef", 4, "abc…"),
        ("注文", 5, "注文 "),
        ("注文注文", 6, "注文 …"),
    ],
)
def test_text_is_fitted_into_columns(text: str, width: int, shown: str) -> None:
    assert fitted(text, width) == shown
    assert cells(fitted(text, width)) == width


def test_what_would_steer_the_terminal_is_shown_as_an_escape() -> None:
    assert printable("a\x1b[31m\u202eb") == "a\\x1b[31m\\u202eb"
