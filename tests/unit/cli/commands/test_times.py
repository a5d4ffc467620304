"""Moments on the command line: dates, names of days, and how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx2
import pytest
import typer

from cli.commands.times import read_past, read_time
from tests.unit.cli.commands.invoking import answer_with, run

NOW = datetime(2026, 11, 29, 15, 30, 12, 345_000, UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "2026-11-29T15:30:12.345000+00:00"),
        ("today", "2026-11-29T00:00:00+00:00"),
        ("Yesterday", "2026-11-28T00:00:00+00:00"),
        ("tomorrow", "2026-11-30T00:00:00+00:00"),
        ("-2d", "2026-11-27T15:30:12.345000+00:00"),
        ("2d ago", "2026-11-27T15:30:12.345000+00:00"),
        ("1h30m ago", "2026-11-29T14:00:12.345000+00:00"),
        ("+1w", "2026-12-06T15:30:12.345000+00:00"),
        ("2026-11-01", "2026-11-01T00:00:00+00:00"),
        ("2026-11-01 08:30", "2026-11-01T08:30:00+00:00"),
        ("2026-11-01t08:30:00z", "2026-11-01T08:30:00+00:00"),
        ("2026-11-01T08:30:00+02:00", "2026-11-01T08:30:00+02:00"),
    ],
)
def test_a_moment_is_read(text: str, moment: str) -> None:
    assert read_time(text, now=NOW).isoformat() == moment


@pytest.mark.parametrize("text", ["", "soon", "ago", "2d", "- 2d", "2026-13-01", "99999999d ago", "-2x"])
def test_what_is_no_moment_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"is no time; allowed: 2026-11-01"):
        read_time(text, now=NOW)


@pytest.mark.parametrize(
    ("text", "same"),
    [("2h", "-2h"), ("1D12h", "-1d12h"), ("+2d", "+2d"), ("2d ago", "-2d")],
)
def test_where_the_past_is_meant_a_bare_age_is_so_long_ago(text: str, same: str) -> None:
    assert read_past(text, now=NOW) == read_time(same, now=NOW)


def test_where_the_past_is_meant_an_error_shows_ages() -> None:
    with pytest.raises(typer.BadParameter, match=r"'1hour' is no time; allowed: .*, 2h, 1d12h$"):
        read_past("1hour", now=NOW)


def test_a_bare_age_is_taken_by_options_about_the_past_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        return httpx2.Response(503, json={"detail": "away"})

    answer_with(monkeypatch, answer)

    for words in (
        ("list", "--since", "2h", "--until", "1h"),
        ("retry", "--since", "2h", "--dry-run"),
        ("statistics", "--from", "2d", "--to", "1d"),
        ("schedules", "backfill", "s", "--from", "2h", "--to", "1h"),
    ):
        assert run(*words)[0] == 5, words
    assert len(asked) == 4
    assert "'2h' is no time" in run("schedules", "add", "o", "--every", "1h", "--start-at", "2h")[1][-1]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("list",), "--since"),
        (("list",), "--until"),
        (("statistics",), "--from"),
        (("statistics",), "--to"),
        (("schedules", "add", "order", "--every", "1h"), "--start-at"),
        (("schedules", "add", "order", "--every", "1h"), "--end-at"),
        (("schedules", "backfill", "s", "--to", "now"), "--from"),
        (("schedules", "backfill", "s", "--from", "now"), "--to"),
    ],
)
def test_every_option_that_takes_a_moment_takes_words(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], option: str
) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(f"{request.url} {request.content.decode()}")
        return httpx2.Response(503, json={"detail": "away"})

    answer_with(monkeypatch, answer)

    run(*words, option, "-2d")
    code, lines = run(*words, option, "gestern")

    assert len(asked) == 1
    assert re.search(r"=?\d{4}-\d\d-\d\d", asked[0])
    assert code == 2
    assert "'gestern' is no time; allowed: " in " ".join(lines)
