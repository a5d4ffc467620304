"""`./headrace retry`, `replay` and `fork`: run an execution again, in place, whole, or in part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.api_call import ExitCode, call_about, say_warnings, usage_error
from cli.commands.documents import read_definition
from cli.commands.inputs import inputs_for, read_given
from cli.commands.many import (
    FAILED,
    Choice,
    ChosenLabel,
    ChosenName,
    ChosenSchedule,
    ChosenStatus,
    ChosenWebhook,
    ChosenWorkflow,
    DryRunOption,
    ExecutionsArgument,
    Verb,
    YesOption,
    act_on_many,
)
from cli.commands.options import (
    ExecutionArgument,
    InputsOption,
    PlainOption,
    PreviewOption,
    ServerOption,
    StateOption,
    TimeoutOption,
    WatchOption,
)
from cli.commands.times import SinceOption, UntilOption
from cli.commands.watch import follow

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Execution


def retry(
    execution_ids: ExecutionsArgument = None,
    node: Annotated[
        list[str] | None,
        typer.Option(
            "--node",
            metavar="NODE",
            help="Only this node, and all behind it: one that failed or was cancelled, or a map with failed"
            " items. May be given several times.",
        ),
    ] = None,
    preview: PreviewOption = False,
    status: ChosenStatus = None,
    name: ChosenName = None,
    workflow: ChosenWorkflow = None,
    schedule: ChosenSchedule = None,
    webhook: ChosenWebhook = None,
    label: ChosenLabel = None,
    since: SinceOption = None,
    until: UntilOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    watch: WatchOption = True,
    server: ServerOption = None,
    plain: PlainOption = False,
    as_json: StateOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Run the failed part of executions again, in place.

    Of those named, or of all that options choose: FAILED ones, unless --status says otherwise. Completed
    nodes keep their outputs, unless they are behind one named with --node. Several are not followed. Exit
    code: of one as `run`; of several 0, or 1 if any of them was refused.
    """

    choice = Choice.of(
        "retry", FAILED, status=status, name=name, workflow=workflow, schedule=schedule, webhook=webhook,
        label=label, since=since, until=until,
    )  # fmt: skip
    if (named := choice.one_of(execution_ids, dry_run=dry_run)) is None:
        act_on_many(
            server, "retry", choice, execution_ids or (), _retrying(node),
            dry_run=dry_run or preview, yes=yes, as_json=as_json,
        )  # fmt: skip

    async def act(client: AsyncClient, execution_id: str) -> int:
        planned = await client.executions.retry(execution_id, nodes=node or None, preview=True)
        if preview:
            _list("runs again", planned.nodes or ())
            return ExitCode.SUCCESS
        # With its generation: a second retry at the same time then retries nothing twice.
        await client.executions.retry(execution_id, nodes=node or None, generation=planned.generation)
        if not watch:
            typer.echo(execution_id)
            return ExitCode.SUCCESS
        return await follow(client, execution_id, is_plain=plain, is_json=as_json, timeout_s=timeout)

    call_about(server, named, act)


def _retrying(nodes: list[str] | None) -> Verb:
    async def retry_one(client: AsyncClient, view: Execution) -> Mapping[str, Any]:
        # With its generation: a second retry at the same time then retries nothing twice.
        done = await client.executions.retry(
            view.execution_id, nodes=nodes or None, generation=view.generation
        )
        return done.document

    return retry_one


def replay(
    execution_id: ExecutionArgument,
    inputs: InputsOption = None,
    watch: WatchOption = True,
    server: ServerOption = None,
    plain: PlainOption = False,
    as_json: StateOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Start a new execution of the same definition.

    It gets the same inputs, except those given here. Exit code: as `run`.
    """
    given = read_given("replay", inputs)

    async def act(client: AsyncClient, execution_id: str) -> int:
        values = await inputs_for(execution_id, given, client)
        replayed = await client.executions.replay(execution_id, inputs=values)
        say_warnings(replayed.warnings)
        made = replayed.execution_id
        if not watch:
            typer.echo(made)
            return ExitCode.SUCCESS
        return await follow(client, made, is_plain=plain, is_json=as_json, timeout_s=timeout)

    call_about(server, execution_id, act)


def fork(
    execution_id: ExecutionArgument,
    from_node: Annotated[
        str | None,
        typer.Option("--from", metavar="NODE", help="A node to run again, with all its successors."),
    ] = None,
    inputs: InputsOption = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="A changed definition, as JSON or YAML.")
    ] = None,
    preview: PreviewOption = False,
    watch: WatchOption = True,
    server: ServerOption = None,
    plain: PlainOption = False,
    as_json: StateOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Start a new execution that reuses unchanged nodes.

    The change is a node to run again, a definition, inputs, or all of these; a node that it does not reach
    keeps its output. Exit code: as `run`.
    """
    given = read_given("fork", inputs)
    definition = _definition(file)

    async def act(client: AsyncClient, execution_id: str) -> int:
        values = await inputs_for(execution_id, given, client, definition)
        made = await client.executions.fork(
            execution_id, from_node=from_node, definition=definition, inputs=values, preview=preview
        )
        say_warnings(made.warnings)
        if made.execution_id is None:
            for words, nodes in (("runs", made.nodes), ("reuses", made.reused), ("skips", made.skipped)):
                _list(words, nodes)
            return ExitCode.SUCCESS
        if not watch:
            typer.echo(made.execution_id)
            return ExitCode.SUCCESS
        return await follow(client, made.execution_id, is_plain=plain, is_json=as_json, timeout_s=timeout)

    call_about(server, execution_id, act)


def _list(words: str, nodes: tuple[str, ...]) -> None:
    typer.echo(f"{words} {len(nodes)}: {', '.join(nodes) or '–'}")


def _definition(file: Path | None) -> dict[str, Any] | str | None:
    try:
        return None if file is None else read_definition(file)
    except ValueError as error:
        raise usage_error("fork", error) from None
