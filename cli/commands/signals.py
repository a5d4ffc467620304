"""`./headrace signal`, `post`, `approvals`, `approve` and `deny`: what nodes wait for from outside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.commands.api_call import ExitCode, call_about, call_server, usage_error
from cli.commands.documents import read_option
from cli.commands.options import DeciderOption, ExecutionArgument, LinesOption, NodeArgument, ServerOption
from cli.output.records import record_lines
from cli.output.text import counted, json_line, printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.records import Approval

FormOption = Annotated[str | None, typer.Option("--form", metavar="JSON", help="The values of its form.")]
ShownOption = Annotated[
    str | None,
    typer.Option("--shown", metavar="HASH", help="Decide only what has this hash, as `approvals` prints it."),
]


def signal(
    execution_id: ExecutionArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The signal's name.")],
    payload: Annotated[str | None, typer.Option("--payload", metavar="JSON", help="The payload.")] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Idempotency key: a signal sent again counts once.")
    ] = None,
    server: ServerOption = None,
) -> None:
    """Send a signal to the waiting nodes of an execution.

    Where none waits for it, it is kept for the first that will.
    """
    value = _option("signal", "--payload", payload)

    async def act(client: AsyncClient, execution_id: str) -> int:
        done = (await client.signals.send(execution_id, name, value, idempotency_key=key)).document
        delivered = f"delivered to {counted(done['nodes'], 'node')}"
        typer.echo(f"kept: no node waits for '{name}' yet" if done["kept"] else delivered)
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def post(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    payload: Annotated[str | None, typer.Option("--payload", metavar="JSON", help="The payload.")] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Idempotency key: a letter posted again counts once.")
    ] = None,
    server: ServerOption = None,
) -> None:
    """Post a letter to the inbox of a node.

    Whatever the node is doing, its durable handler takes the letter when it comes to it; one that has parked
    is called again.
    """
    value = _option("post", "--payload", payload)

    async def act(client: AsyncClient, execution_id: str) -> int:
        done = await client.inboxes.post(execution_id, node_id, value, idempotency_key=key)
        typer.echo(f"letter {done.letter} to {node_id}")
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def approvals(
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List approvals without a decision, oldest first."""

    async def act(client: AsyncClient) -> int:
        found = [each async for each in client.approvals.list()]
        none = "no approval waits for a decision"
        for line in record_lines(found, _all_shown, none=none, as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


def approve(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    by: DeciderOption,
    form: FormOption = None,
    shown: ShownOption = None,
    server: ServerOption = None,
) -> None:
    """Approve what a node shows. It is printed first."""
    _decide("approve", execution_id, node_id, by=by, form=form, shown=shown, server=server)


def deny(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    by: DeciderOption,
    form: FormOption = None,
    shown: ShownOption = None,
    server: ServerOption = None,
) -> None:
    """Deny what a node shows. It is printed first."""
    _decide("deny", execution_id, node_id, by=by, form=form, shown=shown, server=server)


def _decide(
    decision: Literal["approve", "deny"],
    execution_id: str,
    node_id: str,
    *,
    by: str,
    form: str | None,
    shown: str | None,
    server: str | None,
) -> None:
    value = _option(decision, "--form", form)

    async def act(client: AsyncClient, execution_id: str) -> int:
        found = (await client.approvals.get(execution_id, node_id)).document
        typer.echo(_shown(found))
        # The hash of what has just been printed: the decision is about what was seen, or refused.
        done = await client.approvals.decide(
            execution_id, node_id, decision, by=by, shown=shown or found["shown"], form=value
        )
        if done.pending:
            typer.echo(f"recorded: {done.approvals} of {done.quorum} approvals")
        else:
            typer.echo(f"decided: {(done.output or {})['decision']}")
        return ExitCode.SUCCESS

    call_about(server, execution_id, act)


def _all_shown(found: Sequence[Approval]) -> Iterator[str]:
    return (_shown(each.document) for each in found)


def _shown(found: dict[str, Any]) -> str:
    """An approval in lines a terminal can show."""
    people = ", ".join(found["assignees"]) if found["assignees"] else "anyone"
    until = f" until {found['due_at']}" if found["due_at"] else ""
    asked = f", asked {found['asked_at']}" if found.get("asked_at") else ""
    share = f", {found['approvals']} of {found['quorum']} approvals" if found["quorum"] > 1 else ""
    # An older server does not say.
    name = f"of {found['name']}, " if found.get("name") else ""
    lines = [
        f"{found['execution_id']} {found['node_id']}  {name}by {people}{share}{until}{asked}",
        f"  {found['prompt']}",
    ]
    if found["form"]:
        lines.append(f"  form: {json_line(found['form'])}")
    lines.append(f"  shown: {found['shown']}")
    return printable("\n".join(line.replace("\n", "\n  ") for line in lines), keeps_lines=True)


def _option(command: str, name: str, text: str | None) -> Any:
    try:
        return read_option(name, text)
    except ValueError as error:
        raise usage_error(command, error) from None
