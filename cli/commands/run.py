"""`./headrace run FILE|NAME`: start a workflow of a file or of the registry, and follow it to its end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_server, usage_error
from cli.commands.documents import GivenInputs, read_definition, read_labels, read_trigger
from cli.commands.options import (
    InputsFileOption,
    InputsOption,
    LabelsOption,
    PlainOption,
    ServerOption,
    StateOption,
    TimeoutOption,
    TriggerFileOption,
    WatchOption,
)
from cli.commands.watch import follow
from cli.output.text import json_line

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Created

#: A name or an id of the registry; a file without an ending can have either.
could_be_registered = re.compile(r"(?!-$)[a-z0-9-]{1,64}|wf_[a-z2-7]{26}").fullmatch


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
    key: Annotated[
        str | None, typer.Option(help="Your own name for the execution, taken wherever an id is.")
    ] = None,
    on_conflict: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY",
            help="While another execution holds the key: fail, use_existing, terminate_existing.",
        ),
    ] = None,
    trigger_file: TriggerFileOption = None,
    watch: WatchOption = True,
    server: ServerOption = None,
    plain: PlainOption = False,
    as_json: StateOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Run a workflow, a file or a registered one by its name.

    It is followed to its end, unless --no-watch is given; Ctrl-C stops the watching alone.

    Exit code: 0 completed, 1 failed, 2 usage or refused, 3 cancelled, 4 timed out, 5 no server.
    """
    name = str(file)
    is_registered = could_be_registered(name) and not file.exists()
    try:
        definition = None if is_registered else read_definition(file)
        given = GivenInputs.read(inputs, inputs_file)
        labels, trigger = read_labels(label), read_trigger(trigger_file)
    except ValueError as error:
        raise usage_error("run", error) from None

    origin: Any = {"labels": labels, "execution_key": key, "id_conflict_policy": on_conflict}

    async def act(client: AsyncClient) -> int:
        created = await _start(client, name, definition, given, trigger, origin)
        if not watch:
            made = created.execution_id
            typer.echo(json_line({"execution_id": made}) if as_json else made)
            return ExitCode.SUCCESS
        return await follow(client, created.execution_id, is_plain=plain, is_json=as_json, timeout_s=timeout)

    call_server(server, act)


async def _start(
    client: AsyncClient,
    name: str,
    definition: dict[str, Any] | str | None,
    given: GivenInputs,
    trigger: dict[str, Any] | None,
    origin: dict[str, Any],
) -> Created:
    """Start a definition or, where there is none, the registered workflow of a name."""
    if definition is not None:
        return await client.executions.run(
            definition,
            inputs=given.values(definition),
            trigger=True if trigger is None else trigger,
            **origin,
        )
    from headrace.errors import NotFound

    try:
        # The words are read by its schema.
        found = (await client.workflows.get(name)).definition if given.words else None
        return await client.workflows.start(name, inputs=given.values(found), trigger=trigger, **origin)
    except NotFound as error:
        typer.echo(f"there is no file {name!r} either", err=True)
        raise error from None
