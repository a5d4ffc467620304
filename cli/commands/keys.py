"""`./headrace keys …`: make, list, rotate and revoke the API keys of a tenant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_server
from cli.commands.options import AnswerOption, ServerOption
from cli.output.records import record_lines
from cli.output.text import json_line, printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.records import ApiKey

TenantOption = Annotated[
    str | None,
    typer.Option("--tenant", metavar="NAME", help="Another tenant's; with OPERATOR_KEY.", show_default=False),
]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="The key's id.")]

keys = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Make, list, rotate and revoke the keys of a tenant."
)


@keys.command("list")
def list_keys(
    tenant: TenantOption = None, as_json: AnswerOption = False, server: ServerOption = None
) -> None:
    """List the keys, their scopes, and when each was used last."""

    async def act(client: AsyncClient) -> int:
        found = await client.api_keys.list(tenant=tenant)
        none = "no keys yet; make one: ./headrace keys create NAME"
        for line in record_lines(found, _rows, none=none, as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act, as_operator=tenant is not None)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Free text, to know the key by.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="read, run or admin; may be given more than once.", show_default="run"),
    ] = None,
    expires_in: Annotated[
        str | None, typer.Option("--expires-in", metavar="DURATION", help="Such as 12h; never without it.")
    ] = None,
    tenant: TenantOption = None,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Make a key and print it. It is shown this once."""

    async def act(client: AsyncClient) -> int:
        made = await client.api_keys.create(
            name, tuple(scope or ("run",)), expires_in=expires_in, tenant=tenant
        )
        typer.echo(json_line(made.document) if as_json else issued_lines(made.document))
        return ExitCode.SUCCESS

    call_server(server, act, as_operator=tenant is not None)


@keys.command()
def rotate(
    key_id: KeyArgument,
    overlap: Annotated[
        str | None,
        typer.Option(
            "--overlap", metavar="DURATION", help="How long the old key goes on.", show_default="24h"
        ),
    ] = None,
    tenant: TenantOption = None,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Make a key in place of another one, and print it.

    It has the same name and scopes; the old one goes on for a while: --overlap.
    """

    async def act(client: AsyncClient) -> int:
        made = (await client.api_keys.rotate(key_id, overlap=overlap, tenant=tenant)).document
        typer.echo(json_line(made) if as_json else issued_lines(made))
        return ExitCode.SUCCESS

    call_server(server, act, as_operator=tenant is not None)


@keys.command()
def revoke(key_id: KeyArgument, tenant: TenantOption = None, server: ServerOption = None) -> None:
    """Revoke a key; within a second it opens nothing."""

    async def act(client: AsyncClient) -> int:
        await client.api_keys.revoke(key_id, tenant=tenant)
        typer.echo(f"revoked {printable(key_id)}")
        return ExitCode.SUCCESS

    call_server(server, act, as_operator=tenant is not None)


def issued_lines(made: dict[str, Any]) -> str:
    """A new key, by itself on the last line, so that it is easily copied."""
    return f"{key_line(made)}\nkept nowhere and shown this once:\n{printable(made['key'])}"


def _rows(found: Sequence[ApiKey]) -> Iterator[str]:
    return (key_line(each.document) for each in found)


def key_line(key: dict[str, Any]) -> str:
    """What is kept of a key, in one line."""
    expires = f"expires {key['expires_at']}" if key["expires_at"] else "does not expire"
    used = f"used {key['last_used_at']}" if key["last_used_at"] else "not used yet"
    return printable(f"{key['key_id']}  {','.join(key['scopes'])}  {expires}, {used}  {key['name']}")
