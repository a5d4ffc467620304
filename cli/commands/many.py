"""Verbs for many executions at once: those that are named, or all that options choose."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cli.commands.api_call import ExitCode, call_server, refusal, usage_error
from cli.commands.documents import read_labels
from cli.commands.options import EXECUTION_HELP
from cli.commands.times import rfc3339
from cli.output.text import json_line, printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Execution

#: What has not ended, and what a retry is for.
ACTIVE, FAILED = ("RUNNING", "PAUSED", "PENDING"), ("FAILED",)
#: Calls under way at once.
AT_ONCE = 8

#: Does something to an execution; gives the answer of the server, where there is one.
Verb = Callable[["AsyncClient", "Execution"], Awaitable[Mapping[str, Any] | None]]
ExecutionsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[EXECUTION]...", help=f"{EXECUTION_HELP} Several may be named.")
]
ChosenStatus = Annotated[
    list[str] | None, typer.Option("--status", help="All of this status; may be given several times.")
]
ChosenName = Annotated[str | None, typer.Option("--name", help="All of definitions of this name.")]
ChosenWorkflow = Annotated[
    str | None, typer.Option("--workflow", metavar="NAME", help="All of this registered workflow; or its id.")
]
ChosenLabel = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME=VALUE", help="All with this label; may be repeated."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="List what would be done, and change nothing.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which executions options choose; none where no option was given.

    statuses  those that are looked for.
    """

    statuses: Sequence[str]
    name: str | None = None
    workflow: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    is_given: bool = False

    @classmethod
    def of(
        cls,
        command: str,
        statuses: Sequence[str],
        *,
        status: Sequence[str] | None,
        name: str | None,
        workflow: str | None,
        label: Sequence[str] | None,
        since: datetime | None,
        until: datetime | None,
    ) -> Choice:
        """Read the options of a command. statuses: those that it is for. Raises Exit."""
        try:
            labels = read_labels(list(label) if label else None)
        except ValueError as error:
            raise usage_error(command, error) from None
        wanted = tuple(each.upper() for each in status or ())
        is_given = any((wanted, name, workflow, labels, since, until))
        return cls(wanted or statuses, name, workflow, labels or {}, since, until, is_given)

    def one_of(self, named: Sequence[str] | None) -> str | None:
        """Give the one execution that is named, where nothing else is; None for many."""
        return named[0] if named and len(named) == 1 and not self.is_given else None

    async def find(self, client: AsyncClient) -> list[Execution]:
        """Give the executions that are chosen, but for those that nodes of others have started."""
        rows = client.executions.list(
            status=list(self.statuses),
            name=self.name,
            workflow=self.workflow,
            labels=self.labels,
            parent="none",
            created_after=rfc3339(self.since),
            created_before=rfc3339(self.until),
        )
        return [view async for view in rows]


def act_on_many(
    server: str | None,
    command: str,
    choice: Choice,
    named: Sequence[str],
    verb: Verb,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool = False,
) -> NoReturn:
    """Do what a command does to the executions that are named, or to all that options choose.

    as_json  print what the server answers to each, or what would be done, as JSON lines.
    """
    if bool(named) == choice.is_given:
        message = "name one EXECUTION or several, or choose: --status, --name, --workflow, --label, --since"
        raise usage_error(command, ValueError(message))

    async def act(client: AsyncClient) -> int:
        found = await _named(client, named) if named else await choice.find(client)
        if dry_run:
            for view in found:
                row = f"{view.execution_id}  {view.created_at}  {view.status:<9}  {view.name}"
                typer.echo(json_line(view.document) if as_json else printable(row))
        counts = Counter(view.status for view in found)
        kinds = ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items()))
        typer.echo(f"{len(found):,} found{': ' if kinds else ''}{kinds}", err=as_json)
        if dry_run or not found:
            return ExitCode.SUCCESS
        asks = not named and not yes and sys.stdin.isatty()
        if asks and not typer.confirm(f"{command.capitalize()} them?"):
            return ExitCode.CANCELLED
        return await each_of(client, found, verb, f"{command}: done", as_json=as_json)

    call_server(server, act)


async def each_of(
    client: AsyncClient,
    found: Sequence[Execution],
    verb: Verb,
    words: str,
    *,
    as_json: bool = False,
) -> int:
    """Do the same to each, and say to how many; gives the exit code."""
    import asyncio

    from headrace.errors import ApiError, NotFound

    done, refused, slots = 0, 0, asyncio.Semaphore(AT_ONCE)

    async def act_on(view: Execution) -> None:
        nonlocal done, refused
        async with slots:
            try:
                answer = await verb(client, view)
            except NotFound:
                return  # somebody else was faster
            except ApiError as error:
                if error.status >= 500:
                    raise
                refused += 1
                typer.echo(f"{view.execution_id}: {refusal(error)}", err=True)
                return
            done += 1
            if as_json:
                typer.echo(json_line(answer))

    for first in range(0, len(found), 1_000):
        async with asyncio.TaskGroup() as group:
            for view in found[first : first + 1_000]:
                group.create_task(act_on(view))
    typer.echo(f"{words} {done:,}", err=as_json)
    return ExitCode.FAILED if refused else ExitCode.SUCCESS


async def _named(client: AsyncClient, named: Sequence[str]) -> list[Execution]:
    from cli.commands.execution_ids import NotOneExecution, find_execution_id
    from headrace.errors import NotFound

    found: dict[str, Execution] = {}
    for each in named:
        try:
            view = await client.executions.get(await find_execution_id(client, each))
        except NotOneExecution as error:
            raise _refused(str(error)) from None
        except NotFound:
            missing = f"no execution {printable(each)!r} at {client.base_url}; see ./headrace list"
            raise _refused(missing) from None
        found[view.execution_id] = view
    return list(found.values())


def _refused(why: str) -> typer.Exit:
    typer.echo(f"refused: {why}", err=True)
    return typer.Exit(ExitCode.USAGE)
