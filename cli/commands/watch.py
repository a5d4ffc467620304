"""`./headrace watch EXECUTION`: follow an execution, from its first event to its end."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from cli.output.progress import Progress
    from clients.headrace.client import Client
    from clients.headrace.views import ExecutionView

REFRESH_PER_S = 10


class ExitCode(IntEnum):
    """What a shell script learns from `run` and `watch`."""

    SUCCESS = 0
    FAILED = 1
    USAGE = 2
    CANCELLED = 3
    TIMED_OUT = 4
    UNREACHABLE = 5
    INTERRUPTED = 130


ServerOption = Annotated[
    str | None,
    typer.Option("--server", help="Address of the API.", show_default="API_URL, else the stack"),
]
PlainOption = Annotated[
    bool, typer.Option("--plain", help="One line per event, as when output is no terminal.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the final state as JSON; progress to stderr.")
]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", min=0, help="Stop watching after so many seconds (exit code 4).")
]


def watch(
    execution_id: Annotated[str, typer.Argument(help="The execution's id.")],
    server: ServerOption = None,
    plain: PlainOption = False,
    as_json: JsonOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Follow an execution to its end. Exit code: 0 completed, 1 failed, 3 cancelled, 4 timed out."""

    async def act(client: Client) -> int:
        return await follow(client, execution_id, is_plain=plain, is_json=as_json, timeout_s=timeout)

    call_server(server, act)


def call_server(server: str | None, act: Callable[[Client], Awaitable[int]]) -> NoReturn:
    """Do something with the API and leave with its exit code; explain what went wrong where it did."""
    import asyncio

    from cli.stack import info
    from clients.headrace.client import Client
    from clients.headrace.errors import NOT_TEXT, ApiError, NotSendable, ServerUnreachable

    async def talk() -> int:
        async with Client(server or info.api_url()) as client:
            return await act(client)

    try:
        code = asyncio.run(talk())
    except ServerUnreachable as error:
        typer.echo(f"{error}; is it running? start it: ./headrace dev", err=True)
        code = ExitCode.UNREACHABLE
    except ApiError as error:
        typer.echo(refusal(error), err=True)
        code = ExitCode.UNREACHABLE if error.status >= 500 else ExitCode.USAGE
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except (NotSendable, UnicodeEncodeError) as error:
        typer.echo(f"refused: {error if isinstance(error, NotSendable) else NOT_TEXT}", err=True)
        code = ExitCode.USAGE
    raise typer.Exit(code)


def refusal(error: Exception) -> str:
    """The server's no, with each single problem on a line of its own."""
    from clients.headrace.errors import ApiError

    if not isinstance(error, ApiError) or not error.problems:
        return f"refused: {error}"
    lines = [f"refused: {len(error.problems)} problem{'s' if len(error.problems) > 1 else ''}"]
    for problem in error.problems:
        place = str(problem.get("path") or "")
        if problem.get("line"):
            place += f" (line {problem['line']}, column {problem.get('column') or 1})"
        hint = f"; {problem['hint']}" if problem.get("hint") else ""
        lines.append(f"  {place + ': ' if place else ''}{problem.get('message', '')}{hint}")
    return "\n".join(lines)


async def follow(
    client: Client,
    execution_id: str,
    *,
    is_plain: bool = False,
    is_json: bool = False,
    timeout_s: float | None = None,
) -> int:
    """Show an execution until it has ended, then report; returns the exit code."""
    import asyncio

    from cli.output.progress import Progress, report

    progress = Progress.of(await client.executions.get(execution_id))
    out = sys.stderr if is_json else sys.stdout
    show = _show_lines if is_plain or is_json or not out.isatty() else _show_tree
    try:
        async with asyncio.timeout(timeout_s):
            await show(client, progress)
    except TimeoutError:
        typer.echo(
            f"still {progress.status} after {timeout_s:g} s; go on: ./headrace watch {execution_id}", err=True
        )
        return ExitCode.TIMED_OUT
    except asyncio.CancelledError:
        typer.echo(f"no longer watching; it goes on: ./headrace watch {execution_id}", err=True)
        raise
    view = await client.executions.get(execution_id)
    if is_json:
        typer.echo(as_document(view))
    else:
        for line in report(view):
            typer.echo(line)
    return exit_code(view)


async def _show_lines(client: Client, progress: Progress) -> None:
    from cli.output.progress import plain_line

    async for event in client.executions.events(progress.execution_id):
        progress.apply(event)
        # To stderr, so that what is piped on is the report alone.
        typer.echo(plain_line(event), err=True)


async def _show_tree(client: Client, progress: Progress) -> None:
    import asyncio

    from rich.console import Console
    from rich.live import Live

    from cli.output.progress import depths, render

    console, indent = Console(), depths(progress)

    def picture(*, room: int) -> object:
        return render(progress, indent=indent, room=room)

    async def repaint(live: Live) -> None:
        while True:
            live.update(picture(room=max(console.height - 4, 3)), refresh=True)  # type: ignore[arg-type]
            await asyncio.sleep(1 / REFRESH_PER_S)

    with Live(console=console, auto_refresh=False, transient=False) as live:
        painter = asyncio.create_task(repaint(live))
        try:
            async for event in client.executions.events(progress.execution_id):
                progress.apply(event)
        finally:
            painter.cancel()
            live.update(picture(room=max(console.height - 4, 3)), refresh=True)  # type: ignore[arg-type]


def exit_code(view: ExecutionView) -> int:
    """The exit code an ended execution deserves."""
    if view.status == "COMPLETED":
        return ExitCode.SUCCESS
    if view.status == "CANCELLED":
        return ExitCode.CANCELLED
    # `cancelling` keeps the cause for which it was ended early, after the end too.
    return ExitCode.TIMED_OUT if view.cancelling == "timeout" else ExitCode.FAILED


def as_document(view: ExecutionView) -> str:
    """The final state as JSON: what scripts want to read."""
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
    return json.dumps(document, ensure_ascii=False, indent=2)
