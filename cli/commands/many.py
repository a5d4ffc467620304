"""Verbs for many executions at once: those that are named, or all that options choose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cli.commands.api_call import ExitCode, call_server, usage_error
from cli.commands.bulk import Bulk
from cli.commands.documents import read_labels
from cli.commands.options import EXECUTION_HELP
from cli.commands.times import rfc3339
from cli.output.text import printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Execution

#: What has not ended, and what a retry is for.
ACTIVE, FAILED = ("RUNNING", "PAUSED", "PENDING"), ("FAILED",)

#: Does something to an execution; gives the answer of the server, where there is one.
Verb = Callable[["AsyncClient", "Execution"], Awaitable[Mapping[str, Any] | None]]
ExecutionsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="EXECUTION", help=f"{EXECUTION_HELP} Several may be named.")
]
ChosenStatus = Annotated[
    list[str] | None, typer.Option("--status", help="All of this status; may be given several times.")
]
ChosenName = Annotated[str | None, typer.Option("--name", help="All of definitions of this name.")]
ChosenWorkflow = Annotated[
    str | None,
    typer.Option("--workflow", metavar="NAME", help="Those of this registered workflow; or its id."),
]
ChosenLabel = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME=VALUE", help="All with this label; may be repeated."),
]
ChosenSchedule = Annotated[
    str | None,
    typer.Option("--schedule", metavar="SCHEDULE", help="Those that this schedule started; or its id."),
]
ChosenWebhook = Annotated[
    str | None, typer.Option("--webhook", metavar="PATH", help="Those that this webhook started.")
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
    schedule: str | None = None
    webhook: str | None = None
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
        schedule: str | None,
        webhook: str | None,
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
        is_given = any((wanted, name, workflow, schedule, webhook, labels, since, until))
        return cls(
            wanted or statuses, name, workflow, schedule, webhook, labels or {}, since, until, is_given
        )

    def one_of(self, named: Sequence[str] | None, *, dry_run: bool) -> str | None:
        """Give the one execution to act on, where nothing else is named; None for many, and to list them."""
        return named[0] if named and len(named) == 1 and not (self.is_given or dry_run) else None

    async def find(self, client: AsyncClient) -> list[Execution]:
        """Give the executions that are chosen, but for those that nodes of others have started."""
        rows = client.executions.list(
            status=list(self.statuses),
            name=self.name,
            workflow=self.workflow,
            schedule=self.schedule,
            webhook=self.webhook,
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
        choices = "--status, --name, --workflow, --schedule, --webhook, --label, --since, --until"
        message = f"name one EXECUTION or several, or choose: {choices}"
        raise usage_error(command, ValueError(message))

    work = Bulk(
        command, verb, name_of=_id_of, row_of=_row, kind_of=lambda view: view.status, words=f"{command}: done"
    )

    async def act(client: AsyncClient) -> int:
        found = await _named(client, named) if named else await choice.find(client)
        asks = not named and not yes
        return await work.carry_out(client, found, dry_run=dry_run, asks=asks, as_json=as_json)

    call_server(server, act)


def _id_of(view: Execution) -> str:
    return view.execution_id


def _row(view: Execution) -> str:
    return f"{view.execution_id}  {view.created_at}  {view.status:<9}  {view.name}"


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
