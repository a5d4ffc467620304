"""Prints the reference of the commands from the command line itself, for `python -m docs.generate`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

from cli.__main__ import app

#: Options that nearly every command has; the page explains them once.
EVERYWHERE = {"--server", "--help"}
#: What the help shows at the end of a text: default, range, environment variable, whether it is required.
EXTRA = re.compile(r"\s*\[(?P<words>[^\[\]]+)\]$")
#: A range of numbers, as in `x>=0` and `0<=x<=64`.
RANGE = re.compile(r"\bx[<>]=|<=x\b")
#: The type of a value as the help shows it: of an argument it says nothing, of an option it is a choice.
TYPE = re.compile(r" <(?P<type>[^<>]+)>$")


def commands() -> str:
    """A table of all commands, then a section for each: usage, what it does, arguments and options."""
    root = get_command(app)
    context = typer.Context(root, info_name="./headrace")
    overview = ["| | |", "| --- | --- |"]
    sections: list[str] = []
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        overview.append(f"| [`{name}`](#{name}) | {(command.help or '').partition(chr(10))[0]} |")
        sections += _sections(command, typer.Context(command, info_name=name, parent=context), "##")
    return "\n".join([*overview, "", *sections])


def _sections(command: Any, context: typer.Context, mark: str) -> Iterator[str]:
    params = command.get_params(context)
    pieces = [piece for param in params for piece in param.get_usage_pieces(context)]
    if command.context_settings.get("allow_extra_args"):
        pieces.append("{args}...")
    yield f"{mark} {context.command_path.removeprefix('./headrace ')}\n"
    yield f"`{' '.join([context.command_path, *map(_argument, pieces)])}`\n"
    yield "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n")) + "\n"
    rows = [row for param in params if (row := _row(param, context))]
    if rows:
        yield "\n".join(["| | |", "| --- | --- |", *rows]) + "\n"
    for name, below in getattr(command, "commands", {}).items():
        yield from _sections(below, typer.Context(below, info_name=name, parent=context), "###")


def _argument(piece: str) -> str:
    """`{name}` as `NAME`, `{FILE}...` as `FILE…`, `[name]` as `[NAME]`; a choice keeps its braces."""
    single = re.fullmatch(r"(?P<mark>[{\[])(?P<name>[\w=-]+)[}\]](?P<several>\.\.\.)?", piece)
    if single is None:
        return piece
    name = single["name"].upper() + ("…" if single["several"] else "")
    return f"[{name}]" if single["mark"] == "[" else name


def _row(param: Any, context: typer.Context) -> str | None:
    """One line of the table, with the default behind the text; None for what every command has."""
    record = param.get_help_record(context)
    if record is None or EVERYWHERE & set(param.opts):
        return None
    usage, text = record
    shown = TYPE.search(usage)
    if shown is not None:
        is_option = param.param_type_name == "option"
        usage = TYPE.sub(f" {shown['type']}" if is_option else "", usage)
    extra = EXTRA.search(text)
    if extra is not None:
        words = [word.replace("(", "").replace(")", "") for word in extra["words"].split("; ")]
        kept = [word for word in words if word != "required" and not RANGE.search(word)]
        text = text[: extra.start()] + (f" ({', '.join(kept)})" if kept else "")
    first = usage if param.param_type_name == "option" else usage.upper().removesuffix("...")
    return f"| `{_cell(first)}` | {_cell(text)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
