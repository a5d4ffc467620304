"""`./headrace trigger`, `cancel`, `pause`, `resume`, `list`, `show`, `explain`: executions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_about, call_server, say_warnings, usage_error
from cli.commands.documents import read_labels, read_trigger
from cli.commands.inputs import inputs_for, read_given
from cli.commands.many import (
    ACTIVE,
    Choice,
    ChosenLabel,
    ChosenName,
    ChosenSchedule,
    ChosenStatus,
    ChosenWebhook,
    ChosenWorkflow,
    DryRunOption,
    ExecutionsArgument,
    YesOption,
    act_on_many,
)
from cli.commands.options import (
    AnswerOption,
    ExecutionArgument,
    InputsFileOption,
    InputsOption,
    LimitOption,
    LinesOption,
    ReasonOption,
    RequesterOption,
    ServerOption,
    TriggerFileOption,
)
from cli.commands.times import EndedSinceOption, EndedUntilOption, SinceOption, UntilOption, rfc3339
from cli.output.execution_lines import as_text, rows
from cli.output.records import record_lines
from cli.output.text import json_line

#: Nodes by which a failure is explained.
CAUSES = 5

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Execution

TokensOption = Annotated[
    int | None, typer.Option("--max-tokens", min=1, help="Tokens its model calls may use from now on.")
]
CostOption = Annotated[
    float | None, typer.Option("--max-cost-usd", help="What its model calls may cost from now on.")
]


def trigger(
    execution_id: ExecutionArgument,
    inputs: InputsOption = None,
    inputs_file: InputsFileOption = None,
    trigger_file: TriggerFileOption = None,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Start a submitted execution. Repeating it is harmless."""
    given = read_given("trigger", inputs, inputs_file)
    try:
        document = read_trigger(trigger_file)
    except ValueError as error:
        raise usage_error("trigger", error) from None

    async def act(client: AsyncClient, execution_id: str) -> int:
        values = await inputs_for(execution_id, given, client)
        done = await client.executions.trigger(execution_id, inputs=values, document=document)
        say_warnings(done.warnings)
        if as_json:
            typer.echo(json_line(done.document))
        else:
            _print_status(done.document)
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def cancel(
    execution_ids: ExecutionsArgument = None,
    grace: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="How long running attempts may take to finish: seconds, or 30s, 5m.",
            show_default="30s",
        ),
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; shown with the execution.")] = None,
    status: ChosenStatus = None,
    name: ChosenName = None,
    workflow: ChosenWorkflow = None,
    schedule: ChosenSchedule = None,
    webhook: ChosenWebhook = None,
    label: ChosenLabel = None,
    since: SinceOption = None,
    until: UntilOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Cancel executions: those named, or all that are chosen.

    Nothing more starts; running attempts may finish within the grace. A terminal is asked before more than
    one is cancelled that was not named. Exit code: 0, or 1 if any of them was refused.
    """

    async def cancel_one(client: AsyncClient, view: Execution) -> Mapping[str, Any]:
        done = await client.executions.cancel(view.execution_id, reason=reason, grace=_number(grace))
        return done.document

    choice = Choice.of(
        "cancel", ACTIVE, status=status, name=name, workflow=workflow, schedule=schedule, webhook=webhook,
        label=label, since=since, until=until,
    )  # fmt: skip
    if (named := choice.one_of(execution_ids, dry_run=dry_run)) is None:
        act_on_many(
            server, "cancel", choice, execution_ids or (), cancel_one,
            dry_run=dry_run, yes=yes, as_json=as_json,
        )  # fmt: skip

    async def act(client: AsyncClient, execution_id: str) -> int:
        done = (await client.executions.cancel(execution_id, reason=reason, grace=_number(grace))).document
        if as_json:
            typer.echo(json_line(done))
        elif done["status"] == "CANCELLED":
            typer.echo("CANCELLED")
        else:
            typer.echo(f"{done['status']}, being cancelled: running attempts may finish within the grace")
        return ExitCode.SUCCESS

    call_about(server, named, act)


def pause(
    execution_id: ExecutionArgument,
    by: RequesterOption = None,
    reason: ReasonOption = None,
    server: ServerOption = None,
) -> None:
    """Pause an execution.

    Running attempts finish; nodes that become ready are held until it is resumed.
    """

    async def act(client: AsyncClient, execution_id: str) -> int:
        _print_status((await client.executions.pause(execution_id, by=by, reason=reason)).document)
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def resume(
    execution_id: ExecutionArgument,
    by: RequesterOption = None,
    reason: ReasonOption = None,
    max_tokens: TokensOption = None,
    max_cost_usd: CostOption = None,
    server: ServerOption = None,
) -> None:
    """Resume a paused execution.

    Nodes that wait for an operator get new tries.
    """
    limits: dict[str, float | None] = {"max_tokens": max_tokens, "max_cost_usd": max_cost_usd}
    budget = {name: limit for name, limit in limits.items() if limit is not None} or None

    async def act(client: AsyncClient, execution_id: str) -> int:
        _print_status(
            (await client.executions.resume(execution_id, by=by, reason=reason, budget=budget)).document
        )
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def list_executions(
    status: Annotated[
        list[str] | None,
        typer.Option(help="Only executions of this status: RUNNING, FAILED, …; may be repeated."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Only executions of definitions of this name.")] = None,
    text: Annotated[
        str | None, typer.Option(help="Only executions with this text in their title, id, key or a label.")
    ] = None,
    roots: Annotated[bool, typer.Option("--roots", help="No child executions.")] = False,
    workflow: ChosenWorkflow = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", metavar="NAME=VALUE", help="Only executions with this label; may be repeated."
        ),
    ] = None,
    schedule: ChosenSchedule = None,
    webhook: ChosenWebhook = None,
    since: SinceOption = None,
    until: UntilOption = None,
    ended_since: EndedSinceOption = None,
    ended_until: EndedUntilOption = None,
    limit: LimitOption = 20,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List executions, newest first."""
    try:
        labels = read_labels(label)
    except ValueError as error:
        raise usage_error("list", error) from None

    async def act(client: AsyncClient) -> int:
        from cli.commands.failures import causes_of

        filters: dict[str, Any] = {
            "status": [each.upper() for each in status] if status else None, "labels": labels or None,
            "name": name, "text": text, "parent": "none" if roots else None, "workflow": workflow,
            "schedule": schedule, "webhook": webhook,
            "created_after": rfc3339(since), "created_before": rfc3339(until),
            "ended_after": rfc3339(ended_since), "ended_before": rfc3339(ended_until),
        }  # fmt: skip
        is_filtered = any(filters.values())
        found = [view async for view in client.executions.list(limit=limit + 1, **filters)]
        has_more, found = len(found) > limit, found[:limit]
        none = "no matching executions" if is_filtered else "no executions yet"
        lines = rows if as_json else partial(rows, causes=await causes_of(client, found))
        for line in record_lines(found, lines, none=none, as_json=as_json):
            typer.echo(line)
        if has_more and not as_json:
            typer.echo(f"… older ones are not shown; --limit {10 * limit} shows more", err=True)
        return ExitCode.SUCCESS

    call_server(server, act)


def show(execution_id: ExecutionArgument, as_json: AnswerOption = False, server: ServerOption = None) -> None:
    """Show the state of an execution and of each of its nodes."""

    async def act(client: AsyncClient, execution_id: str) -> int:
        from cli.commands.first_starts import first_starts

        view = await client.executions.get(execution_id, whole=as_json)
        for line in (
            [json_line(view.document)] if as_json else as_text(view, await first_starts(client, view))
        ):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def explain(
    execution_id: ExecutionArgument,
    node_id: Annotated[
        str | None,
        typer.Argument(metavar="NODE", help="One node, or NODE[INDEX]; of one that has ended, why."),
    ] = None,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """Say what unfinished nodes wait for, or why it failed.

    What wakes each of them is said, too.
    """

    async def act(client: AsyncClient, execution_id: str) -> int:
        from cli.output.next_steps import explanation_lines

        names = [node_id] if node_id is not None else []
        more = 0
        explained = [] if names else list(await client.executions.explain(execution_id))
        if any(each.node_id is None and each.status == "FAILED" for each in explained):
            causes = (await client.executions.get(execution_id)).root_causes
            names = [str(each["node_id"]) for each in causes][:CAUSES]
            more = len(causes) - len(names)
        explained += [await client.nodes.explain(execution_id, name) for name in names]
        for each in explained:
            found = each.document
            if as_json:
                typer.echo(json_line(found))
                continue
            for line in explanation_lines(execution_id, found):
                typer.echo(line)
        if more > 0 and not as_json:
            typer.echo(f"… and {more} more that failed; all: ./headrace show {execution_id}", err=True)
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def _print_status(done: dict[str, Any]) -> None:
    typer.echo(f"{'already ' * done['already']}{done['status']}")


def _number(text: str | None) -> float | str | None:
    """A grace as the server reads it: seconds as a number, everything else as it is."""
    is_number = text is not None and text.replace(".", "", 1).isdecimal()
    return float(text) if is_number and text is not None else text
