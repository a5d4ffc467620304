"""`./headrace run FILE|NAME`: start a workflow of a file or of the registry, and follow it to its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_server, say_warnings, usage_error
from cli.commands.documents import GivenInputs, read_definition, read_labels, read_trigger
from cli.commands.near_files import file_hint, is_bare, is_file
from cli.commands.options import (
    InputsFileOption,
    InputsOption,
    LabelsOption,
    PlainOption,
    ServerOption,
    StateOption,
    TimeoutOption,
    TriggerFileOption,
    VersionOption,
    WatchOption,
)
from cli.commands.watch import follow
from cli.output.text import json_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.client import AsyncClient
    from headrace.values import Created

KeyOption = Annotated[
    str | None, typer.Option("--key", help="Your own name for the execution, taken wherever an id is.")
]
ConflictOption = Annotated[
    str | None,
    typer.Option(
        "--on-conflict",
        metavar="POLICY",
        help="While another execution holds the key: fail, use_existing, terminate_existing.",
    ),
]


def run(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|NAME",
            help="A workflow as JSON or YAML, - reads standard input; or the name or id of a registered one.",
        ),
    ],
    inputs: InputsOption = None,
    inputs_file: InputsFileOption = None,
    label: LabelsOption = None,
    key: KeyOption = None,
    on_conflict: ConflictOption = None,
    trigger_file: TriggerFileOption = None,
    version: VersionOption = None,
    watch: WatchOption = True,
    server: ServerOption = None,
    plain: PlainOption = False,
    as_json: StateOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Run a workflow, a file or a registered one by its name.

    It is followed to its end, unless --no-watch is given; Ctrl-C stops the watching alone.

    Exit code: 0 completed, 1 failed, 2 usage or refused, 3 cancelled, 4 timed out, 5 no server, 124 it still
    runs after --timeout.
    """
    name = str(file)
    is_registered = is_bare(file) and not is_file(file)
    try:
        definition = None if is_registered else read_definition(file)
        if definition is not None and version is not None:
            raise ValueError(f"--version is for a registered workflow; {name!r} is a file")
        given = GivenInputs.read(inputs, inputs_file)
        labels, trigger = read_labels(label), read_trigger(trigger_file)
    except ValueError as error:
        raise usage_error("run", error) from None

    origin: Any = {"labels": labels, "execution_key": key, "id_conflict_policy": on_conflict}

    async def act(client: AsyncClient) -> int:
        if definition is None:
            created = await _start_registered(client, name, version, given, trigger, origin)
        else:
            created = await client.executions.run(
                definition,
                inputs=given.values(definition),
                trigger=True if trigger is None else trigger,
                **origin,
            )
        say_warnings(created.warnings)
        if not watch:
            made = created.execution_id
            typer.echo(json_line({"execution_id": made}) if as_json else made)
            return ExitCode.SUCCESS
        return await follow(client, created.execution_id, is_plain=plain, is_json=as_json, timeout_s=timeout)

    call_server(server, act)


async def _start_registered(
    client: AsyncClient,
    name: str,
    version: int | None,
    given: GivenInputs,
    trigger: dict[str, Any] | None,
    origin: dict[str, Any],
) -> Created:
    """Start the registered workflow of a name that no file has."""
    from headrace.errors import NotFound, ServerUnreachable

    try:
        # The words are read by its schema.
        found = await _definition_of(client, name, version) if given.words else None
        inputs = given.values(found)
        return await client.workflows.start(name, version=version, inputs=inputs, trigger=trigger, **origin)
    except (NotFound, ServerUnreachable):
        if version is None:
            typer.echo(f"there is no file {name!r}{file_hint(Path(name))}", err=True)
        raise


async def _definition_of(client: AsyncClient, name: str, version: int | None) -> Mapping[str, Any] | None:
    if version is not None:
        return (await client.workflows.version(name, version)).definition
    return (await client.workflows.get(name)).definition
