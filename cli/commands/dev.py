"""`./headrace dev`: the whole engine on this machine, from nothing but Python."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output.process_lines import print_line, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.stack.live_workers import LiveWorkers
    from cli.stack.stack import Stack

DataDirOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        envvar="STACK_DATA_DIR",
        help="Where a Redis of its own keeps its data.",
        show_default=".data/redis",
    ),
]


def dev(
    workers: Annotated[int, typer.Option(min=0, max=64, help="Worker processes to run.")] = 2,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port of the API.", show_default="8000, or the next free"),
    ] = None,
    host: Annotated[str, typer.Option(help="Address the API listens on.")] = "127.0.0.1",
    data_dir: DataDirOption = None,
    echo_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port of the echo service.", show_default="8090, or the next free"
        ),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Start a demo workflow, and continue it at the next start.")
    ] = False,
) -> None:
    """Run the whole engine on this machine.

    That is Redis, API, orchestrator, workers, and an echo service for the examples. Ctrl-C stops it all; data
    is kept, and the next start continues unfinished executions.

    Its Redis is that of REDIS_URL or REDIS_HOST; else, with --data-dir, its own; else one on localhost:6379
    that no other stack has started; else its own. The start says which.
    """
    import asyncio

    from cli.stack import info
    from cli.stack.demo import NoDemo
    from cli.stack.ports import NoSuchHost
    from cli.stack.redis_binary import DataTooNew, NoServer
    from cli.stack.redis_server import RedisUnavailable, StackRunning
    from cli.stack.stack import PortTaken, Stack, StackOptions
    from config import SettingsInvalid, read_settings

    options = StackOptions(
        data_dir=info.data_dir(data_dir),
        takes_near=data_dir is None,
        workers=workers,
        host=host,
        port=port,
        echo_port=echo_port,
        is_demo=demo,
    )

    async def run() -> None:
        await Stack(options, read_settings(), emit=print_line, announce=announce).run()

    try:
        asyncio.run(run())
    except (DataTooNew, NoDemo, NoServer, NoSuchHost, PortTaken, RedisUnavailable, StackRunning) as error:
        typer.echo(f"headrace dev: {error}", err=True)
        raise typer.Exit(1) from None
    except SettingsInvalid as error:
        for line in error.lines:
            typer.echo(f"headrace dev: {line}", err=True)
        raise typer.Exit(1) from None
    goes_on = "; ./headrace dev --demo continues the run" if demo else ""
    print_line("stack", f"stopped; data is kept{goes_on}")


def announce(stack: Stack, took_s: float) -> None:
    """Say what runs where, and what to type next."""
    assert stack.redis is not None
    rows = [
        ("page", f"{stack.api_url}/"),
        *demo_rows(stack),
        ("API", f"{stack.api_url}  (reference: {stack.api_url}/docs)"),
        ("Redis", stack.redis.label),
        ("orchestrator", "1"),
        ("workers", workers_row(stack.options.workers, stack.live_workers)),
        *handlers_rows(stack.handler_modules if stack.options.workers else (), stack.live_workers),
        ("echo service", f"{stack.echo_url}  (answers for the sample names service-a and consumer)"),
        ("next", next_steps(stack.options.data_dir)),
    ]
    lines = "\n".join(f"  {label:<13} {text}" for label, text in rows)
    write(f"\nHeadrace is up ({took_s:.1f} s)\n{lines}\n\n")
    if stack.live_workers is not None and stack.live_workers.refusal:
        write(f"{stack.live_workers.refusal.rstrip()}\n\n")


def workers_row(wanted: int, live: LiveWorkers | None) -> str:
    """Say which workers run, and how many are still starting; of these a later line says when they run."""
    if not wanted:
        return "none (--workers 2 starts some)"
    if live is None:
        return f"{wanted}"
    names = ", ".join(live.names)
    if (starting := wanted - len(live.names)) <= 0:
        return f"{wanted}: {names}"
    running = f"{len(live.names)} of {wanted} running: {names}" if names else f"none of {wanted} running yet"
    return f"{running}; {starting} still starting"


def handlers_rows(modules: Sequence[str], live: LiveWorkers | None) -> list[tuple[str, str]]:
    """Say whether the handlers of your own can be used; nothing where there are none."""
    if not modules:
        return []
    if live is not None and live.refusal:
        state = "cannot be loaded, see below; a file that is saved is tried again"
    else:
        state = "loaded" if live is not None and live.is_loaded else "not loaded yet"
    return [("handlers", f"{', '.join(modules)}: {state}")]


def demo_rows(stack: Stack) -> list[tuple[str, str]]:
    """Say where the demo's execution is, and what can be done with it; nothing without a demo."""
    run, url = stack.demo_run, stack.api_url
    if run is None:
        return []
    if run.execution_id is None:
        return [("demo", f"nothing was started: {run.problem}")]
    approve = f"{elsewhere(stack.options.data_dir)}./headrace approve {run.execution_id} approve --by YOU"
    return [
        ("demo", f"{url}/ui/runs/{run.execution_id}  ({'started' if run.is_new else 'continued'})"),
        ("", f"it asks for your approval there, or by: {approve}"),
        ("", f"kill a worker, and another takes over: curl -X POST {url}/demo/workers/kill"),
    ]


def next_steps(data_dir: Path) -> str:
    """Commands that reach this stack from another shell."""
    where = elsewhere(data_dir)
    gap = "\n" + " " * 16 if where else " " * 7
    return gap.join(
        (f"{where}./headrace run examples/linear.json", f"{where}./headrace doctor", "Ctrl-C stops")
    )


def elsewhere(data_dir: Path) -> str:
    """What stands before a command in another shell, which knows only the usual data directory."""
    from cli.stack import info

    return "" if data_dir == info.DEFAULT_DATA_DIR else f"STACK_DATA_DIR={shlex.quote(str(data_dir))} "
