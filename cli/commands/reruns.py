"""`./headrace retry`, `replay` and `fork`: run again what has run, in place, anew, or in part."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.run import read_definition, read_inputs
from cli.commands.watch import (
    ExitCode,
    JsonOption,
    PlainOption,
    ServerOption,
    TimeoutOption,
    call_server,
    follow,
)

if TYPE_CHECKING:
    from clients.headrace.client import Client

ExecutionArgument = Annotated[str, typer.Argument(help="The execution's id.")]
PreviewOption = Annotated[bool, typer.Option("--preview", help="Say what would run, and change nothing.")]
WatchOption = Annotated[
    bool, typer.Option("--watch/--no-watch", help="Show it to its end, or print its id and leave.")
]
InputsOption = Annotated[
    list[str] | None,
    typer.Option(
        "-i", "--input", metavar="KEY=VALUE", help="An input to override; JSON where it parses, else text."
    ),
]


def retry(
    execution_id: ExecutionArgument,
    preview: PreviewOption = False,
    watch: WatchOption = True,
    server: ServerOption = None,
    plain: PlainOption = False,
    as_json: JsonOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Run the failed part of an execution again, in place: what completed stays.

    Exit code: as `run`.
    """

    async def act(client: Client) -> int:
        planned = await client.executions.retry(execution_id, preview=True)
        if preview:
            _list("runs again", planned.nodes or ())
            return ExitCode.SUCCESS
        # With its generation: should somebody else be retrying it too, it is retried once.
        await client.executions.retry(execution_id, generation=planned.generation)
        if not watch:
            typer.echo(execution_id)
            return ExitCode.SUCCESS
        return await follow(client, execution_id, is_plain=plain, is_json=as_json, timeout_s=timeout)

    call_server(server, act)


def replay(
    execution_id: ExecutionArgument,
    inputs: InputsOption = None,
    watch: WatchOption = True,
    server: ServerOption = None,
    plain: PlainOption = False,
    as_json: JsonOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Start a new execution of the same definition, with the same inputs or some of them changed.

    Exit code: as `run`.
    """
    values = _inputs("replay", inputs)

    async def act(client: Client) -> int:
        made = (await client.executions.replay(execution_id, inputs=values)).execution_id
        if not watch:
            typer.echo(made)
            return ExitCode.SUCCESS
        return await follow(client, made, is_plain=plain, is_json=as_json, timeout_s=timeout)

    call_server(server, act)


def fork(
    execution_id: ExecutionArgument,
    from_node: Annotated[
        str | None, typer.Option("--from", metavar="NODE", help="A node to run again, with all behind it.")
    ] = None,
    inputs: InputsOption = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="A changed definition, as JSON or YAML.")
    ] = None,
    preview: PreviewOption = False,
    watch: WatchOption = True,
    server: ServerOption = None,
    plain: PlainOption = False,
    as_json: JsonOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Start a new execution that keeps the outputs of every node a change does not reach.

    The change is a node, a definition, inputs, or all of these. Exit code: as `run`.
    """
    values = _inputs("fork", inputs)
    definition = _definition(file)

    async def act(client: Client) -> int:
        made = await client.executions.fork(
            execution_id, from_node=from_node, definition=definition, inputs=values, preview=preview
        )
        if made.execution_id is None:
            for words, nodes in (("runs", made.nodes), ("keeps", made.reused), ("skips", made.skipped)):
                _list(words, nodes)
            return ExitCode.SUCCESS
        if not watch:
            typer.echo(made.execution_id)
            return ExitCode.SUCCESS
        return await follow(client, made.execution_id, is_plain=plain, is_json=as_json, timeout_s=timeout)

    call_server(server, act)


def _list(words: str, nodes: tuple[str, ...]) -> None:
    typer.echo(f"{words} {len(nodes)}: {', '.join(nodes) or '–'}")


def _inputs(command: str, pairs: list[str] | None) -> dict[str, Any] | None:
    try:
        return read_inputs(pairs or [], None)
    except ValueError as error:
        raise _usage(command, error) from None


def _definition(file: Path | None) -> dict[str, Any] | str | None:
    try:
        return None if file is None else read_definition(file)
    except ValueError as error:
        raise _usage("fork", error) from None


def _usage(command: str, error: ValueError) -> typer.Exit:
    typer.echo(f"headrace {command}: {error}", err=True)
    return typer.Exit(ExitCode.USAGE)
