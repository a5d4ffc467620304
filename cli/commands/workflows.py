"""`./headrace apply FILE…` and `workflows`: register workflows; list, read, pause and delete them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_server, refusal, say_warnings, usage_error
from cli.commands.documents import read_bytes, read_definition, read_labels, title_of
from cli.commands.options import (
    AnswerOption,
    LabelsOption,
    LimitOption,
    LinesOption,
    ServerOption,
    VersionOption,
)
from cli.output.records import record_lines
from cli.output.text import cells, fitted, json_line, printable

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.records import Workflow, WorkflowVersion

#: Columns of a terminal that a name and a title take in a list.
NAME_CELLS, TITLE_CELLS = 30, 40

WorkflowArgument = Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's name or id.")]

workflows = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    help="List, read, pause and delete registered workflows.",
)


Warnings = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Given:
    """A file to be registered: its text, and the name it is registered under."""

    file: Path
    text: bytes
    media_type: str
    name: str


def apply(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE", help="Workflows as JSON or YAML; - reads standard input."),
    ],
    name: Annotated[
        str | None, typer.Option("--name", help="Register it under this name, not the one its title makes.")
    ] = None,
    label: LabelsOption = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be created, updated or refused; change nothing."),
    ] = False,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """Register workflows of files, or new versions of them.

    A file whose name is registered becomes a new version of it; the same again changes nothing. Exit code: 0,
    or 2 if any was refused.
    """
    try:
        if name is not None and len(files) > 1:
            raise ValueError("--name is for one file")
        given = [_given(file, name) for file in files]
        labels = read_labels(label)
    except ValueError as error:
        raise usage_error("apply", error) from None

    async def act(client: AsyncClient) -> int:
        from headrace.errors import ApiError

        code, applied = ExitCode.SUCCESS, list[tuple[Given, Warnings]]()
        for each in given:
            try:
                done, line = await (_preview if dry_run else _apply)(client, each, labels)
            except ApiError as error:
                if error.status >= 500:
                    raise
                typer.echo(f"{each.file}: {refusal(error)}", err=True)
                code = ExitCode.USAGE
                continue
            typer.echo(json_line(done.document) if as_json else line)
            applied.append((each, done.warnings))
        await _say_warnings(client, applied, is_dry=dry_run)
        return code

    call_server(server, act)


async def _apply(client: AsyncClient, given: Given, labels: dict[str, str] | None) -> tuple[Workflow, str]:
    from dataclasses import replace

    done = await client.workflows.apply(given.name, given.text, media_type=given.media_type)
    if labels is not None:
        changed = await client.workflows.change(done.name, labels=labels)
        is_same = changed.outcome == "unchanged" or done.outcome == "created"
        answer = changed.document | ({"warnings": [*done.warnings]} if done.warnings else {})
        done = replace(changed, outcome=done.outcome if is_same else "updated", document=answer)
    return done, f"{done.outcome} {done.name} (version {done.version})"


async def _preview(client: AsyncClient, given: Given, labels: dict[str, str] | None) -> tuple[Workflow, str]:
    """Ask what applying a file would do, and change nothing."""
    from dataclasses import replace

    done = await client.workflows.apply(given.name, given.text, media_type=given.media_type, dry_run=True)
    if labels is not None:
        # By themselves labels are refused where there is no workflow yet, so a definition goes with them.
        definition = read_definition(given.file, given.text)
        await client.workflows.apply(given.name, definition, labels=labels, dry_run=True)
        if done.outcome == "unchanged" and done.document["labels"] != labels:
            done = replace(done, outcome="updated")
    if done.outcome == "unchanged":
        return done, f"unchanged {done.name} (version {done.version})"
    if done.outcome == "created":
        return done, f"would create {done.name} (version {done.version})"
    before = (await client.workflows.get(done.name)).version
    change = "stays" if before == done.version else f"to {done.version}"
    return done, f"would update {done.name} (version {before} {change})"


@workflows.command("list")
@workflows.callback()
def list_workflows(
    context: typer.Context,
    text: Annotated[
        str | None, typer.Option("--text", help="Only those with this in title, name or description.")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="NAME=VALUE", help="Only those with this label.")
    ] = None,
    limit: LimitOption = 50,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List registered workflows, newest first."""
    if context.invoked_subcommand is not None:
        return

    try:
        wanted = next(iter((read_labels([label] if label else None) or {}).items()), None)
    except ValueError as error:
        raise usage_error("workflows", error) from None

    async def act(client: AsyncClient) -> int:
        asked = ":".join(wanted) if wanted else None
        found = [each async for each in client.workflows.list(limit=limit, label=asked, text=text)]
        none = "no matching workflows" if text or label else "no workflows yet"
        for line in record_lines(found, _rows, none=none, as_json=as_json):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


@workflows.command()
def get(
    workflow: WorkflowArgument,
    source: Annotated[
        bool, typer.Option("--source", help="Print the document as it was registered, and nothing else.")
    ] = False,
    version: VersionOption = None,
    as_json: AnswerOption = False,
    server: ServerOption = None,
) -> None:
    """Show a workflow."""

    async def act(client: AsyncClient) -> int:
        if source:
            text = await client.workflows.source(workflow, version=version)
            typer.echo(text.decode(errors="replace"), nl=False)
            return ExitCode.SUCCESS
        if version is not None:
            one = await client.workflows.version(workflow, version)
            for line in [json_line(one.document)] if as_json else _version_lines(workflow, one):
                typer.echo(line)
            return ExitCode.SUCCESS
        found = (await client.workflows.get(workflow)).document
        for line in [json_line(found)] if as_json else _lines(found):
            typer.echo(line)
        return ExitCode.SUCCESS

    call_server(server, act)


@workflows.command()
def versions(
    workflow: WorkflowArgument,
    limit: LimitOption = 50,
    as_json: LinesOption = False,
    server: ServerOption = None,
) -> None:
    """List the versions of a workflow, newest first."""

    async def act(client: AsyncClient) -> int:
        async for each in client.workflows.versions(workflow, limit=limit):
            line = f"{each.version}  {each.created_at}  {each.hash[:16]}  {each.title}"
            typer.echo(json_line(each.document) if as_json else printable(line))
        return ExitCode.SUCCESS

    call_server(server, act)


@workflows.command()
def pause(workflow: WorkflowArgument, server: ServerOption = None) -> None:
    """Start no new execution of a workflow; what runs goes on."""
    _change(server, lambda client: client.workflows.pause(workflow))


@workflows.command()
def resume(workflow: WorkflowArgument, server: ServerOption = None) -> None:
    """Let new executions of a workflow start again."""
    _change(server, lambda client: client.workflows.resume(workflow))


@workflows.command()
def label(
    workflow: WorkflowArgument,
    labels: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE", help="Labels to add; NAME= takes one away.", show_default=False),
    ] = None,
    server: ServerOption = None,
) -> None:
    """Add labels to a workflow, remove some, or print them.

    Without any, those it has are printed.
    """
    added, removed = [each for each in labels or () if not each.endswith("=")], set[str]()
    removed |= {each[:-1] for each in labels or () if each.endswith("=")}
    try:
        given = read_labels(added) or {}
    except ValueError as error:
        raise usage_error("workflows label", error) from None

    async def act(client: AsyncClient) -> int:
        found = (await client.workflows.get(workflow)).document
        if given or removed:
            kept = {name: value for name, value in found["labels"].items() if name not in removed}
            found = (await client.workflows.change(workflow, labels=kept | given)).document
        for name, value in found["labels"].items():
            typer.echo(printable(f"{name}={value}"))
        return ExitCode.SUCCESS

    call_server(server, act)


@workflows.command()
def delete(workflow: WorkflowArgument, server: ServerOption = None) -> None:
    """Remove a workflow with its versions.

    Executions of it keep their definition, and go on.
    """

    async def act(client: AsyncClient) -> int:
        await client.workflows.delete(workflow)
        typer.echo(f"deleted {workflow}")
        return ExitCode.SUCCESS

    call_server(server, act)


async def _say_warnings(
    client: AsyncClient, applied: Sequence[tuple[Given, Warnings]], *, is_dry: bool
) -> None:
    """Print what was, or would be, registered with a warning; what names another file here is asked again.

    In a dry run the other one is not there, and no workflow is called unknown.
    """
    for each, warnings in applied:
        others = [other.name.encode() for other, _ in applied if other is not each]
        names_other = any(name in each.text for name in others)
        if names_other and is_dry:
            warnings = [warning for warning in warnings if warning["code"] != "unknown_workflow"]
        elif names_other:
            # The same again changes nothing, and by now all of them are there.
            warnings = (
                await client.workflows.apply(each.name, each.text, media_type=each.media_type)
            ).warnings
        say_warnings(warnings, of=each.file)


def _given(file: Path, name: str | None) -> Given:
    """Read a file. Raises ValueError that names it."""
    from headrace.api.workflows import name_of

    text = read_bytes(file)
    definition = read_definition(file, text)
    media_type = "application/json" if isinstance(definition, dict) else "application/yaml"
    found = name or name_of(title_of(definition)) or name_of(file.stem)
    if not found:
        raise ValueError(f"{file}: neither its title nor its own name makes a name; give one with --name")
    return Given(file, text, media_type, found)


def _change(server: str | None, change: Callable[[AsyncClient], Awaitable[Workflow]]) -> None:
    async def act(client: AsyncClient) -> int:
        done = await change(client)
        already = "already " * (done.outcome == "unchanged")
        typer.echo(f"{already}{'active' if done.is_active else 'paused'}")
        return ExitCode.SUCCESS

    call_server(server, act)


def _rows(found: Sequence[Workflow]) -> Iterator[str]:
    width = min(max(cells(each.name) for each in found), NAME_CELLS)
    return (_row(each.document, width) for each in found)


def _row(found: dict[str, Any], width: int) -> str:
    title = fitted(printable(found["title"]), TITLE_CELLS)
    state = "" if found["is_active"] else "  paused"
    return (
        f"{fitted(found['name'], width)}  {title}  version {found['version']}  {found['updated_at']}{state}"
    )


def _version_lines(workflow: str, found: WorkflowVersion) -> list[str]:
    return [
        printable(f"{found.title} ({workflow})"),
        f"  version {found.version}, created {found.created_at}",
        f"  hash {found.hash}",
    ]


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [printable(f"{found['title']} ({found['name']})"), f"  {found['workflow_id']}"]
    lines.append(f"  version {found['version']}, {'active' if found['is_active'] else 'paused'}")
    lines.append(f"  created {found['created_at']}, updated {found['updated_at']}")
    lines += [printable(f"  {name}={value}") for name, value in found["labels"].items()]
    if found["description"]:
        lines.append(printable(f"  {found['description']}"))
    return lines
