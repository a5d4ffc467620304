"""`./headrace webhooks …`: make, list, read, test, rotate, pause and delete webhooks."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_server, say_warnings, usage_error
from cli.commands.options import AnswerOption, LimitOption, LinesOption, ServerOption
from cli.output.records import record_lines
from cli.output.refusals import age_text, cure_of, rejected_text
from cli.output.text import json_line, printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.records import Webhook

PathArgument = Annotated[
    str, typer.Argument(metavar="PATH", help="What stands behind /webhooks/ in its URL.")
]
SecretOption = Annotated[
    list[str] | None,
    typer.Option("--secret", help="One that senders have already; may be given up to four times."),
]

webhooks = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="Manage webhooks: others start workflows by them.",
)


@webhooks.command("list")
@webhooks.callback()
def list_webhooks(
    context: typer.Context,
    workflow: Annotated[
        str | None, typer.Option("--workflow", metavar="NAME", help="Only those of this workflow.")
    ] = None,
    limit: LimitOption = 50,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List webhooks, newest first, with what was delivered to each."""
    if context.invoked_subcommand is not None:
        return

    async def act(client: AsyncClient) -> int:
        found = [each async for each in client.webhooks.list(workflow=workflow, limit=limit)]
        none = "no webhooks of this workflow" if workflow else "no webhooks yet"
        for line in record_lines(found, _rows, none=none, as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


@webhooks.command()
def create(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's name or id.")],
    path: Annotated[
        str | None,
        typer.Option("--path", help="Choose its path; without it, one that cannot be guessed is made."),
    ] = None,
    scheme: Annotated[
        str, typer.Option("--scheme", help="hub256, standard, header_token; none in development only.")
    ] = "hub256",
    secret: SecretOption = None,
    header: Annotated[
        str | None,
        typer.Option("--header", help="Of header_token: the header that holds it.", show_default=False),
    ] = None,
    payload_as_inputs: Annotated[
        bool, typer.Option("--payload-as-inputs", help="The body becomes the inputs of the workflow.")
    ] = False,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Make a webhook of a workflow, and print its secret. It is shown this once."""

    async def act(client: AsyncClient) -> int:
        made = await client.webhooks.create(
            workflow,
            scheme,
            path=path,
            secrets=secret,
            header=header,
            inputs="payload" if payload_as_inputs else None,
        )
        say_warnings(made.warnings)
        for line in [json_line(made.document)] if as_json else _issued(made.document, client.base_url):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


@webhooks.command()
def get(path: PathArgument, as_json: AnswerOption = False, server: ServerOption = None) -> None:
    """Show a webhook, without its secrets."""

    async def act(client: AsyncClient) -> int:
        found = (await client.webhooks.get(path)).document
        for line in [json_line(found)] if as_json else _lines(found, client.base_url):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


@webhooks.command("test")
def deliver_sample(
    path: PathArgument,
    payload: Annotated[
        str | None, typer.Option("--payload", metavar="JSON", help="What is delivered; a sample without it.")
    ] = None,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Deliver a signed sample, and print the curl command that sends it."""
    import json

    try:
        sent = None if payload is None else json.loads(payload)
    except ValueError as error:
        raise usage_error("webhooks test", ValueError(f"--payload is not JSON: {error}")) from None

    async def act(client: AsyncClient) -> int:
        done = await client.webhooks.test(path, sent)
        if as_json:
            typer.echo(json_line(done))
            return ExitCode.SUCCESS
        typer.echo(f"started {done['execution_id']}; the same delivery, which starts nothing more:")
        typer.echo(curl_line(done["request"], client.base_url))
        return ExitCode.SUCCESS

    call_server(server, act)


@webhooks.command()
def rotate(
    path: PathArgument,
    secret: Annotated[
        str | None, typer.Option("--secret", help="The new one; without it, one is made.")
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep", metavar="DURATION", help="How long those before it are good.", show_default="24h"
        ),
    ] = None,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Give a webhook a new secret, and print it.

    Those before it are good for a while more: --keep.
    """

    async def act(client: AsyncClient) -> int:
        done = (await client.webhooks.rotate(path, secret=secret, keep=keep)).document
        for line in [json_line(done)] if as_json else _issued(done, client.base_url):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


@webhooks.command()
def pause(path: PathArgument, server: ServerOption = None) -> None:
    """Refuse deliveries until it is resumed.

    Its path is unknown meanwhile.
    """
    _set_active(path, server, is_active=False)


@webhooks.command()
def resume(path: PathArgument, server: ServerOption = None) -> None:
    """Take deliveries again."""
    _set_active(path, server, is_active=True)


@webhooks.command()
def delete(path: PathArgument, server: ServerOption = None) -> None:
    """Delete a webhook: its path is unknown from now on."""

    async def act(client: AsyncClient) -> int:
        await client.webhooks.delete(path)
        typer.echo(f"deleted {printable(path)}")
        return ExitCode.SUCCESS

    call_server(server, act)


def curl_line(request: dict[str, Any], base_url: str) -> str:
    """A request as one curl command for a shell."""
    words = ["curl", "-s", "-X", request["method"], f"{base_url}{request['path']}"]
    for name, value in request["headers"].items():
        words += ["-H", f"{name}: {value}"]
    words += ["--data-binary", request["body"]]
    return printable(shlex.join(words))


def _set_active(path: str, server: str | None, *, is_active: bool) -> None:
    async def act(client: AsyncClient) -> int:
        done = (await client.webhooks.change(path, is_active=is_active)).document
        typer.echo("active" if done["is_active"] else "inactive")
        return ExitCode.SUCCESS

    call_server(server, act)


def _issued(made: dict[str, Any], base_url: str) -> list[str]:
    """A webhook with a new secret, which is by itself on the last line."""
    lines = _lines(made, base_url)
    if made["secret"] is not None:
        lines += ["shown this once:", printable(made["secret"])]
    return lines


def _lines(found: dict[str, Any], base_url: str) -> list[str]:
    header = f" in {found['header']}" if found["header"] else ""
    state = "active" if found["is_active"] else "inactive"
    secrets = [
        f"from {each['created_at']}" + (f" to {each['expires_at']}" if each["expires_at"] else "")
        for each in found["secrets"]
    ]
    lines = [
        f"POST {base_url}{found['url']}",
        f"  starts {found['workflow'] or found['workflow_id']}; {state}; {found['scheme']}{header}",
        f"  inputs: {found['inputs']}",
        f"  secrets: {', '.join(secrets) or 'none'}",
        f"  deliveries: {_counts(found['deliveries'])}",
    ]
    if last := found["deliveries"].get("last_rejected"):
        lines += [
            f"  last rejected: {last['at']}, {age_text(last['at'])}: {last['reason']}: {last['detail']}",
            f"    → {cure_of(found, last['reason'])}",
        ]
    return [printable(line) for line in lines]


def _rows(found: Sequence[Webhook]) -> Iterator[str]:
    return (_row(each.document) for each in found)


def _row(found: dict[str, Any]) -> str:
    state = "" if found["is_active"] else "  inactive"
    starts = found["workflow"] or found["workflow_id"]
    counts = _counts(found["deliveries"])
    return printable(f"{found['path']}  {found['scheme']}  starts {starts}  {counts}{state}")


def _counts(deliveries: dict[str, Any]) -> str:
    last = f", last {deliveries['last_at']}" if deliveries["last_at"] else ""
    return (
        f"{deliveries['accepted']} accepted ({deliveries['duplicate']} again), "
        f"{rejected_text(deliveries)}, {deliveries['error']} wrong{last}"
    )
