"""`./headrace workflow-server`: the contract of workflow servers by itself, and the workflows of a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cli.commands.api_call import ExitCode

if TYPE_CHECKING:
    from cli.stack.file_server import FileServer, FileServerOptions
    from cli.stack.redis_server import RedisPlace
    from config import Settings


def workflow_server(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A file with a `WorkflowServer` in it.", show_default=False),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on.", show_default="WORKFLOWS_PY_SERVER_HOST, or 0.0.0.0"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port to listen on.", show_default="WORKFLOWS_PY_SERVER_PORT, or 8080"
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="With FILE: worker processes to run.", show_default="1")
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="With FILE: the interpreter that runs it.",
            show_default="HANDLER_PYTHON, or that of the engine",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="With FILE, and where no Redis is named: where its own Redis keeps runs.",
            show_default="one for each file below .data/workflow-server",
        ),
    ] = None,
) -> None:
    """Serve registered workflows, or those of a file.

    Its clients are those of LlamaIndex workflow servers. With FILE all it needs is run beside it: workers
    that load the file, an orchestrator, and a Redis where no REDIS_URL or REDIS_HOST names one. Saving the
    file loads it again. Ctrl-C stops it; runs are kept, and the next start goes on with them.

    Without FILE it works on the Redis of the running stack, or on the one that the settings name; workers
    and an orchestrator have to run beside it.
    """
    from config import SettingsInvalid, read_settings

    try:
        settings = read_settings()
        host = host or settings.workflows_py_server_host
        port = port or settings.workflows_py_server_port
        if file is not None:
            serve_file(file_options(file, host, port, workers, python, data_dir), settings)
            return
        for name, value in (("--workers", workers), ("--python", python), ("--data-dir", data_dir)):
            if value is not None:
                raise typer.BadParameter("needs a FILE", param_hint=name)
        serve_registered(host, port)
    except SettingsInvalid as error:
        refuse(*error.lines)


def file_options(
    file: Path, host: str, port: int, workers: int | None, python: str | None, data_dir: Path | None
) -> FileServerOptions:
    """Fill in what was left out."""
    from cli.stack.file_server import FileServerOptions, data_dir_of

    file = file.expanduser().resolve()
    kept = (data_dir or data_dir_of(file)).expanduser().resolve()
    return FileServerOptions(file, host, port, kept, workers or 1, interpreter(python))


def serve_registered(host: str, port: int) -> NoReturn:
    """Become the listener, on the Redis of the running stack or of the settings. Raises SettingsInvalid."""
    from cli.stack import info
    from cli.stack.file_server import reached
    from config import read_settings

    redis_url = info.redis_url()
    command = [sys.executable, "-m", "uvicorn", "--factory", "main:workflow_server"]
    command += ["--host", host, "--port", str(port), "--timeout-graceful-shutdown", "3"]
    command += ["--no-access-log", "--log-level", "warning"]
    label = read_settings().model_copy(update={"redis_url": redis_url}).redis_label
    typer.echo(f"workflow server on http://{reached(host)}:{port}, with the Redis at {label}")
    os.chdir(info.ROOT)
    # In place of this process: signals reach the server itself.
    os.execve(command[0], command, {**os.environ, "REDIS_URL": redis_url})


def serve_file(options: FileServerOptions, settings: Settings) -> None:
    """Serve the workflows of a file until a signal comes."""
    import asyncio

    from cli.output.process_lines import print_line
    from cli.stack.file_server import FileRefused, FileServer, FileServerBroken
    from cli.stack.ports import NoSuchHost
    from cli.stack.redis_binary import DataTooNew, NoServer
    from cli.stack.redis_server import RedisUnavailable, StackRunning
    from cli.stack.stack import PortTaken

    async def run() -> None:
        await FileServer(options, settings, emit=print_line, announce=announce).run()

    try:
        asyncio.run(run())
    except FileRefused as error:
        refuse(f"{options.file} cannot be served: {error}")
    except (
        DataTooNew, FileServerBroken, NoServer, NoSuchHost, PortTaken, RedisUnavailable, StackRunning,
    ) as error:  # fmt: skip
        refuse(str(error))
    print_line("stack", "stopped; runs are kept, and the next start goes on with them")


def announce(server: FileServer) -> None:
    """Say what is served where."""
    from cli.output.process_lines import write

    assert server.redis is not None
    options = server.options
    rows = [
        ("page", f"{server.url}/"),
        ("workflows", ", ".join(server.workflows)),
        ("also there", ", ".join(server.others)),
        ("file", f"{options.file}  (saving it loads it again)"),
        ("Redis", server.redis.label),
        ("workers", str(options.workers)),
        ("engine", engine_hint(server.redis)),
        ("next", "Ctrl-C stops"),
    ]
    lines = "\n".join(f"  {label:<10} {text}" for label, text in rows if text)
    write(f"\nWorkflow server is up\n{lines}\n\n")


def engine_hint(redis: RedisPlace) -> str:
    """Say how to have the page of the engine, and its commands, beside the server."""
    # Where the settings name it, they do so for that command too.
    url = "" if redis.port is None else f"REDIS_URL=redis://{redis.host}:{redis.port} "
    return f"{url}./headrace dev --workers 0  (page; resume, retry, explain)"


def interpreter(named: str | None) -> str | None:
    """Give an interpreter as a process in another folder finds it."""
    return str(Path(named).expanduser().absolute()) if named is not None and os.sep in named else named


def refuse(*lines: str) -> NoReturn:
    """Say why nothing is served, and end."""
    for line in lines:
        typer.echo(f"headrace workflow-server: {line}", err=True)
    raise typer.Exit(ExitCode.FAILED) from None
