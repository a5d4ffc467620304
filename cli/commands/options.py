"""Arguments and options that more than one command takes, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXECUTION_HELP = (
    "The execution: its id, the beginning of it, its key, or `last`: the newest that neither a schedule nor a"
    " webhook has started."
)
ExecutionArgument = Annotated[str, typer.Argument(metavar="EXECUTION", help=EXECUTION_HELP)]
NodeArgument = Annotated[
    str, typer.Argument(metavar="NODE", help="The node's id; NODE[INDEX] for an item of a map.")
]

InputsOption = Annotated[
    list[str] | None,
    typer.Option(
        "-i", "--input", metavar="KEY=VALUE", help="An input, read by the type its schema gives it."
    ),
]
InputsFileOption = Annotated[
    Path | None, typer.Option("-f", "--inputs-file", help="A JSON object of inputs; -i overrides it.")
]
TriggerFileOption = Annotated[
    Path | None,
    typer.Option("--trigger-file", help="A JSON object that templates read as `trigger`; - reads stdin."),
]
LabelsOption = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME=VALUE", help="A label; may be given several times."),
]
VersionOption = Annotated[
    int | None,
    typer.Option("--version", min=1, help="A version of the registered workflow.", show_default="the newest"),
]
ServerOption = Annotated[
    str | None,
    typer.Option("--server", help="Address of the API.", show_default="API_URL, else the stack"),
]

WatchOption = Annotated[
    bool, typer.Option("--watch/--no-watch", help="Follow it to its end, or print its id and exit.")
]
PlainOption = Annotated[
    bool, typer.Option("--plain", help="One line per event, as when output is no terminal.")
]
StateOption = Annotated[
    bool, typer.Option("--json", help="Print the final state as JSON; progress to stderr.")
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]
AnswerOption = Annotated[bool, typer.Option("--json", help="Print the server's answer as JSON.")]
LinesOption = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]
TimeoutOption = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", min=0, help="Stop watching after so long (exit code 124)."),
]
PreviewOption = Annotated[bool, typer.Option("--preview", help="Say what would run, and change nothing.")]

DeciderOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides; kept in the history.")]
RequesterOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who asks for it; kept in the history.")
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why; kept in the history.")]
