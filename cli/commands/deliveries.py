"""`./headrace deliveries …`: messages about ends of executions: list them, read one, send one again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_about, call_server, usage_error
from cli.commands.bulk import Bulk
from cli.commands.many import DryRunOption, YesOption
from cli.commands.options import EXECUTION_HELP, AnswerOption, LimitOption, LinesOption, ServerOption
from cli.output.records import record_lines
from cli.output.text import json_line, printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.records import Delivery

ExecutionOption = Annotated[
    str | None,
    typer.Option("--execution", metavar="EXECUTION", help=f"Only those about its ends. {EXECUTION_HELP}"),
]
DeliveryArgument = Annotated[str, typer.Argument(metavar="DELIVERY", help="The delivery's id.")]

deliveries = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List, read and resend messages about ended executions.",
)


class State(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"


@deliveries.command("list")
def list_deliveries(
    execution: ExecutionOption = None,
    state: Annotated[State | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: LimitOption = 50,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List deliveries, those of the newest ends first."""

    async def act(client: AsyncClient, execution_id: str | None = None) -> int:
        word = None if state is None else str(state)
        rows = client.deliveries.list(limit=limit, execution_id=execution_id, state=word)
        found = [each async for each in rows]
        none = "no matching deliveries" if execution or state else "no deliveries yet"
        for line in record_lines(found, listed_lines, none=none, as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    if execution is None:
        call_server(server, act)
    call_about(server, execution, act)


@deliveries.command()
def get(delivery: DeliveryArgument, as_json: AnswerOption = False, server: ServerOption = None) -> None:
    """Show a delivery with its last attempts."""

    async def act(client: AsyncClient) -> int:
        found = (await client.deliveries.get(delivery)).document
        for line in [json_line(found)] if as_json else delivery_lines(found):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


@deliveries.command()
def resend(
    ids: Annotated[list[str] | None, typer.Argument(metavar="DELIVERY", help="Ids of deliveries.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All, of every execution.")] = False,
    execution: ExecutionOption = None,
    state: Annotated[
        State | None,
        typer.Option("--state", help="Of those, all in this state.", show_default="failed"),
    ] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Send messages now, whatever became of them.

    Under the same message ids: those that are named, or all that failed, with --all, or of one execution.
    Exit code: 0, or 1 if any of them was refused.
    """
    is_chosen = every or execution is not None
    if bool(ids) == is_chosen or (ids and state):
        message = "name one DELIVERY or several, or choose: --all or --execution, with --state"
        raise usage_error("deliveries resend", ValueError(message))
    if ids and len(ids) == 1 and not dry_run:
        call_server(server, partial(_resend_one, ids[0], as_json=as_json))
    work = Bulk(
        "resend",
        _resend,
        name_of=lambda each: each.delivery_id,
        row_of=lambda each: delivery_line(each.document),
        kind_of=lambda each: each.state,
        words="due now:",
    )

    async def act(client: AsyncClient, execution_id: str | None = None) -> int:
        if ids:
            found = [await client.deliveries.get(each) for each in dict.fromkeys(ids)]
        else:
            rows = client.deliveries.list(execution_id=execution_id, state=str(state or State.FAILED))
            found = [each async for each in rows]
        return await work.carry_out(
            client, found, dry_run=dry_run, asks=is_chosen and not yes, as_json=as_json
        )

    if execution is not None:
        call_about(server, execution, act)
    call_server(server, act)


async def _resend(client: AsyncClient, found: Delivery) -> dict[str, Any]:
    return (await client.deliveries.resend(found.delivery_id)).document


async def _resend_one(delivery: str, client: AsyncClient, *, as_json: bool) -> int:
    done = (await client.deliveries.resend(delivery)).document
    typer.echo(json_line(done) if as_json else f"due now: {printable(done['delivery_id'])}")
    return ExitCode.SUCCESS


def listed_lines(found: Sequence[Delivery]) -> Iterator[str]:
    """Deliveries in a line each; one that does not get through has a second one that says why."""
    for each in found:
        yield delivery_line(each.document)
        last = each.document["last_attempt"]
        if last and last["error"] and each.state != State.DELIVERED:
            yield printable(f"  {last['error']}")


def delivery_line(found: dict[str, Any]) -> str:
    """A delivery in one line."""
    target = found["target"]
    place = target["url"] if "url" in target else f"workflow {target['workflow']}"
    following = f"  next {found['next_attempt_at']}" if found["next_attempt_at"] else ""
    return printable(
        f"{found['delivery_id']}  {found['state']:<9}  {found['type']}  {place}"
        f"  tries {found['tries']}{following}"
    )


def delivery_lines(found: dict[str, Any]) -> list[str]:
    """A delivery with a line for each attempt."""
    return [delivery_line(found), f"message {found['message_id']}", *map(_attempt_line, found["attempts"])]


def _attempt_line(attempt: dict[str, Any]) -> str:
    result = attempt["error"] or (f"started {attempt['started']}" if attempt["started"] else "delivered")
    status = attempt["status_code"] or "-"
    return printable(
        f"  {attempt['number']}  {attempt['at']}  {status}  {attempt['duration_ms']} ms  {result}"
    )
