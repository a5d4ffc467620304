"""Words of a command line become values as typer makes them, whether or not pydantic has been asked."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from cli.commands.command import Command


class State(StrEnum):
    OPEN = "open"


def command(
    file: Path = Path("-"),
    name: str | None = None,
    names: Annotated[list[str] | None, typer.Option()] = None,
    files: Annotated[list[Path] | None, typer.Option()] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    port: int | None = None,
    share: Annotated[float | None, typer.Option(min=0)] = None,
    state: State | None = None,
    flag: bool = False,
) -> None:
    typer.echo(repr({key: value for key, value in locals().items() if value != DEFAULTS[key]}))


DEFAULTS: dict[str, Any] = {
    "file": Path("-"), "name": None, "names": None, "files": None, "limit": 20, "port": None, "share": None,
    "state": None, "flag": False,
}  # fmt: skip


def read(kind: type[Any] | None, words: list[str]) -> tuple[int, str, str]:
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(cls=kind)(command)
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--file", "a/b"],
        ["--file", ""],
        ["--name", "Ada"],
        ["--name", ""],
        ["--names", "a", "--names", "b"],
        ["--files", "a", "--files", "b/c"],
        ["--limit", "5"],
        ["--limit", "100"],
        ["--limit", "0"],
        ["--limit", "101"],
        ["--limit", "-1"],
        ["--limit", "x"],
        ["--limit", ""],
        ["--limit", "٣"],
        ["--limit", "007"],
        ["--limit", "1.0"],
        ["--limit", "0" * 30 + "7"],
        ["--port", "9" * 30],
        ["--share", "0.5"],
        ["--share", "-1"],
        ["--state", "open"],
        ["--state", "shut"],
        ["--flag"],
        ["--unknown"],
    ],
)
def test_words_are_read_and_refused_as_typer_does(words: list[str]) -> None:
    assert read(Command, words) == read(None, words)


def test_the_values_are_of_the_kinds_that_are_declared() -> None:
    words = ["--file", "a", "--names", "b", "--files", "c", "--limit", "5", "--share", "1", "--state", "open"]

    code, printed, _ = read(Command, words)

    assert code == 0
    assert printed == (
        "{'file': PosixPath('a'), 'names': ['b'], 'files': [PosixPath('c')], 'limit': 5, 'share': 1.0, "
        "'state': <State.OPEN: 'open'>}\n"
    )
