"""`./headrace dead`: nodes that used up their tries or were poison; run them again, or forget them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

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
    list[str] | None, typer.Argument(metavar="ENTRY", help="Ids of entries, as `dead` lists them.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All of the list.")]
NameOption = Annotated[str | None, typer.Option("--name", help="All of executions of this name.")]
NodeOption = Annotated[str | None, typer.Option("--node", help="All of this node, its items too.")]
#: Does something to the entry of an id; gives the answer of the server, {} where there is none.
Verb = Callable[["AsyncClient", str], Awaitable[Mapping[str, Any]]]

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
    name: NameOption = None,
    node: NodeOption = None,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List nodes that used up their tries or were poison, newest first."""
    if (verb := context.invoked_subcommand) is not None:
        if name or node:
            # Left out in silence, they would let `dead --name pay drop --all` drop everything.
            message = f"--name and --node stand behind the verb: dead {verb} --name …"
            raise usage_error("dead", ValueError(message))
        return

    async def act(client: AsyncClient) -> int:
        chosen = Chosen("list", (), every=True, name=name, node=node)
        listed = client.dead_letters.list(limit=None if name or node else limit)
        found: list[DeadLetter] = []
        async for each in listed:
            if len(found) >= limit:
                break
            if chosen.takes(each):
                found.append(each)
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
    chosen = Chosen("requeue", entries or (), every=every, name=name, node=node)
    words = ("runs again: {execution_id}", "executions that run again:")
    _act(server, chosen, _requeue, words, narrow=_one_of_each_execution, dry_run=dry_run, yes=yes)


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
    chosen = Chosen("drop", entries or (), every=every, name=name, node=node)
    _act(server, chosen, _drop, ("dropped", "dropped"), narrow=list, dry_run=dry_run, yes=yes)


class Chosen:
    """The entries that a command is about. Raises Exit where neither some are named nor any chosen."""

    def __init__(
        self, command: str, named: Sequence[str], *, every: bool, name: str | None, node: str | None
    ) -> None:
        self.command = command
        self.named = tuple(dict.fromkeys(named))
        self._name, self._node = name, node
        if bool(named) == bool(every or name or node):
            message = "name one ENTRY or several, or choose: --all, --name, --node"
            raise usage_error(f"dead {command}", ValueError(message))

    async def find(self, client: AsyncClient) -> list[DeadLetter]:
        """Read the list for them. Raises Exit for an entry that is named and not there."""
        listed = [each async for each in client.dead_letters.list()]
        if missing := set(self.named) - {each.entry_id for each in listed}:
            typer.echo(f"refused: no entry {printable(min(missing))!r}; list them: ./headrace dead", err=True)
            raise typer.Exit(ExitCode.USAGE)
        return [each for each in listed if self.takes(each)]

    def takes(self, entry: DeadLetter) -> bool:
        if self.named:
            return entry.entry_id in self.named
        node = entry.node_id.partition("[")[0]
        return self._name in (None, entry.name) and self._node in (None, entry.node_id, node)


def _act(
    server: str | None,
    chosen: Chosen,
    verb: Verb,
    words: tuple[str, str],
    *,
    narrow: Callable[[list[DeadLetter]], list[DeadLetter]],
    dry_run: bool,
    yes: bool,
) -> NoReturn:
    """Do what a command does to entries.

    words  for one that is named alone, and before the number of many.
    """
    one, many = words

    async def act_on_one(client: AsyncClient) -> int:
        typer.echo(printable(one.format(**await verb(client, chosen.named[0]))))
        return ExitCode.SUCCESS

    work: Bulk[DeadLetter] = Bulk(
        chosen.command,
        lambda client, entry: verb(client, entry.entry_id),
        name_of=lambda entry: f"{entry.entry_id} ({entry.node_id} of {entry.execution_id})",
        row_of=lambda entry: "  ".join(_row(entry)),
        kind_of=lambda entry: f"of {entry.name}",
        words=many,
    )

    async def act(client: AsyncClient) -> int:
        found = await chosen.find(client)
        return await work.carry_out(
            client, found if dry_run else narrow(found), dry_run=dry_run, asks=not (chosen.named or yes)
        )

    call_server(server, act_on_one if len(chosen.named) == 1 and not dry_run else act)


def _one_of_each_execution(found: list[DeadLetter]) -> list[DeadLetter]:
    """The newest of each takes the others along: requeued one by one they would be refused."""
    return list({entry.execution_id: entry for entry in reversed(found)}.values())


async def _requeue(client: AsyncClient, entry_id: str) -> Mapping[str, Any]:
    return await client.dead_letters.requeue(entry_id)


async def _drop(client: AsyncClient, entry_id: str) -> Mapping[str, Any]:
    await client.dead_letters.drop(entry_id)
    return {}


def _table(found: Sequence[DeadLetter]) -> Iterator[str]:
    return table_lines(("ENTRY", "EXECUTION", "WORKFLOW", "NODE", "AT", "REASON"), map(_row, found))


def _row(entry: DeadLetter) -> tuple[str, ...]:
    from cli.output.progress import error_text

    why = f"{entry.reason}, attempt {entry.attempt}"
    if text := excerpt(error_text(entry.error), ERROR_CHARS):
        why += f": {text}"
    return entry.entry_id, entry.execution_id, entry.name, entry.node_id, entry.at or "-", why
