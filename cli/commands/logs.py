"""`./headrace logs EXECUTION`: what handlers have said, and why they failed, from the history."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.api_call import ExitCode, call_about, usage_error
from cli.commands.options import ExecutionArgument, LinesOption, ServerOption
from cli.output.text import json_line

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Event

#: What a log has: lines, and the ends of attempts that something went wrong with.
SAID = ("node.log", "node.progress", "node.failed", "node.retrying")
ENDS = ("execution.failed", "execution.cancelled")
LEVELS = ("debug", "info", "warning", "error")


def logs(
    execution_id: ExecutionArgument,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NODE", help="Only this node, or NODE[INDEX].")
    ] = None,
    level: Annotated[
        str | None, typer.Option("--level", help=f"Lines of this level and above: {', '.join(LEVELS)}.")
    ] = None,
    events: Annotated[bool, typer.Option("--events", help="Every event of the history.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-F", help="Go on until it has ended.")] = False,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """Print what handlers have said, and what they failed with.

    Times are in UTC. `watch` shows where it stands.
    """
    try:
        least = LEVELS.index(level.lower()) if level else 0
    except ValueError:
        raise usage_error("logs", ValueError(f"--level {level!r}; allowed: {', '.join(LEVELS)}")) from None

    def is_wanted(event: Event) -> bool:
        if node is not None and node not in (event.node_id, event.unit):
            return False
        if event.type == "node.log" and level_of(event) < least:
            return False
        return events or event.type in (*SAID, *ENDS)

    async def act(client: AsyncClient, execution_id: str) -> int:
        types = None if events or follow else [*SAID, *ENDS]
        so_far = await client.executions.history(execution_id, node=node, types=types)
        wanted = [event for event in so_far if is_wanted(event)]
        _print(wanted, as_json=as_json)
        if not wanted and not follow and not as_json:
            typer.echo("nothing was said; --events prints the history", err=True)
        if follow and not any(event.is_terminal for event in so_far):
            after = so_far[-1].seq if so_far else 0
            async for event in client.executions.events(execution_id, after=after):
                _print([event] if is_wanted(event) else [], as_json=as_json)
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def level_of(event: Event) -> int:
    """The place of a line's level among LEVELS; one that is none of them counts as info."""
    level = event.data.get("level")
    return LEVELS.index(level) if level in LEVELS else LEVELS.index("info")


def _print(found: list[Event], *, as_json: bool) -> None:
    from cli.output.progress import plain_line

    for event in found:
        typer.echo(json_line(asdict(event)) if as_json else plain_line(event, most=sys.maxsize))
