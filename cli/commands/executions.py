"""`./headrace trigger`, `cancel`, `list`, `show`, `explain`: start and end executions, and look at them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.run import read_inputs
from cli.commands.watch import ExitCode, ServerOption, call_server

if TYPE_CHECKING:
    from clients.headrace.client import Client
    from clients.headrace.views import ExecutionView, NodeView

ExecutionArgument = Annotated[str, typer.Argument(help="The execution's id.")]
AnswerOption = Annotated[bool, typer.Option("--json", help="Print the server's answer as JSON.")]
LinesOption = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]


def trigger(
    execution_id: ExecutionArgument,
    inputs: Annotated[
        list[str] | None,
        typer.Option("-i", "--input", metavar="KEY=VALUE", help="An input; JSON where it parses, else text."),
    ] = None,
    inputs_file: Annotated[
        Path | None, typer.Option("-f", "--inputs-file", help="A JSON object of inputs; -i beats it.")
    ] = None,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Start an execution that has been submitted; again is harmless."""
    try:
        values = read_inputs(inputs or [], inputs_file)
    except ValueError as error:
        typer.echo(f"headrace trigger: {error}", err=True)
        raise typer.Exit(ExitCode.USAGE) from None

    async def act(client: Client) -> int:
        done = await client.executions.trigger(execution_id, inputs=values)
        typer.echo(_json(done) if as_json else f"{done['status']}{' already' * done['already']}")
        return ExitCode.SUCCESS

    call_server(server, act)


def cancel(
    execution_id: ExecutionArgument,
    grace: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="How long what runs may still finish: seconds, or 30s, 5m.",
            show_default="30s",
        ),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; kept in the history.")] = None,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Cancel an execution: nothing more starts, and what runs is told to end."""

    async def act(client: Client) -> int:
        done = await client.executions.cancel(execution_id, reason=reason, grace=_number(grace))
        if as_json:
            typer.echo(_json(done))
        elif done["status"] == "CANCELLED":
            typer.echo("CANCELLED")
        else:
            typer.echo(f"{done['status']}, being cancelled: what runs may finish within its grace")
        return ExitCode.SUCCESS

    call_server(server, act)


def list_executions(
    status: Annotated[str | None, typer.Option(help="Only those that are RUNNING, FAILED, …")] = None,
    name: Annotated[str | None, typer.Option(help="Only those of this workflow.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List executions, newest first."""
    asked = {"status": status.upper() if status else None, "name": name}
    filters = {key: value for key, value in asked.items() if value is not None}

    async def act(client: Client) -> int:
        found = [view async for view in client.executions.list(limit=limit, **filters)]
        width = max((len(view.name) for view in found), default=0)
        for view in found:
            typer.echo(_json(view.document) if as_json else _row(view, width))
        if not found and not as_json:
            typer.echo("no such execution" if filters else "no execution yet")
        return ExitCode.SUCCESS

    call_server(server, act)


def show(execution_id: ExecutionArgument, as_json: AnswerOption = False, server: ServerOption = None) -> None:
    """Show where an execution and each of its nodes stand."""

    async def act(client: Client) -> int:
        view = await client.executions.get(execution_id)
        for line in [_json(view.document)] if as_json else as_text(view):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


def explain(
    execution_id: ExecutionArgument, as_json: LinesOption = False, server: ServerOption = None
) -> None:
    """Say what every unfinished node waits for, and what will wake it."""

    async def act(client: Client) -> int:
        for found in await client.executions.explain(execution_id):
            if as_json:
                typer.echo(_json(found))
                continue
            typer.echo(printable(f"{found['node_id'] or 'execution'}  {found['status']}"))
            typer.echo(printable(f"  waits for  {found['waiting_for']}"))
            typer.echo(printable(f"  woken by   {found['wakes']}"))
        return ExitCode.SUCCESS

    call_server(server, act)


def as_text(view: ExecutionView) -> Iterator[str]:
    """An execution in lines: where it stands, its nodes in definition order, and what it came to."""
    from cli.output.progress import MARKS, error_text, shorten

    why = view.reason or view.cancelling
    yield f"{view.name} {view.execution_id}"
    yield f"  {view.status}{_took(view.took_s())}" + (f" ({why})" if why else "")
    if paused := view.document.get("paused"):
        words = [f"by {paused['by']}"] if paused["by"] else []
        words += [f"since {paused['since']}", *([paused["reason"]] if paused["reason"] else [])]
        yield printable(f"  paused {', '.join(words)}")
    yield f"  created {view.created_at}"
    for label, field in (("replay of", "replay_of"), ("forked from", "forked_from")):
        if source := view.document.get(field):
            yield f"  {label} {source}"
    if parent := view.document.get("parent"):
        yield f"  child of {parent['execution_id']} {parent['node_id']}"
    if view.inputs:
        yield f"  inputs {shorten(view.inputs)}"
    width = max((len(node.node_id) for node in view.nodes), default=0)
    for node in view.nodes:
        line = f"  {MARKS.get(node.status, '?')[0]} {node.node_id:<{width}}  {node.status:<9}"
        yield printable(f"{line}  {'  '.join(_words(node))}".rstrip())
    if view.output_error is not None:
        yield printable(f"  ✗ output: {error_text(view.output_error)}")
    if view.output is not None:
        yield f"  = {shorten(view.output)}"


def _words(node: NodeView) -> Iterator[str]:
    """What a node's status leaves open."""
    from cli.output.progress import error_text
    from clients.headrace.views import seconds_between

    if node.status == "WAITING":
        yield f"on {node.waiting_on}" + (f" until {node.due_at}" if node.due_at else "")
    if node.items is not None:
        failed = f", {node.items['failed']} failed" if node.items["failed"] else ""
        yield f"{node.items['completed']} of {node.items['total']} items{failed}"
    if node.reason and not node.error:
        yield node.reason
    if node.try_number > 1:
        yield f"try {node.try_number} of {max(node.max_attempts, node.try_number)}"
    if node.error is not None:
        yield " ".join(error_text(node.error).split())[:200]
    elif node.status in ("RUNNING", "COMPLETED") and not node.reused:
        yield _took(seconds_between(node.started_at, node.ended_at)).strip()
    if node.reused:
        yield "kept by the fork"


def _row(view: ExecutionView, width: int) -> str:
    why = view.reason if view.status == "FAILED" else None
    took = f"{_took(view.took_s())}" if view.started_at else ""
    text = f"{view.execution_id}  {view.name:<{width}}  {view.created_at}  {view.status}{took}"
    return text + (f" ({why})" if why else "")


def _took(seconds: float | None) -> str:
    return "" if seconds is None else f"  {seconds:.1f} s"


def printable(text: str) -> str:
    """Text that a terminal can be shown: control characters as escapes."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False)


def _number(text: str | None) -> float | str | None:
    """A grace as the server reads it: seconds as a number, everything else as it is."""
    is_number = text is not None and text.replace(".", "", 1).isdecimal()
    return float(text) if is_number and text is not None else text
