"""Calls of the API from a command: the connection, the exit code, and what is printed of a refusal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from cli.output.text import printable, without_repeats

if TYPE_CHECKING:
    from headrace.client import AsyncClient


class ExitCode(IntEnum):
    """How a command ended, for shell scripts."""

    SUCCESS = 0
    FAILED = 1
    USAGE = 2
    CANCELLED = 3
    TIMED_OUT = 4
    UNREACHABLE = 5
    #: What `timeout` of a shell gives: the watching is over, the execution goes on.
    STOPPED_WATCHING = 124
    INTERRUPTED = 130


def call_server(
    server: str | None, act: Callable[[AsyncClient], Awaitable[int]], *, as_operator: bool = False
) -> NoReturn:
    """Run `act` with a client of the API and exit with its code; print what the server refused.

    as_operator  send OPERATOR_KEY rather than API_KEY.
    """
    import asyncio

    from cli.stack import info
    from headrace.client import AsyncClient
    from headrace.errors import NOT_TEXT, ApiError, NotSendable, ServerUnreachable

    async def call() -> int:
        key = info.operator_key() if as_operator else info.api_key()
        async with AsyncClient(server or info.api_url(), api_key=key, retries=0) as client:
            return await act(client)

    try:
        code = asyncio.run(call())
    except ServerUnreachable as error:
        typer.echo(
            f"{error}; is it running? start it: ./headrace dev; "
            "or name it: --server URL, or STACK_DATA_DIR where its data is",
            err=True,
        )
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


def call_about(server: str | None, named: str, act: Callable[[AsyncClient, str], Awaitable[int]]) -> NoReturn:
    """As `call_server`, about an execution that is named by id, the beginning of one, key, or `last`.

    act  gets the client, and the name by which the API knows the execution.
    """
    from cli.commands.execution_ids import NotOneExecution, find_execution_id

    async def act_on_it(client: AsyncClient) -> int:
        from headrace.errors import NotFound

        try:
            return await act(client, await find_execution_id(client, named))
        except NotOneExecution as error:
            typer.echo(f"refused: {error}", err=True)
        except NotFound as error:
            if error.code != "EXECUTION_NOT_FOUND":
                raise
            shown = printable(named)
            typer.echo(f"refused: no execution {shown!r} at {client.base_url}; see ./headrace list", err=True)
        return ExitCode.USAGE

    call_server(server, act_on_it)


def usage_error(command: str, error: Exception) -> typer.Exit:
    """Print what is wrong with an argument; gives the exit to raise."""
    typer.echo(f"headrace {command}: {error}", err=True)
    return typer.Exit(ExitCode.USAGE)


def say_warnings(warnings: Iterable[Mapping[str, Any]], of: object = "") -> None:
    """Print to stderr what an answer warns of; of: the file that is meant."""
    for each in warnings:
        where = f"{of}: warning: {each['path']}: " if of else "warning: "
        hint = f"; {each['hint']}" if each.get("hint") else ""
        typer.echo(printable(f"{where}{each['message']}{hint}"), err=True)


def refusal(error: Exception) -> str:
    """The server's refusal, with each single problem on a line of its own."""
    from headrace.errors import ApiError

    if not isinstance(error, ApiError) or not error.problems:
        return f"refused: {error}"
    lines = [f"refused: {len(error.problems)} problem{'s' if len(error.problems) > 1 else ''}"]
    for problem in error.problems:
        place, message = str(problem.get("path") or ""), str(problem.get("message", ""))
        if problem.get("line"):
            place += f" (line {problem['line']}, column {problem.get('column') or 1})"
        elif message.startswith(f"'{place}'"):
            place = ""
        hint = f"; {problem['hint']}" if problem.get("hint") else ""
        lines.append(f"  {place + ': ' if place else ''}{message}{hint}")
    return "\n".join(without_repeats(lines))
