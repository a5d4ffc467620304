"""`./headrace run FILE`: submit a workflow, start it, and follow it to its end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.api_call import ExitCode, call_server, usage_error
from cli.commands.documents import read_definition, read_inputs, read_labels, read_trigger
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
    from clients.headrace.client import Client


def run(
    file: Annotated[Path, typer.Argument(help="A workflow as JSON or YAML; - reads standard input.")],
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
    """Submit and start the workflow in FILE and follow it to its end.

    Exit code: 0 completed, 1 failed, 2 usage or refused, 3 cancelled, 4 timed out, 5 no server.
    """
    try:
        definition = read_definition(file)
        values = read_inputs(inputs, inputs_file, definition)
        labels, trigger = read_labels(label), read_trigger(trigger_file)
    except ValueError as error:
        raise usage_error("run", error) from None

    async def act(client: Client) -> int:
        created = await client.executions.run(
            definition,
            inputs=values,
            trigger=True if trigger is None else trigger,
            labels=labels,
            execution_key=key,
            id_conflict_policy=on_conflict,
        )
        if not watch:
            made = created.execution_id
            typer.echo(json_line({"execution_id": made}) if as_json else made)
            return ExitCode.SUCCESS
        return await follow(client, created.execution_id, is_plain=plain, is_json=as_json, timeout_s=timeout)

    call_server(server, act)
