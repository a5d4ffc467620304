"""`./headrace workers`, `queues`, `handlers`, `usage`: work, what waits, what there is, what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_server
from cli.commands.options import AnswerOption, LinesOption, ServerOption
from cli.output.records import record_lines
from cli.output.tables import table_lines
from cli.output.text import json_line, json_text, printable, span_words

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.records import Handler, Queue, Worker


def workers(as_json: LinesOption = False, server: ServerOption = None) -> None:
    """List the live workers, their queues and their load.

    Needs OPERATOR_KEY, where the server asks for keys.
    """

    async def act(client: AsyncClient) -> int:
        found = await client.workers.list()
        none = "no live workers; start one: python -m workers.worker"
        for line in record_lines(found, _worker_lines, none=none, as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act, as_operator=True)


def queues(as_json: LinesOption = False, server: ServerOption = None) -> None:
    """List the queues, their tasks and their workers.

    Needs OPERATOR_KEY, where the server asks for keys.
    """

    async def act(client: AsyncClient) -> int:
        found = await client.queues.list()
        for line in record_lines(found, _queue_lines, none="no queues yet", as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act, as_operator=True)


def handlers(
    name: Annotated[
        str | None, typer.Argument(metavar="HANDLER", help="Show this one, with the schema of its config.")
    ] = None,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List the handlers that nodes may name, or show one."""

    async def act(client: AsyncClient) -> int:
        found = await client.handlers.list()
        if name is not None:
            found = tuple(each for each in found if name in (each.name, *each.aliases))
            if not found:
                typer.echo(f"no handler {name!r}; list them: ./headrace handlers", err=True)
                return ExitCode.USAGE
        lines = _handler_table if name is None else _handler_lines
        for line in record_lines(found, lines, none="no handlers", as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


def usage(
    days: Annotated[int, typer.Option("--days", min=1, max=400, help="How many days, today included.")] = 30,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Show calls to language models and their cost, by day."""

    async def act(client: AsyncClient) -> int:
        found = await client.usage.get(days=days)
        for line in [json_line(found)] if as_json else _usage_lines(found, days):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


def _worker_lines(found: Sequence[Worker]) -> Iterator[str]:
    headings = ("WORKER", "RUNS ON", "RUNNING", "UP FOR", "LAST SIGN", "QUEUES")
    yield from table_lines(headings, map(_worker, found), numbers=("RUNNING",))
    if refused := ", ".join(sorted(worker.name for worker in found if worker.refusal)):
        yield printable(f"{refused} could not load handlers of your own; ./headrace doctor says why")


def _worker(worker: Worker) -> tuple[str, ...]:
    from headrace.values import seconds_between

    blocked = f", {worker.blocked} blocked" if worker.blocked else ""
    running = f"{worker.running} of {worker.slots}{blocked}"
    up_s = seconds_between(worker.started_at, None) or 0.0
    seen_s = seconds_between(worker.last_seen_at, None)
    # Its id begins with its name, and is what errors and explanations say.
    return (
        worker.worker_id, f"{worker.host}, pid {worker.pid}", running, span_words(up_s),
        "-" if seen_s is None else f"{span_words(max(0.0, seen_s))} ago", ", ".join(worker.queues),
    )  # fmt: skip


def _queue_lines(found: Sequence[Queue]) -> Iterator[str]:
    headings = ("TASKS", "DELIVERED", "WORKERS", "OLDEST", "QUEUE")
    return table_lines(headings, map(_queue, found), numbers=headings[:3])


def _queue(queue: Queue) -> tuple[str, ...]:
    from headrace.values import seconds_between

    age_s = seconds_between(queue.oldest_at, None)
    oldest = "-" if age_s is None else span_words(age_s)
    return f"{queue.length:,}", f"{queue.pending:,}", str(queue.consumers), oldest, queue.queue


def _handler_table(found: Sequence[Handler]) -> Iterator[str]:
    rows = ((each.name, str(each.live_workers), each.summary) for each in found)
    return table_lines(("HANDLER", "WORKERS", "WHAT IT DOES"), rows, numbers=("WORKERS",))


def _handler_lines(found: Sequence[Handler]) -> Iterator[str]:
    for each in found:
        names = f" (also {', '.join(each.aliases)})" if each.aliases else ""
        yield printable(f"{each.name}{names}, offered by {each.live_workers} live workers")
        yield printable(each.description or each.summary, keeps_lines=True)
        if each.retry:
            yield f"retry {json_line(each.retry)}"
        if each.config_schema:
            yield f"config {json_text(each.config_schema)}"


def _usage_lines(found: dict[str, Any], days: int) -> Iterator[str]:
    rows = [_usage_row(day["date"], day) for day in found["days"] if day["usage"]["calls"]]
    if not rows:
        yield f"no calls to language models in {days} days"
        return
    if len(rows) > 1:
        rows.append(_usage_row("in all", found))
    headings = ("DAY", "CALLS", "INPUT", "OUTPUT", "COST USD")
    yield from table_lines(headings, rows, numbers=headings[1:])
    if unpriced := found["usage"]["unpriced_calls"]:
        yield f"{unpriced:,} calls went to models without a price"


def _usage_row(name: str, part: dict[str, Any]) -> tuple[str, ...]:
    used, cost = part["usage"], part["cost_usd"]
    price = "-" if cost is None else f"{cost:,.4f}"
    return name, f"{used['calls']:,}", f"{used['input']:,}", f"{used['output']:,}", price
