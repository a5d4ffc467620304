"""`./headrace trigger`, `cancel`, `pause`, `resume`, `list`, `show`, `explain`: executions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_about, call_server, usage_error
from cli.commands.documents import read_labels, read_trigger
from cli.commands.inputs import inputs_for, read_given
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
from cli.commands.times import SinceOption, UntilOption, rfc3339
from cli.output.records import record_lines
from cli.output.text import cells, fitted, json_line, printable, span_words

#: What started an execution that nothing else did; not worth a line.
BY_HAND = {"source": "manual"}
#: Statuses of nodes whose time is shown.
TIMED = ("RUNNING", "WAITING", "COMPLETED", "FAILED")
#: Columns of a terminal that the name of a workflow takes in a list.
NAME_CELLS = 40

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Execution, Node

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
        done = (await client.executions.trigger(execution_id, inputs=values, document=document)).document
        if as_json:
            typer.echo(json_line(done))
        else:
            _print_status(done)
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def cancel(
    execution_id: ExecutionArgument,
    grace: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="How long running attempts may take to finish: seconds, or 30s, 5m.",
            show_default="30s",
        ),
    ] = None,
    reason: ReasonOption = None,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Cancel an execution.

    Nothing more starts; running attempts may finish within the grace.
    """

    async def act(client: AsyncClient, execution_id: str) -> int:
        done = (await client.executions.cancel(execution_id, reason=reason, grace=_number(grace))).document
        if as_json:
            typer.echo(json_line(done))
        elif done["status"] == "CANCELLED":
            typer.echo("CANCELLED")
        else:
            typer.echo(f"{done['status']}, being cancelled: running attempts may finish within the grace")
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


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
    workflow: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of this registered workflow; or its id.")
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", metavar="NAME=VALUE", help="Only executions with this label; may be repeated."
        ),
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
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
        is_filtered = any((status, labels, name, text, roots, workflow, since, until))
        rows = client.executions.list(
            limit=limit,
            status=[each.upper() for each in status] if status else None,
            labels=labels,
            name=name,
            text=text,
            parent="none" if roots else None,
            workflow=workflow,
            created_after=rfc3339(since),
            created_before=rfc3339(until),
        )
        found = [view async for view in rows]
        none = "no matching executions" if is_filtered else "no executions yet"
        for line in record_lines(found, _rows, none=none, as_json=as_json):
            typer.echo(line)
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
    execution_id: ExecutionArgument, as_json: LinesOption = False, server: ServerOption = None
) -> None:
    """Say what every unfinished node waits for and what wakes it."""

    async def act(client: AsyncClient, execution_id: str) -> int:
        for each in await client.executions.explain(execution_id):
            found = each.document
            if as_json:
                typer.echo(json_line(found))
                continue
            typer.echo(printable(f"{found['node_id'] or 'execution'}  {found['status']}"))
            typer.echo(printable(f"  waits for  {found['waiting_for']}"))
            typer.echo(printable(f"  woken by   {found['wakes']}"))
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def as_text(view: Execution, starts: Mapping[str, str]) -> Iterator[str]:
    """An execution in lines: its status, its nodes in definition order, and its output.

    starts  first starts of nodes, by id, where they are others than those of the view.
    """
    from cli.output.progress import MARKS, error_lines, error_text, shorten

    why = view.reason or view.cancelling
    yield f"{printable(view.name)} {view.execution_id}"
    yield f"  {view.status}{_whole_time(view)}" + (f" ({why})" if why else "")
    if paused := view.document.get("paused"):
        words = [f"by {paused['by']}"] if paused["by"] else []
        words += [f"since {paused['since']}", *([paused["reason"]] if paused["reason"] else [])]
        yield printable(f"  paused {', '.join(words)}")
    yield f"  created {view.created_at}"
    if expires_at := view.document.get("expires_at"):
        yield f"  kept until {expires_at}"
    for label, field in (("replay of", "replay_of"), ("forked from", "forked_from")):
        if source := view.document.get(field):
            yield f"  {label} {source}"
    if view.execution_key:
        yield printable(f"  key {view.execution_key}")
    if view.workflow_id:
        yield f"  workflow {view.workflow_id} version {view.workflow_version}"
    if view.labels:
        yield printable(f"  labels {', '.join(f'{name}={value}' for name, value in view.labels.items())}")
    if parent := view.document.get("parent"):
        yield f"  child of {parent['execution_id']} {parent['node_id']}"
    if view.inputs:
        yield f"  inputs {shorten(view.inputs)}"
    if view.trigger and view.trigger != BY_HAND:
        yield f"  trigger {shorten(view.trigger)}"
    width = max((len(node.node_id) for node in view.nodes), default=0)
    for node in view.nodes:
        line = f"  {MARKS.get(node.status, '?')[0]} {node.node_id:<{width}}  {node.status:<9}"
        yield printable(f"{line}  {'  '.join(_words(node, starts.get(node.node_id)))}".rstrip())
        yield from (f"      {line}" for line in error_lines(node.error))
    if view.output_error is not None:
        yield printable(f"  ✗ output: {error_text(view.output_error)}")
    if view.output is not None:
        yield f"  = {shorten(view.output)}"


def _words(node: Node, first_start: str | None) -> Iterator[str]:
    """What a node's status does not say: reason, tries, time, error."""
    from cli.output.progress import error_text
    from headrace.values import seconds_between

    if node.status == "WAITING":
        yield f"on {node.waiting_on}" + (f" until {node.due_at}" if node.due_at else "")
    if node.items is not None:
        failed = f", {node.items['failed']} failed" if node.items["failed"] else ""
        yield f"{node.items['completed']} of {node.items['total']} items{failed}"
    if node.reason and not node.error:
        yield node.reason
    if node.try_number > 1:
        yield f"try {node.try_number} of {max(node.max_attempts, node.try_number)}"
    if node.status in TIMED and node.started_at and not node.reused:
        yield _took(seconds_between(first_start or node.started_at, node.ended_at)).strip()
    if node.error is not None:
        yield " ".join(error_text(node.error).split())[:200]
    if node.reused:
        yield "reused by the fork"


def _rows(found: Sequence[Execution]) -> Iterator[str]:
    width = min(max(cells(printable(view.name)) for view in found), NAME_CELLS)
    return (_row(view, width) for view in found)


def _row(view: Execution, width: int) -> str:
    why = view.reason if view.status == "FAILED" else None
    took = f"{_took(view.took_s())}" if view.started_at else ""
    text = (
        f"{view.execution_id}  {fitted(printable(view.name), width)}  {view.created_at}  {view.status}{took}"
    )
    labels = "".join(f"  {name}={value}" for name, value in view.labels.items())
    return text + (f" ({why})" if why else "") + printable(labels)


def _whole_time(view: Execution) -> str:
    took, is_retried = _took(view.took_s()), view.document.get("generation", 1) > 1
    return f"{took}, with the time between its end and its retry" if took and is_retried else took


def _took(seconds: float | None) -> str:
    return "" if seconds is None else f"  {span_words(seconds)}"


def _print_status(done: dict[str, Any]) -> None:
    typer.echo(f"{'already ' * done['already']}{done['status']}")


def _number(text: str | None) -> float | str | None:
    """A grace as the server reads it: seconds as a number, everything else as it is."""
    is_number = text is not None and text.replace(".", "", 1).isdecimal()
    return float(text) if is_number and text is not None else text
