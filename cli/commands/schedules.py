"""`./headrace schedules …`: add, list, preview, pause, trigger, backfill and delete schedules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from cli.commands.api_call import ExitCode, call_server, say_warnings, usage_error
from cli.commands.inputs import read_given
from cli.commands.options import (
    AnswerOption,
    InputsFileOption,
    InputsOption,
    LimitOption,
    LinesOption,
    ReasonOption,
    RequesterOption,
    ServerOption,
)
from cli.commands.times import past_option, rfc3339, time_option
from cli.output.records import record_lines
from cli.output.text import cells, counted, excerpt, fitted, json_line, printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.records import Schedule

_COUNTS = {
    "backfilled": "backfilled",
    "triggered": "by hand",
    "skipped": "skipped",
    "missed": "missed",
    "failed": "could not start",
}
#: Of an error in the list.
ERROR_CHARS = 160
#: Columns of a terminal that a name takes in a list.
NAME_CELLS = 30

ScheduleArgument = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule's name or id.")]
WorkflowOption = Annotated[
    str | None, typer.Option("--workflow", metavar="NAME", help="Only those of this workflow.")
]
CountOption = Annotated[int, typer.Option("-n", "--count", min=1, max=1_000, help="How many.")]

schedules = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="Add, list, preview, pause, trigger and backfill schedules.",
)


@schedules.command("list")
@schedules.callback()
def list_schedules(
    context: typer.Context,
    workflow: WorkflowOption = None,
    limit: LimitOption = 50,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List schedules, newest first."""
    if context.invoked_subcommand is not None:
        return

    async def act(client: AsyncClient) -> int:
        found = [each async for each in client.schedules.list(limit=limit, workflow=workflow)]
        none = "no schedules yet; add one: ./headrace schedules add WORKFLOW --cron '30 8 * * 1-5'"
        for line in record_lines(found, _rows, none=none, as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


@schedules.command()
def add(
    workflow: Annotated[
        str, typer.Argument(metavar="WORKFLOW", help="The name or id of the workflow it starts.")
    ],
    cron: Annotated[
        str | None, typer.Option(metavar="EXPRESSION", help="Five fields, such as '30 8 * * 1-5'; or @daily.")
    ] = None,
    every: Annotated[str | None, typer.Option(metavar="DURATION", help="Such as 10s or 5m.")] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="For --cron, such as Europe/Berlin.", show_default="UTC"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Its name; else like the workflow's.")] = None,
    inputs: InputsOption = None,
    inputs_file: InputsFileOption = None,
    overlap: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY",
            help="skip, buffer_one, buffer_all, cancel_other, terminate_other or allow_all.",
            show_default="skip",
        ),
    ] = None,
    catchup: Annotated[
        str | None, typer.Option(metavar="POLICY", help="none, latest or all.", show_default="latest")
    ] = None,
    catchup_window: Annotated[
        str | None, typer.Option(metavar="DURATION", help="What is older is let go.", show_default="1h")
    ] = None,
    jitter: Annotated[str | None, typer.Option(metavar="DURATION", help="Start up to so much later.")] = None,
    start_at: Annotated[datetime | None, time_option("--start-at", "Nothing before it")] = None,
    end_at: Annotated[datetime | None, time_option("--end-at", "Nothing after it")] = None,
    max_runs: Annotated[int | None, typer.Option(min=1, help="Finished after so many.")] = None,
    pause_on_failure: Annotated[
        bool, typer.Option("--pause-on-failure", help="Pause it when an execution of it has failed.")
    ] = False,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Add a schedule to a registered workflow."""
    given = read_given("schedules add", inputs, inputs_file)
    rule: dict[str, Any] = {
        "cron": cron, "every": every, "timezone": timezone, "overlap_policy": overlap,
        "catchup_policy": catchup, "catchup_window": catchup_window, "jitter": jitter,
        "start_at": rfc3339(start_at), "end_at": rfc3339(end_at), "max_runs": max_runs,
        "pause_on_failure": pause_on_failure or None,
    }  # fmt: skip

    async def act(client: AsyncClient) -> int:
        definition = (await client.workflows.get(workflow)).definition if given.words else None
        wanted = {field: value for field, value in rule.items() if value is not None}
        if (values := given.values(definition)) is not None:
            wanted["inputs"] = values
        added = await client.schedules.create(workflow, wanted, name=name)
        say_warnings(added.warnings)
        line = f"added {added.name}, next {added.next_slot or 'never'}"
        typer.echo(json_line(added.document) if as_json else line)
        return ExitCode.SUCCESS

    call_server(server, act)


@schedules.command()
def get(schedule: ScheduleArgument, as_json: AnswerOption = False, server: ServerOption = None) -> None:
    """Show a schedule."""

    async def act(client: AsyncClient) -> int:
        found = (await client.schedules.get(schedule)).document
        for line in [json_line(found)] if as_json else _lines(found):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


@schedules.command("next")
def upcoming(
    schedule: ScheduleArgument,
    count: CountOption = 10,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """Print the next times of a schedule, in its time zone."""

    async def act(client: AsyncClient) -> int:
        zone = (await client.schedules.get(schedule)).rule.get("timezone", "UTC")
        for each in await client.schedules.next(schedule, count=count):
            typer.echo(json_line(each.document) if as_json else _time_line(each.document, zone))
        return ExitCode.SUCCESS

    call_server(server, act)


@schedules.command()
def pause(
    schedule: ScheduleArgument,
    by: RequesterOption = None,
    reason: ReasonOption = None,
    server: ServerOption = None,
) -> None:
    """Start nothing more until it is resumed."""
    _change(server, lambda client: client.schedules.pause(schedule, by=by, reason=reason))


@schedules.command()
def resume(schedule: ScheduleArgument, server: ServerOption = None) -> None:
    """Resume a schedule with its next time."""
    _change(server, lambda client: client.schedules.resume(schedule))


@schedules.command()
def trigger(
    schedule: ScheduleArgument,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Start an execution of a schedule now, and print its id."""

    async def act(client: AsyncClient) -> int:
        triggered = await client.schedules.trigger(schedule)
        say_warnings(triggered.warnings)
        made = triggered.execution_id
        typer.echo(json_line({"execution_id": made}) if as_json else made)
        return ExitCode.SUCCESS

    call_server(server, act)


@schedules.command()
def backfill(
    schedule: ScheduleArgument,
    start: Annotated[datetime | None, past_option("--from", "The first time")] = None,
    end: Annotated[datetime | None, past_option("--to", "The last time")] = None,
    max_active: Annotated[
        int | None, typer.Option(min=1, max=100, help="Executions of it at a time.", show_default="10")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the times there are, and start nothing.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Start no further one of those begun before.")] = False,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Start an execution for each past time of a schedule.

    The times from --from to --to.
    """
    first, last = rfc3339(start), rfc3339(end)
    if not stop and not (first and last):
        raise usage_error("schedules backfill", ValueError("give --from and --to, or --stop"))

    async def act(client: AsyncClient) -> int:
        if stop:
            await client.schedules.stop_backfill(schedule)
            typer.echo("stopped")
            return ExitCode.SUCCESS
        assert first is not None and last is not None
        done = (
            await client.schedules.backfill(schedule, first, last, max_active=max_active, dry_run=dry_run)
        ).document
        if as_json:
            typer.echo(json_line(done))
            return ExitCode.SUCCESS
        if dry_run:
            for slot in done["slots"]:
                typer.echo(slot)
            if done["count"] > len(done["slots"]):
                typer.echo(f"and {done['count'] - len(done['slots']):,} more")
        else:
            typer.echo(f"starting {done['count']:,} executions; see ./headrace schedules get {schedule}")
        return ExitCode.SUCCESS

    call_server(server, act)


@schedules.command()
def delete(schedule: ScheduleArgument, server: ServerOption = None) -> None:
    """Remove a schedule; what it has started goes on."""

    async def act(client: AsyncClient) -> int:
        await client.schedules.delete(schedule)
        typer.echo(printable(f"deleted {schedule}"))
        return ExitCode.SUCCESS

    call_server(server, act)


def _change(server: str | None, change: Callable[[AsyncClient], Awaitable[Schedule]]) -> None:
    async def act(client: AsyncClient) -> int:
        found = await change(client)
        typer.echo(f"{found.state}, next {found.next_slot or 'never'}")
        return ExitCode.SUCCESS

    call_server(server, act)


def _rows(found: Sequence[Schedule]) -> Iterator[str]:
    width = min(max(cells(each.name) for each in found), NAME_CELLS)
    return (_row(each.document, width) for each in found)


def _row(found: dict[str, Any], width: int) -> str:
    then = f"next {found['next_slot']}" if found["next_slot"] else "no next time"
    counts = counted(found["runs"] + found["backfilled"] + found["triggered"], "run")
    name = fitted(printable(found["name"]), width)
    workflow = printable(found["workflow"] or found["workflow_id"])
    row = f"{name}  {workflow}  {found['state']}  {printable(_rhythm(found['rule']))}  {then}  {counts}"
    paused = f"paused: {found['paused_reason']}" if found["paused_reason"] else ""
    failed = f"last error: {found['last_error']}" if found["last_error"] else ""
    return "\n".join(
        [row, *(f"    {excerpt(printable(each), ERROR_CHARS)}" for each in (paused, failed) if each)]
    )


def _rhythm(rule: dict[str, Any]) -> str:
    if "every" in rule:
        return f"every {rule['every']}"
    zone = f" {rule['timezone']}" if "timezone" in rule else ""
    return f"{rule['cron']}{zone}"


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['name']} ({found['schedule_id']})"]
    lines.append(f"  starts {found['workflow'] or found['workflow_id']}: {_rhythm(found['rule'])}")
    others = {
        name: value for name, value in found["rule"].items() if name not in ("cron", "every", "timezone")
    }
    lines += [
        f"  {name}: {json_line(value) if isinstance(value, dict) else value}"
        for name, value in others.items()
    ]
    if found["is_declared"]:
        lines.append("  named in the document of its workflow")
    why = f": {found['paused_reason']}" if found["paused_reason"] else ""
    lines.append(f"  {found['state']}{why}")
    lines.append(f"  next {found['next_slot'] or 'never'}, last {found['last_slot'] or 'never'}")
    started = found["runs"] + found["backfilled"] + found["triggered"]
    own = f"{counted(started, 'run')}: {found['runs']} by its times"
    counts = ", ".join([own, *(f"{found[name]} {words}" for name, words in _COUNTS.items())])
    lines.append(f"  {counts}")
    if found["last_error"]:
        lines.append(f"  last error: {found['last_error']}")
    if found["last_execution_id"]:
        at = f" at {found['last_started_at']}" if found["last_started_at"] else ""
        lines.append(f"  last execution {found['last_execution_id']}{at}")
    if found["waiting"]:
        lines.append(f"  waiting for the end of an earlier one: {', '.join(found['waiting'])}")
    if backfill := found["backfill"]:
        then = f"next {backfill['next_slot']}" if backfill["next_slot"] else "nothing left to start"
        lines.append(f"  backfill: {backfill['runs']} started, {then}, to {backfill['end']}")
    return [printable(line) for line in lines]


def _time_line(each: dict[str, Any], zone: str) -> str:
    moment = datetime.fromisoformat(each["slot"]).astimezone(ZoneInfo(zone))
    due = f"  due {each['due_at']}" if each["due_at"] != each["slot"] else ""
    return f"{moment:%a %Y-%m-%d %H:%M:%S %z}  {each['slot']}{due}"
