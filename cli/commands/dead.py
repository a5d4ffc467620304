"""`./headrace dead`: nodes that used up their tries or were poison; run them again, or forget them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.api_call import ExitCode, call_server
from cli.commands.options import LimitOption, LinesOption, ServerOption
from cli.output.records import record_lines
from cli.output.tables import table_lines
from cli.output.text import excerpt, printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.records import DeadLetter

#: Of an error in the list.
ERROR_CHARS = 200
NONE = "no node has used up its tries or was poison; all that failed: ./headrace list --status FAILED"
EntryArgument = Annotated[str, typer.Argument(metavar="ENTRY", help="The entry's id, as `dead` lists it.")]

dead = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="List nodes that used up their tries; requeue or drop them.",
)


@dead.command("list")
@dead.callback()
def list_dead(
    context: typer.Context,
    limit: LimitOption = 50,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List nodes that used up their tries or were poison, newest first."""
    if context.invoked_subcommand is not None:
        return

    async def act(client: AsyncClient) -> int:
        found = [each async for each in client.dead_letters.list(limit=limit)]
        for line in record_lines(found, _table, none=NONE, as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


@dead.command()
def requeue(entry: EntryArgument, server: ServerOption = None) -> None:
    """Run the failed part of its execution again."""

    async def act(client: AsyncClient) -> int:
        done = await client.dead_letters.requeue(entry)
        typer.echo(printable(f"runs again: {done['execution_id']}"))
        return ExitCode.SUCCESS

    call_server(server, act)


@dead.command()
def drop(entry: EntryArgument, server: ServerOption = None) -> None:
    """Forget an entry. Its execution stays as it is."""

    async def act(client: AsyncClient) -> int:
        await client.dead_letters.drop(entry)
        typer.echo("dropped")
        return ExitCode.SUCCESS

    call_server(server, act)


def _table(found: Sequence[DeadLetter]) -> Iterator[str]:
    return table_lines(("ENTRY", "EXECUTION", "NODE", "AT", "REASON"), map(_row, found))


def _row(entry: DeadLetter) -> tuple[str, ...]:
    from cli.output.progress import error_text

    why = f"{entry.reason}, attempt {entry.attempt}"
    if text := excerpt(error_text(entry.error), ERROR_CHARS):
        why += f": {text}"
    return entry.entry_id, entry.execution_id, entry.node_id, entry.at or "-", why
