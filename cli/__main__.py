"""The command line: `./headrace …` or `python -m cli …`. `./headrace --help` lists the commands."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from cli.commands.command import Command, Group
from cli.output.text import write_what_can_be_written

#: Commands in the order of the help, each with its module; one that has commands of its own is a group.
COMMANDS = {
    "dev": "dev",
    "workflow-server": "workflow_server",
    "run": "run",
    "apply": "workflows",
    "workflows": "workflows",
    "schedules": "schedules",
    "webhooks": "webhooks",
    "validate": "validate",
    "simulate": "simulate",
    "watch": "watch",
    "trigger": "executions",
    "cancel": "executions",
    "list": "executions",
    "show": "executions",
    "explain": "executions",
    "logs": "logs",
    "children": "children",
    "items": "children",
    "retry": "reruns",
    "replay": "reruns",
    "fork": "reruns",
    "pause": "executions",
    "resume": "executions",
    "purge": "purge",
    "node": "nodes",
    "signal": "signals",
    "post": "signals",
    "approvals": "signals",
    "approve": "signals",
    "deny": "signals",
    "statistics": "statistics",
    "usage": "operations",
    "workers": "operations",
    "queues": "operations",
    "handlers": "operations",
    "dead": "dead",
    "deliveries": "deliveries",
    "keys": "keys",
    "tenants": "tenants",
    "redis": "redis",
    "doctor": "doctor",
    "test": "test",
}
#: Functions that cannot have the name of their command.
FUNCTIONS = {"workflow-server": "workflow_server", "list": "list_executions"}
#: What the script of a shell sets when it asks for completions.
COMPLETING = "_HEADRACE_COMPLETE"
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
CONTEXTS: dict[str, dict[str, Any]] = {"redis": PASS_ON | {"help_option_names": []}, "test": PASS_ON}


def print_version(is_wanted: bool) -> None:
    """Print which version this is, and of what Python, and end."""
    if not is_wanted:
        return
    import platform
    import tomllib

    from cli.stack.info import ROOT

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    typer.echo(f"headrace {project['version']} (Python {platform.python_version()}, {ROOT})")
    raise typer.Exit


def headrace(
    version: Annotated[
        bool,
        typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Headrace, a workflow engine on Redis Streams."""


def build(names: Iterable[str], *, is_list: bool = False) -> typer.Typer:
    """Build the command line with these commands; only their modules are imported.

    is_list  without their options and commands, which take as long to build as all else the list takes.
    """
    built = typer.Typer(
        name="headrace",
        cls=Group,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        # Plain help: the coloured one costs a quarter of a second of imports.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        callback=headrace,
    )
    for name in names:
        command = getattr(import_module(f"cli.commands.{COMMANDS[name]}"), FUNCTIONS.get(name, name))
        if is_list:
            built.command(name)(_only_listed(command))
        elif isinstance(command, typer.Typer):
            for each in command.registered_commands:
                each.cls = Command
            built.add_typer(command, name=name, cls=Group)
        else:
            built.command(name, cls=Command, context_settings=CONTEXTS.get(name))(command)
    return built


def _only_listed(command: Any) -> Callable[[], None]:
    def listed() -> None:
        raise AssertionError("a list of commands runs none")

    listed.__doc__ = command.info.help if isinstance(command, typer.Typer) else command.__doc__
    return listed


def lists_commands(words: Sequence[str]) -> bool:
    """Whether a command line does nothing but print the list of all commands."""
    # A shell that asks for completions types no words.
    return (not words and COMPLETING not in os.environ) or words[:1] in (["-h"], ["--help"])


def named_by(words: Sequence[str]) -> Iterable[str]:
    """The command that the words of a command line begin with; all of them where that is none.

    Building one takes a fifth of the time of all.
    """
    return words[:1] if words and words[0] in COMMANDS else COMMANDS


if __name__ == "__main__":
    # What is imported stays: looking through it for garbage again and again is a tenth of a short command.
    gc.set_threshold(50_000)
    write_what_can_be_written()
    typed = sys.argv[1:]
    build(named_by(typed), is_list=lists_commands(typed))(prog_name="headrace")
else:
    app = build(COMMANDS)
