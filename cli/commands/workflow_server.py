"""`./headrace workflow-server`: the contract of workflow servers by itself, on a port of its own."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cli.commands.api_call import ExitCode


def workflow_server(
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
) -> None:
    """Serve registered workflows to LlamaIndex clients.

    It answers as a LlamaIndex workflow server does, and nothing else.

    It works on the Redis of the running stack, or on the one that the settings name; workers and an
    orchestrator have to run beside it. Ctrl-C stops it.
    """
    from cli.stack import info
    from config import SettingsInvalid, read_settings

    try:
        settings = read_settings()
        redis_url = info.redis_url()
    except SettingsInvalid as error:
        for line in error.lines:
            typer.echo(f"headrace workflow-server: {line}", err=True)
        raise typer.Exit(ExitCode.FAILED) from None
    host = host or settings.workflows_py_server_host
    port = port or settings.workflows_py_server_port
    command = [sys.executable, "-m", "uvicorn", "--factory", "main:workflow_server"]
    command += ["--host", host, "--port", str(port), "--timeout-graceful-shutdown", "3"]
    command += ["--no-access-log", "--log-level", "warning"]
    typer.echo(f"workflow server on http://{_shown(host)}:{port}")
    os.chdir(info.ROOT)
    # In place of this process: signals reach the server itself.
    os.execve(command[0], command, {**os.environ, "REDIS_URL": redis_url})


def _shown(host: str) -> str:
    """A host as it stands in a URL; every address of this machine is reached by its name."""
    if host in ("0.0.0.0", "::"):
        return "localhost"
    return f"[{host}]" if ":" in host else host
