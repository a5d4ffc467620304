"""`./headrace purge`: one execution that has ended, or all that ended long enough ago."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.api_call import ExitCode, call_about, call_server, usage_error
from cli.commands.bulk import Bulk
from cli.commands.many import DryRunOption, YesOption
from cli.commands.options import EXECUTION_HELP, LinesOption, ServerOption
from cli.commands.times import read_age

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Execution

#: What can be purged; PENDING was never started.
STATUSES = ("COMPLETED", "FAILED", "CANCELLED", "PENDING")


def purge(
    execution_id: Annotated[str | None, typer.Argument(metavar="EXECUTION", help=EXECUTION_HELP)] = None,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help="All that ended longer ago than this: 30d, 12h."),
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option("--status", help=f"Only those; may be given several times: {', '.join(STATUSES)}."),
    ] = None,
    workflow: Annotated[
        str | None, typer.Option("--workflow", help="Only executions of this registered workflow.")
    ] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """Remove an ended execution for good, or all older ones.

    History, outputs and children go with it. One that was never started may be removed too; what runs has to
    be cancelled first. A terminal is asked before more than one is purged. Exit code: 0, or 1 if any of them
    was refused.
    """
    try:
        wanted = _statuses(status)
        if (execution_id is None) == (older_than is None):
            raise ValueError("name one EXECUTION, or all that are older: --older-than 30d")
        if execution_id is not None and (status or workflow or dry_run):
            raise ValueError("--status, --workflow and --dry-run go with --older-than")
        before = None if older_than is None else datetime.now(UTC) - read_age(older_than)
    except ValueError as error:
        raise usage_error("purge", error) from None

    async def purge_it(client: AsyncClient, execution_id: str) -> int:
        await client.executions.purge(execution_id)
        typer.echo("purged")
        return ExitCode.SUCCESS

    async def act(client: AsyncClient) -> int:
        assert before is not None
        found = await _older(client, before, wanted, workflow)
        work = Bulk(
            "purge", _purge, name_of=lambda view: view.execution_id, row_of=_row,
            kind_of=lambda view: view.status, words="purged", summary=partial(_summary, before=before),
        )  # fmt: skip
        return await work.carry_out(client, found, dry_run=dry_run, asks=not yes, as_json=as_json)

    if execution_id is not None:
        call_about(server, execution_id, purge_it)
    call_server(server, act)


async def _older(
    client: AsyncClient, before: datetime, statuses: Sequence[str], workflow: str | None
) -> list[Execution]:
    """What ended before a moment, or was made before it and never started; children go with their roots."""
    found = client.executions.list(
        created_before=before.isoformat(),
        workflow=(await client.workflows.get(workflow)).workflow_id if workflow is not None else None,
        status=statuses[0] if len(statuses) == 1 else None,
    )
    return [
        view
        async for view in found
        if view.status in statuses and not view.document.get("parent") and _over_at(view) < before
    ]


async def _purge(client: AsyncClient, view: Execution) -> None:
    await client.executions.purge(view.execution_id)


def _over_at(view: Execution) -> datetime:
    return datetime.fromisoformat(str(view.document.get("ended_at") or view.document["created_at"]))


def _row(view: Execution) -> str:
    over_at = view.document.get("ended_at") or view.document["created_at"]
    return f"{view.execution_id}  {over_at}  {view.status:<9}  {view.name}"


def _summary(found: Sequence[Execution], before: datetime) -> str:
    when = before.isoformat(timespec="seconds").replace("+00:00", "Z")
    if not found:
        return f"nothing ended before {when}"
    counts = Counter(view.status for view in found)
    kinds = ", ".join(f"{counts[status]:,} {status}" for status in STATUSES if counts[status])
    return f"{len(found):,} ended, or were made and not started, before {when}: {kinds}"


def _statuses(given: Sequence[str] | None) -> tuple[str, ...]:
    words = tuple(word.upper() for word in given or ())
    for word in words:
        if word not in STATUSES:
            raise ValueError(f"nothing with status {word!r} can be purged; allowed: {', '.join(STATUSES)}")
    return words or STATUSES
