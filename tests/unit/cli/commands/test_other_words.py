"""Options and commands as other tools call them are refused with what they are called here."""

from __future__ import annotations

import pytest
from typer.main import get_command

from cli.__main__ import app
from cli.commands.other_words import COMMANDS, OPTIONS, OTHERWISE
from tests.unit.cli.commands.invoking import run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "retry -i a=1 x",
            "No such option: -i; the inputs stay; with others: ./headrace replay EXECUTION -i",
        ),
        ("retry --input a=1 x", "No such option: --input; the inputs stay; with others: ./headrace replay"),
        ("retry --param a=1 x", "No such option: --param; the inputs stay; with others: ./headrace replay"),
        ("run --inputs a=1 x", "No such option: --inputs; did you mean -i or --input?"),
        ("run -p a=1 x", "No such option: -p; did you mean -i or --input?"),
        ("run x --detach", "No such option: --detach; did you mean --no-watch?"),
        ("list --state RUNNING", "No such option: --state; did you mean --status?"),
        ("workflows -n 5", "No such option: -n; did you mean --limit?"),
        ("list --format json", "No such option: --format; did you mean --json?"),
        ("apply -f x.yaml", "No such option: -f; files are named without an option: ./headrace apply FILE"),
        ("list --stat x", "No such option: --stat (Possible options: --status"),
        ("show --zzz x", "No such option: --zzz"),
        ("get x", "No such command 'get'. Did you mean 'show'?"),
        ("stop x", "No such command 'stop'. Did you mean 'cancel'?"),
        ("workflows describe x", "No such command 'describe'. Did you mean 'get'?"),
        ("workflows remove x", "No such command 'remove'. Did you mean 'delete'?"),
        ("zzz", "No such command 'zzz'."),
    ],
)
def test_the_error_names_what_is_meant(words: str, message: str) -> None:
    code, lines = run(*words.split())

    assert code == 2
    assert f"Error: {message}" in lines[-1]


def test_every_word_that_is_suggested_is_one_of_a_command() -> None:
    commands = list(get_command(app).commands.values())  # type: ignore[attr-defined]
    commands += [each for group in commands for each in getattr(group, "commands", {}).values()]
    options = {
        word
        for command in commands
        for param in command.params
        for word in (*param.opts, *param.secondary_opts)
    }

    assert {each for meant in OPTIONS.values() for each in meant} <= options
    assert {each for meant in COMMANDS.values() for each in meant.split()} <= {
        "--version", "--help", *(command.name for command in commands)
    }  # fmt: skip
    assert {command for command, _ in OTHERWISE} <= {command.name for command in commands}
