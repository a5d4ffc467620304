"""`./headrace node …`: complete, fail, skip or retry a single node by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.api_call import ExitCode, call_about, usage_error
from cli.commands.documents import read_option
from cli.commands.options import (
    DeciderOption,
    ExecutionArgument,
    NodeArgument,
    ReasonOption,
    ServerOption,
)

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Acted

AttemptOption = Annotated[
    int | None, typer.Option("--attempt", min=0, help="Only while the node is at this attempt; else refused.")
]

node = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Complete, fail, skip or retry one node by hand."
)


@node.command()
def complete(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    by: DeciderOption,
    output: Annotated[str, typer.Option("--output", metavar="JSON", help="The output of the node.")] = "null",
    reason: ReasonOption = None,
    attempt: AttemptOption = None,
    server: ServerOption = None,
) -> None:
    """Complete a node with an output, whatever its status.

    A running attempt is fenced.
    """
    try:
        value = read_option("--output", output)
    except ValueError as error:
        raise usage_error("node complete", error) from None
    _override(
        server,
        execution_id,
        lambda client, execution_id: client.nodes.complete(
            execution_id, node_id, by=by, output=value, reason=reason, attempt=attempt
        ),
    )


@node.command()
def fail(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    by: DeciderOption,
    error: Annotated[
        str | None, typer.Option("--type", help="The error's type, for a `catch` to match.")
    ] = None,
    reason: ReasonOption = None,
    attempt: AttemptOption = None,
    server: ServerOption = None,
) -> None:
    """Fail a node without another try.

    Its catch and its successors act as after any failure.
    """
    failure = None if error is None else {"type": error}
    _override(
        server,
        execution_id,
        lambda client, execution_id: client.nodes.fail(
            execution_id, node_id, by=by, error=failure, reason=reason, attempt=attempt
        ),
    )


@node.command()
def skip(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    by: DeciderOption,
    reason: ReasonOption = None,
    attempt: AttemptOption = None,
    server: ServerOption = None,
) -> None:
    """Skip a node. Its successors decide by their trigger rules."""
    _override(
        server,
        execution_id,
        lambda client, execution_id: client.nodes.skip(
            execution_id, node_id, by=by, reason=reason, attempt=attempt
        ),
    )


@node.command()
def retry(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    by: DeciderOption,
    reason: ReasonOption = None,
    attempt: AttemptOption = None,
    server: ServerOption = None,
) -> None:
    """Retry a waiting node now.

    Ends its wait for the next try, a delay, a worker or an operator.
    """
    _override(
        server,
        execution_id,
        lambda client, execution_id: client.nodes.retry(
            execution_id, node_id, by=by, reason=reason, attempt=attempt
        ),
    )


def _override(server: str | None, named: str, act: Callable[[AsyncClient, str], Awaitable[Acted]]) -> None:
    async def override(client: AsyncClient, execution_id: str) -> int:
        done = await act(client, execution_id)
        typer.echo(f"{done.document['node_id']}: {done.status}")
        return ExitCode.SUCCESS

    call_about(server, named, override)
