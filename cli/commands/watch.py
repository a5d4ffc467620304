"""`./headrace watch EXECUTION`: follow an execution, from its first event to its end."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer

from cli.commands.api_call import ExitCode, call_about
from cli.commands.options import ExecutionArgument, PlainOption, ServerOption, StateOption, TimeoutOption
from cli.output.text import json_text

if TYPE_CHECKING:
    from cli.output.progress import Progress
    from headrace.client import AsyncClient
    from headrace.values import Execution

REFRESH_PER_S = 10
#: How often times are painted anew when nothing happens.
TICK_S = 1.0
#: The most of one core that painting takes.
PAINTING_SHARE = 0.03


def watch(
    execution_id: ExecutionArgument,
    server: ServerOption = None,
    plain: PlainOption = False,
    as_json: StateOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Follow an execution to its end.

    Exit code: 0 completed, 1 failed, 3 cancelled, 4 timed out, 124 it still runs after --timeout.
    """

    async def act(client: AsyncClient, execution_id: str) -> int:
        return await follow(client, execution_id, is_plain=plain, is_json=as_json, timeout_s=timeout)

    call_about(server, execution_id, act)


async def follow(
    client: AsyncClient,
    execution_id: str,
    *,
    is_plain: bool = False,
    is_json: bool = False,
    timeout_s: float | None = None,
) -> int:
    """Show an execution until it has ended, then its report; gives the exit code."""
    import asyncio

    from cli.output.progress import Progress
    from cli.output.report import report

    progress = Progress.of(await client.executions.get(execution_id))
    out = sys.stderr if is_json else sys.stdout
    # A dumb terminal cannot go back over what it shows.
    is_dumb = os.environ.get("TERM") in ("dumb", "unknown")
    show = _show_lines if is_plain or is_json or is_dumb or not out.isatty() else _show_tree
    try:
        async with asyncio.timeout(timeout_s):
            await show(client, progress)
    except TimeoutError:
        again = f"./headrace watch {execution_id}"
        typer.echo(f"still {progress.status} after {timeout_s:g} s; continue: {again}", err=True)
        return ExitCode.STOPPED_WATCHING
    except asyncio.CancelledError:
        typer.echo(f"stopped watching; the execution continues: ./headrace watch {execution_id}", err=True)
        raise
    view = await client.executions.get(execution_id, whole=is_json)
    if is_json:
        typer.echo(as_document(view))
    else:
        for line in report(view, paused_s=progress.paused_s):
            typer.echo(line)
    return exit_code(view)


async def _show_lines(client: AsyncClient, progress: Progress) -> None:
    from cli.output.progress import plain_line

    async for event in client.executions.events(progress.execution_id):
        progress.apply(event)
        # To stderr, so that a pipe gets the report alone.
        typer.echo(plain_line(event), err=True)


async def _show_tree(client: AsyncClient, progress: Progress) -> None:
    import asyncio
    import time

    from rich.console import Console
    from rich.live import Live

    from cli.output.live_tree import depths, render

    console, indent = Console(), depths(progress)

    def paint(live: Live) -> None:
        room = max(console.height - 4, 3)
        live.update(render(progress, indent=indent, room=room, width=console.width), refresh=True)

    async def repaint(live: Live) -> None:
        revision, painted_s = -1, 0.0
        while True:
            pause_s, began_s = 1 / REFRESH_PER_S, time.monotonic()
            # Times go on without an event, but nobody needs tenths of a second of them.
            if progress.revision != revision or began_s - painted_s >= TICK_S:
                revision, painted_s = progress.revision, began_s
                work_s = -time.thread_time()
                paint(live)
                work_s += time.thread_time()
                pause_s = max(pause_s, work_s / PAINTING_SHARE)
            await asyncio.sleep(pause_s)

    with Live(console=console, auto_refresh=False, transient=False) as live:
        painter = asyncio.create_task(repaint(live))
        try:
            async for event in client.executions.events(progress.execution_id):
                progress.apply(event)
        finally:
            painter.cancel()
            paint(live)


def exit_code(view: Execution) -> int:
    """The exit code for an execution that has ended."""
    if view.status == "COMPLETED":
        return ExitCode.SUCCESS
    if view.status == "CANCELLED":
        return ExitCode.CANCELLED
    # `cancelling` keeps the cause for which it was ended early, after the end too.
    return ExitCode.TIMED_OUT if view.cancelling == "timeout" else ExitCode.FAILED


def as_document(view: Execution) -> str:
    """The final state as JSON, for scripts."""
    nodes = {
        node.node_id: {
            "status": node.status,
            "reason": node.reason,
            "error": node.error,
            "output": node.output,
        }
        for node in view.nodes
    }
    document = {
        "execution_id": view.execution_id,
        "name": view.name,
        "status": view.status,
        "output": view.output,
        "output_error": view.output_error,
        "nodes": nodes,
    }
    return json_text(document)
