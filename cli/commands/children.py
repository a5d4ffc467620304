"""`./headrace children` and `items`: what an execution has started, and the items of a mapped node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.api_call import ExitCode, call_about
from cli.commands.options import ExecutionArgument, LinesOption, ServerOption
from cli.output.tables import table_lines
from cli.output.text import json_line, span_words

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Execution, Item


def children(
    execution_id: ExecutionArgument,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List the executions that an execution has started.

    Nodes with the handler `sub_workflow` start them. The oldest come first.
    """

    async def act(client: AsyncClient, execution_id: str) -> int:
        found = [each async for each in client.executions.children(execution_id, limit=limit)]
        if as_json:
            for each in found:
                typer.echo(json_line(each.document))
        elif found:
            for line in table_lines(("EXECUTION", "NODE", "STATUS", "TOOK", "WORKFLOW"), map(_child, found)):
                typer.echo(line)
        else:
            typer.echo("no child executions")
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def items(
    execution_id: ExecutionArgument,
    node_id: Annotated[str, typer.Argument(metavar="NODE", help="The mapped node's id.")],
    status: Annotated[str | None, typer.Option(help="Only items of this status: FAILED, RUNNING, …")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List the items of a mapped node, in order."""

    async def act(client: AsyncClient, execution_id: str) -> int:
        word = status.upper() if status else None
        rows = client.nodes.items(execution_id, node_id, limit=limit, status=word)
        found = [each async for each in rows]
        if as_json:
            for each in found:
                typer.echo(json_line(each.document))
        elif found:
            headings = ("ITEM", "STATUS", "TRIES", "TOOK", "WHAT IT GAVE")
            for line in table_lines(headings, map(_item, found), numbers=("ITEM", "TRIES")):
                typer.echo(line)
        else:
            typer.echo("no matching items" if status else "no items")
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def _child(view: Execution) -> tuple[str, ...]:
    parent = view.document.get("parent") or {}
    took_s = view.took_s()
    took = "-" if view.started_at is None or took_s is None else span_words(took_s)
    return view.execution_id, str(parent.get("node_id") or "-"), view.status, took, view.name


def _item(item: Item) -> tuple[str, ...]:
    from cli.output.progress import error_text, shorten
    from headrace.values import seconds_between

    took_s = seconds_between(item.started_at, item.ended_at)
    took = "-" if took_s is None else span_words(took_s)
    if item.error:
        gave = " ".join(error_text(item.error).split())
    elif item.status == "WAITING":
        gave = f"waits on {item.waiting_on}" + (f" until {item.due_at}" if item.due_at else "")
    elif item.status == "COMPLETED":
        gave = shorten(item.output)
    else:
        gave = item.reason or ""
    return str(item.index), item.status, str(item.try_number), took, gave
