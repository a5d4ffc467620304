"""`./headrace tenants …`: register, list, disable and enable tenants, as the operator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_server
from cli.commands.keys import issued_lines
from cli.commands.options import AnswerOption, ServerOption
from cli.output.records import record_lines
from cli.output.text import json_line, printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.records import Tenant

TenantArgument = Annotated[str, typer.Argument(metavar="NAME", help="The tenant's name: a-z, 0-9 and -.")]

tenants = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Register, list, disable and enable tenants.",
)


@tenants.command("list")
def list_tenants(as_json: AnswerOption = False, server: ServerOption = None) -> None:
    """List the tenants beside `default`, oldest first."""

    async def act(client: AsyncClient) -> int:
        found = [each async for each in client.tenants.list()]
        none = "no tenants beside default yet; register one: ./headrace tenants create NAME"
        for line in record_lines(found, _rows, none=none, as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act, as_operator=True)


@tenants.command()
def create(
    name: TenantArgument,
    title: Annotated[str, typer.Option("--title", help="Free text.")] = "",
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Register a tenant, and print its first key.

    The key opens everything of the tenant.
    """

    async def act(client: AsyncClient) -> int:
        made = (await client.tenants.create(name, title)).document
        typer.echo(json_line(made) if as_json else f"{_line(made)}\n{issued_lines(made['api_key'])}")
        return ExitCode.SUCCESS

    call_server(server, act, as_operator=True)


@tenants.command()
def disable(name: TenantArgument, server: ServerOption = None) -> None:
    """Let the tenant's keys open nothing, until it is enabled. What runs goes on."""
    _change(name, server, is_active=False)


@tenants.command()
def enable(name: TenantArgument, server: ServerOption = None) -> None:
    """Let the tenant's keys open what they did."""
    _change(name, server, is_active=True)


def _change(name: str, server: str | None, *, is_active: bool) -> None:
    async def act(client: AsyncClient) -> int:
        typer.echo(_line((await client.tenants.change(name, is_active=is_active)).document))
        return ExitCode.SUCCESS

    call_server(server, act, as_operator=True)


def _rows(found: Sequence[Tenant]) -> Iterator[str]:
    return (_line(each.document) for each in found)


def _line(tenant: dict[str, Any]) -> str:
    state = "active" if tenant["is_active"] else "disabled"
    return printable(f"{tenant['name']}  {state}  {tenant['created_at']}  {tenant['title']}".rstrip())
