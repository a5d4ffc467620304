"""`./headrace children` and `items`: what an execution has started, and the items of a mapped node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.api_call import ExitCode, call_about
from cli.commands.options import ExecutionArgument, LimitOption, LinesOption, ServerOption
from cli.output.records import record_lines
from cli.output.tables import table_lines
from cli.output.text import span_words

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Execution, Item


def children(
    execution_id: ExecutionArgument,
    limit: LimitOption = 50,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List the executions that an execution has started.

    Nodes with the handler `sub_workflow` start them. The oldest come first.
    """

    async def act(client: AsyncClient, execution_id: str) -> int:
        found = [each async for each in client.executions.children(execution_id, limit=limit)]
        for line in record_lines(found, _children, none="no child executions", as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def items(
    execution_id: ExecutionArgument,
    node_id: Annotated[str, typer.Argument(metavar="NODE", help="The mapped node's id.")],
    status: Annotated[str | None, typer.Option(help="Only items of this status: FAILED, RUNNING, …")] = None,
    limit: LimitOption = 100,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List the items of a mapped node, in order."""

    async def act(client: AsyncClient, execution_id: str) -> int:
        word = status.upper() if status else None
        rows = client.nodes.items(execution_id, node_id, limit=limit, status=word)
        found = [each async for each in rows]
        none = "no matching items" if status else "no items"
        for line in record_lines(found, _items, none=none, as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def _children(found: Sequence[Execution]) -> Iterator[str]:
    return table_lines(("EXECUTION", "NODE", "STATUS", "TOOK", "WORKFLOW"), map(_child, found))


def _child(view: Execution) -> tuple[str, ...]:
    parent = view.document.get("parent") or {}
    took_s = view.took_s()
    took = "-" if view.started_at is None or took_s is None else span_words(took_s)
    return view.execution_id, str(parent.get("node_id") or "-"), view.status, took, view.name


def _items(found: Sequence[Item]) -> Iterator[str]:
    headings = ("ITEM", "STATUS", "TRIES", "TOOK", "WHAT IT GAVE")
    return table_lines(headings, map(_item, found), numbers=("ITEM", "TRIES"))


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
