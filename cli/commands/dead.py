"""`./headrace dead`: nodes that used up their tries or were poison; run them again, or forget them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_server, usage_error
from cli.commands.bulk import Bulk
from cli.commands.many import DryRunOption, YesOption
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
EntriesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[ENTRY]...", help="Ids of entries, as `dead` lists them.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All of the list.")]
NameOption = Annotated[str | None, typer.Option("--name", help="All of executions of this name.")]
NodeOption = Annotated[str | None, typer.Option("--node", help="All of this node, its items too.")]
#: Does something to an entry; gives the answer of the server, where there is one.
Verb = Callable[["AsyncClient", "DeadLetter"], Awaitable[Mapping[str, Any] | None]]

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
def requeue(
    entries: EntriesArgument = None,
    every: AllOption = False,
    name: NameOption = None,
    node: NodeOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    server: ServerOption = None,
) -> None:
    """Run the failed part of executions again.

    Of the entries that are named, or of all that --name and --node choose. Several of one execution run
    again together. Exit code: 0, or 1 if any of them was refused.
    """
    if entries and len(entries) == 1 and not (every or name or node):
        call_server(server, partial(_requeue_one, entries[0]))
    choice = Choice("requeue", entries or (), every=every, name=name, node=node)

    async def act(client: AsyncClient) -> int:
        found = await choice.find(client)
        # The first of an execution takes the others along: retried one by one they would be refused.
        firsts = {entry.execution_id: entry for entry in reversed(found)}
        work = _work("requeue", _requeue, "executions that run again:")
        return await work.carry_out(
            client, found if dry_run else list(firsts.values()), dry_run=dry_run, asks=choice.asks(yes)
        )

    call_server(server, act)


@dead.command()
def drop(
    entries: EntriesArgument = None,
    every: AllOption = False,
    name: NameOption = None,
    node: NodeOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    server: ServerOption = None,
) -> None:
    """Forget entries. Their executions stay as they are.

    Those that are named, or all that --name and --node choose. Exit code: 0, or 1 if any was refused.
    """
    if entries and len(entries) == 1 and not (every or name or node):
        call_server(server, partial(_drop_one, entries[0]))
    choice = Choice("drop", entries or (), every=every, name=name, node=node)

    async def act(client: AsyncClient) -> int:
        found = await choice.find(client)
        work = _work("drop", _drop, "dropped")
        return await work.carry_out(client, found, dry_run=dry_run, asks=choice.asks(yes))

    call_server(server, act)


class Choice:
    """Which entries a command is about. Raises Exit where neither some are named nor any chosen."""

    def __init__(
        self, command: str, named: Sequence[str], *, every: bool, name: str | None, node: str | None
    ) -> None:
        self._named, self._name, self._node = frozenset(named), name, node
        if bool(named) == bool(every or name or node):
            message = "name one ENTRY or several, or choose: --all, --name, --node"
            raise usage_error(f"dead {command}", ValueError(message))

    async def find(self, client: AsyncClient) -> list[DeadLetter]:
        """Read the list for them. Raises Exit for an entry that is named and not there."""
        listed = [each async for each in client.dead_letters.list()]
        if missing := self._named - {each.entry_id for each in listed}:
            typer.echo(f"refused: no entry {printable(min(missing))!r}; list them: ./headrace dead", err=True)
            raise typer.Exit(ExitCode.USAGE)
        return [each for each in listed if self._takes(each)]

    def asks(self, yes: bool) -> bool:
        """Whether to ask before what was not named one by one."""
        return not (self._named or yes)

    def _takes(self, entry: DeadLetter) -> bool:
        if self._named:
            return entry.entry_id in self._named
        node = entry.node_id.partition("[")[0]
        return self._name in (None, entry.name) and self._node in (None, entry.node_id, node)


def _work(command: str, verb: Verb, words: str) -> Bulk[DeadLetter]:
    return Bulk(
        command,
        verb,
        name_of=lambda entry: f"{entry.entry_id} ({entry.node_id} of {entry.execution_id})",
        row_of=lambda entry: "  ".join(_row(entry)),
        kind_of=lambda entry: f"of {entry.name}",
        words=words,
    )


async def _requeue(client: AsyncClient, entry: DeadLetter) -> dict[str, Any]:
    return await client.dead_letters.requeue(entry.entry_id)


async def _drop(client: AsyncClient, entry: DeadLetter) -> None:
    await client.dead_letters.drop(entry.entry_id)


async def _requeue_one(entry_id: str, client: AsyncClient) -> int:
    done = await client.dead_letters.requeue(entry_id)
    typer.echo(printable(f"runs again: {done['execution_id']}"))
    return ExitCode.SUCCESS


async def _drop_one(entry_id: str, client: AsyncClient) -> int:
    await client.dead_letters.drop(entry_id)
    typer.echo("dropped")
    return ExitCode.SUCCESS


def _table(found: Sequence[DeadLetter]) -> Iterator[str]:
    return table_lines(("ENTRY", "EXECUTION", "WORKFLOW", "NODE", "AT", "REASON"), map(_row, found))


def _row(entry: DeadLetter) -> tuple[str, ...]:
    from cli.output.progress import error_text

    why = f"{entry.reason}, attempt {entry.attempt}"
    if text := excerpt(error_text(entry.error), ERROR_CHARS):
        why += f": {text}"
    return entry.entry_id, entry.execution_id, entry.name, entry.node_id, entry.at or "-", why
