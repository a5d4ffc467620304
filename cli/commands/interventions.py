"""`./headrace pause`, `resume` and `node …`: what those who run executions do to them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.watch import ExitCode, ServerOption, call_server

if TYPE_CHECKING:
    from clients.headrace.client import Client

ExecutionArgument = Annotated[str, typer.Argument(help="The execution's id.")]
NodeArgument = Annotated[str, typer.Argument(help="The node; for an item of a map NODE[INDEX].")]
ByOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides; kept in the history.")]
AnybodyOption = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who asks for it; kept in the history.")
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Why; kept in the history.")]
TokensOption = Annotated[
    int | None, typer.Option("--max-tokens", min=1, help="What its model calls may use from now on.")
]
CostOption = Annotated[
    float | None, typer.Option("--max-cost-usd", help="What its model calls may cost from now on.")
]
AttemptOption = Annotated[
    int | None, typer.Option("--attempt", min=0, help="Only while the node is at this attempt.")
]

node = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="End one node by hand, or its wait; see its commands."
)


def pause(
    execution_id: ExecutionArgument,
    by: AnybodyOption = None,
    reason: ReasonOption = None,
    server: ServerOption = None,
) -> None:
    """Start nothing more of an execution; what runs goes on to its end, what becomes ready is held."""

    async def act(client: Client) -> int:
        _say(await client.executions.pause(execution_id, by=by, reason=reason))
        return ExitCode.SUCCESS

    call_server(server, act)


def resume(
    execution_id: ExecutionArgument,
    by: AnybodyOption = None,
    reason: ReasonOption = None,
    max_tokens: TokensOption = None,
    max_cost_usd: CostOption = None,
    server: ServerOption = None,
) -> None:
    """Go on with a paused execution; nodes that wait for an operator get new tries."""
    limits: dict[str, float | None] = {"max_tokens": max_tokens, "max_cost_usd": max_cost_usd}
    budget = {name: limit for name, limit in limits.items() if limit is not None} or None

    async def act(client: Client) -> int:
        _say(await client.executions.resume(execution_id, by=by, reason=reason, budget=budget))
        return ExitCode.SUCCESS

    call_server(server, act)


@node.command()
def complete(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    by: ByOption,
    output: Annotated[
        str, typer.Option("--output", metavar="JSON", help="What it is completed with.")
    ] = "null",
    reason: ReasonOption = None,
    attempt: AttemptOption = None,
    server: ServerOption = None,
) -> None:
    """Complete a node with an output, wherever it stands; a running attempt is fenced."""
    try:
        value = json.loads(output)
    except ValueError as error:
        typer.echo(f"headrace node complete: --output is not JSON: {error}", err=True)
        raise typer.Exit(ExitCode.USAGE) from None
    _override(
        server,
        lambda client: client.nodes.complete(
            execution_id, node_id, by=by, output=value, reason=reason, attempt=attempt
        ),
    )


@node.command()
def fail(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    by: ByOption,
    error: Annotated[
        str | None, typer.Option("--type", help="The error's type: what a `catch` looks at.")
    ] = None,
    reason: ReasonOption = None,
    attempt: AttemptOption = None,
    server: ServerOption = None,
) -> None:
    """Fail a node for good; its catch, and what follows, are as for any failure."""
    failure = None if error is None else {"type": error}
    _override(
        server,
        lambda client: client.nodes.fail(
            execution_id, node_id, by=by, error=failure, reason=reason, attempt=attempt
        ),
    )


@node.command()
def skip(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    by: ByOption,
    reason: ReasonOption = None,
    attempt: AttemptOption = None,
    server: ServerOption = None,
) -> None:
    """Skip a node; its successors decide by their trigger rules."""
    _override(
        server,
        lambda client: client.nodes.skip(execution_id, node_id, by=by, reason=reason, attempt=attempt),
    )


@node.command()
def retry(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    by: ByOption,
    reason: ReasonOption = None,
    attempt: AttemptOption = None,
    server: ServerOption = None,
) -> None:
    """End a node's wait for its next try, a delay, a worker or an operator now."""
    _override(
        server,
        lambda client: client.nodes.retry(execution_id, node_id, by=by, reason=reason, attempt=attempt),
    )


def _override(server: str | None, act: Callable[[Client], Awaitable[dict[str, Any]]]) -> None:
    async def override(client: Client) -> int:
        done = await act(client)
        typer.echo(f"{done['node_id']}: {done['status']}")
        return ExitCode.SUCCESS

    call_server(server, override)


def _say(done: dict[str, Any]) -> None:
    typer.echo(f"{done['status']}{' already' * done['already']}")
