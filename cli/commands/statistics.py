"""`./headrace statistics`: how executions ended, by workflow and handler."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_server
from cli.commands.options import AnswerOption, ServerOption
from cli.commands.times import past_option
from cli.output.text import cells, fitted, json_line, printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient

#: Columns of a terminal that a title or a handler takes.
NAME_CELLS = 40
#: What the definitions that are in no registry are shown as.
SUBMITTED = "(submitted)"


def statistics(
    first: Annotated[datetime | None, past_option("--from", "The first day, counted as a whole")] = None,
    last: Annotated[
        datetime | None, past_option("--to", "The last day, counted as a whole", show_default="today")
    ] = None,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Show how executions ended, by workflow and by handler.

    Those of the last 30 days, unless days are given. Whole days in UTC are counted: of a time of day the day
    is taken, and the first line says which days these are.
    """

    async def act(client: AsyncClient) -> int:
        found = await client.statistics.get(first=_day(first), last=_day(last))
        for line in [json_line(found)] if as_json else _lines(found):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


def _day(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).date().isoformat()


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"{found['from']} to {found['to']} (whole days, UTC), as of {found['as_of']}"
    yield f"executions  {_ends(found['executions'])}"
    rows = [(_title(each), _ends(each)) for each in found["workflows"]]
    yield from _table("workflows", rows)
    handlers = [
        (each["handler"], f"{each['total']:,} nodes, {each['failed']:,} failed ({each['failure_rate']:.1%})")
        for each in found["handlers"]
    ]
    yield from _table("handlers", handlers)
    if any(found["deliveries"].values()):
        words = (f"{count:,} {result}" for result, count in found["deliveries"].items() if count)
        yield f"deliveries  {', '.join(words)}"


def _table(name: str, rows: list[tuple[str, str]]) -> Iterator[str]:
    if not rows:
        return
    yield name
    width = min(max(cells(printable(title)) for title, _ in rows), NAME_CELLS)
    for title, text in rows:
        yield f"  {fitted(printable(title), width)}  {text}"


def _title(row: dict[str, Any]) -> str:
    if row["workflow_id"] is None:
        return SUBMITTED
    return str(row["name"] or row["workflow_id"])


def _ends(row: dict[str, Any]) -> str:
    counts = [f"{row[status]:,} {status}" for status in ("completed", "failed", "cancelled") if row[status]]
    text = f"{row['total']:,}" + (f": {', '.join(counts)}" if counts else "")
    average = row["average_ms"]
    return text if average is None else f"{text}; {average / 1000:.1f} s on average"
