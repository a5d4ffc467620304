"""Options and commands as other tools call them, and what they are called here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typer._click import Context
    from typer._click.exceptions import NoSuchOption, UsageError

_INPUT, _LIMIT, _JSON = ("--input",), ("--limit",), ("--json", "--output")
#: What an option of another tool may be here; the first that the command has is meant.
OPTIONS = {
    **dict.fromkeys(("-p", "--param", "--parameter", "--params", "--inputs"), _INPUT),
    **dict.fromkeys(("--arg", "--args"), _INPUT),
    **dict.fromkeys(("--data", "--set", "--var", "--vars", "--variable", "--conf", "--kwargs"), _INPUT),
    **dict.fromkeys(("-n", "--max", "--count", "--head", "--tail", "--size", "--page-size"), _LIMIT),
    **dict.fromkeys(("-o", "-j", "--format", "--output-format", "--output"), _JSON),
    **dict.fromkeys(("-w", "--wait", "--follow", "--attach", "--stream"), ("--watch", "--follow")),
    **dict.fromkeys(("--detach", "--background", "--async", "--no-wait"), ("--no-watch",)),
    **dict.fromkeys(("--state", "-s", "--phase"), ("--status", "--state")),
    **dict.fromkeys(("-l", "--tag", "--tags", "--labels", "--selector"), ("--label",)),
    **dict.fromkeys(("--force", "--no-confirm", "--assume-yes", "--confirm"), ("--yes",)),
    **dict.fromkeys(("--url", "--address", "--api-url", "--endpoint", "--api"), ("--server",)),
    **dict.fromkeys(("--dry-run", "--plan", "--preview", "--check"), ("--dry-run", "--preview")),
    **dict.fromkeys(("--after", "--newer-than", "--start"), ("--since", "--from")),
    **dict.fromkeys(("--before", "--end"), ("--until", "--to")),
    **dict.fromkeys(("--filename", "--file"), ("--inputs-file", "--file")),
    **dict.fromkeys(("--id", "--execution-id", "--workflow-id"), ("--key", "--execution", "--workflow")),
    **dict.fromkeys(("--message", "--comment", "-m"), ("--reason",)),
    **dict.fromkeys(("--query", "--search", "-q", "--grep", "--filter"), ("--text",)),
    **dict.fromkeys(("--user", "--approver", "--who"), ("--by",)),
    **dict.fromkeys(("--tz", "--zone"), ("--timezone",)),
    "--interval": ("--every",),
}
#: What is done otherwise: command and option, and how.
OTHERWISE = {
    ("retry", "--input"): "the inputs stay; with others: ./headrace replay EXECUTION -i KEY=VALUE",
    ("apply", "-f"): "files are named without an option: ./headrace apply FILE",
    ("apply", "--file"): "files are named without an option: ./headrace apply FILE",
    ("apply", "--filename"): "files are named without an option: ./headrace apply FILE",
    ("validate", "-f"): "files are named without an option: ./headrace validate FILE",
    ("logs", "-f"): "it is -F, --follow",
}
#: What a command of another tool is called here.
COMMANDS = {
    "get": "show", "status": "show get", "describe": "show get", "inspect": "show get", "show": "get",
    "ls": "list", "ps": "list", "executions": "list", "runs": "list",
    "start": "run", "submit": "run", "exec": "run",
    "stop": "cancel", "terminate": "cancel", "kill": "cancel", "abort": "cancel",
    "rerun": "replay", "restart": "replay",
    "delete": "purge", "rm": "purge delete", "remove": "purge delete",
    "deploy": "apply", "register": "apply", "create": "apply", "push": "apply",
    "lint": "validate", "check": "validate",
    "server": "dev", "serve": "dev", "up": "dev",
    "follow": "watch", "stats": "statistics", "dlq": "dead",
    "workflow": "workflows", "schedule": "schedules", "webhook": "webhooks", "worker": "workers",
    "version": "--version", "help": "--help",
}  # fmt: skip


def explain_option(error: NoSuchOption, context: Context) -> None:
    """Say in an error what the option is called here, where that is known."""
    word = error.option_name
    here = {each: param.opts for param in context.command.params for each in param.opts}
    here |= {each: [each] for param in context.command.params for each in param.secondary_opts}
    means = OPTIONS.get(word, ())
    hint = _otherwise(context.info_name or "", (word, *means))
    if hint is None and (found := next((each for each in means if each in here), None)) is not None:
        hint = f"did you mean {' or '.join(here[found])}?"
    if hint is not None:
        error.message, error.possibilities = f"{error.message}; {hint}", None


def _otherwise(command: str, words: Iterable[str]) -> str | None:
    names = ("--input" if word == "-i" else word for word in words)
    return next((OTHERWISE[command, each] for each in names if (command, each) in OTHERWISE), None)


def explain_command(error: UsageError, word: str, known: Iterable[str]) -> None:
    """Say in an error what a command is called here, where that is known."""
    likely = COMMANDS.get(word, "").split()
    meant = next((each for each in likely if each.startswith("-") or each in known), None)
    if meant is not None:
        unknown = error.message.partition(" Did you mean")[0].rstrip(".")
        error.message = f"{unknown}. Did you mean {meant!r}?"
