"""`./headrace signal`, `approvals`, `approve` and `deny`: answer what waits for somebody outside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.commands.watch import ExitCode, ServerOption, call_server

if TYPE_CHECKING:
    from clients.headrace.client import Client

ExecutionArgument = Annotated[str, typer.Argument(help="The execution's id.")]
NodeArgument = Annotated[str, typer.Argument(help="The node that asks; for an item of a map NODE[INDEX].")]
ByOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides.")]
FormOption = Annotated[str | None, typer.Option("--form", metavar="JSON", help="What is filled in.")]
ShownOption = Annotated[
    str | None,
    typer.Option("--shown", metavar="HASH", help="Decide only about this; `approvals` prints it."),
]


def signal(
    execution_id: ExecutionArgument,
    name: Annotated[str, typer.Argument(help="The signal's name.")],
    payload: Annotated[str | None, typer.Option("--payload", metavar="JSON", help="What it carries.")] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Idempotency key: sent again, it is taken once.")
    ] = None,
    server: ServerOption = None,
) -> None:
    """Send a signal to the nodes of an execution that wait for it; else it is kept for one that will."""
    value = _json("signal", "--payload", payload)

    async def act(client: Client) -> int:
        done = await client.signals.send(execution_id, name, value, idempotency_key=key)
        typer.echo(f"kept: nobody waits for '{name}' yet" if done["kept"] else f"given to {done['nodes']}")
        return ExitCode.SUCCESS

    call_server(server, act)


def approvals(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    server: ServerOption = None,
) -> None:
    """List what waits for somebody to decide, longest first."""

    async def act(client: Client) -> int:
        count = 0
        async for found in client.approvals.list():
            count += 1
            typer.echo(json.dumps(found, ensure_ascii=False) if as_json else _shown(found))
        if not count and not as_json:
            typer.echo("nothing waits for a decision")
        return ExitCode.SUCCESS

    call_server(server, act)


def approve(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    by: ByOption,
    form: FormOption = None,
    shown: ShownOption = None,
    server: ServerOption = None,
) -> None:
    """Approve what a node shows; it is printed first."""
    _decide("approve", execution_id, node_id, by=by, form=form, shown=shown, server=server)


def deny(
    execution_id: ExecutionArgument,
    node_id: NodeArgument,
    by: ByOption,
    form: FormOption = None,
    shown: ShownOption = None,
    server: ServerOption = None,
) -> None:
    """Deny what a node shows; it is printed first."""
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
    value = _json(decision, "--form", form)

    async def act(client: Client) -> int:
        found = await client.approvals.get(execution_id, node_id)
        typer.echo(_shown(found))
        # The hash of what has just been printed, so that nothing else is decided than what was seen.
        done = await client.approvals.decide(
            execution_id, node_id, decision, by=by, shown=shown or found["shown"], form=value
        )
        if done["pending"]:
            typer.echo(f"recorded: {done['approvals']} of {done['quorum']} approvals")
        else:
            typer.echo(f"decided: {done['output']['decision']}")
        return ExitCode.SUCCESS

    call_server(server, act)


def _shown(found: dict[str, Any]) -> str:
    """An approval in lines a terminal can show; control characters are written as escapes."""
    people = ", ".join(found["assignees"]) if found["assignees"] else "anybody"
    until = f" until {found['due_at']}" if found["due_at"] else ""
    share = f", {found['approvals']} of {found['quorum']} approvals" if found["quorum"] > 1 else ""
    lines = [f"{found['execution_id']} {found['node_id']}  by {people}{share}{until}", f"  {found['prompt']}"]
    if found["form"]:
        lines.append(f"  form: {json.dumps(found['form'], ensure_ascii=False)}")
    lines.append(f"  shown: {found['shown']}")
    text = "\n".join(line.replace("\n", "\n  ") for line in lines)
    return "".join(
        letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text
    )


def _json(command: str, option: str, text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError as error:
        typer.echo(f"headrace {command}: {option} is not JSON: {error}", err=True)
        raise typer.Exit(ExitCode.USAGE) from None
