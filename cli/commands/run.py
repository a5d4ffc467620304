"""`./headrace run FILE`: submit a workflow, start it, and show it to its end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands.watch import (
    ExitCode,
    JsonOption,
    PlainOption,
    ServerOption,
    TimeoutOption,
    call_server,
    follow,
)

if TYPE_CHECKING:
    from clients.headrace.client import Client

STDIN = Path("-")


def run(
    file: Annotated[Path, typer.Argument(help="A workflow as JSON or YAML; - reads standard input.")],
    inputs: Annotated[
        list[str] | None,
        typer.Option("-i", "--input", metavar="KEY=VALUE", help="An input; JSON where it parses, else text."),
    ] = None,
    inputs_file: Annotated[
        Path | None, typer.Option("-f", "--inputs-file", help="A JSON object of inputs; -i beats it.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch/--no-watch", help="Show it to its end, or print its id and leave.")
    ] = True,
    server: ServerOption = None,
    plain: PlainOption = False,
    as_json: JsonOption = False,
    timeout: TimeoutOption = None,
) -> None:
    """Submit and start the workflow in FILE and show it to its end.

    Exit code: 0 completed, 1 failed, 2 usage or refused, 3 cancelled, 4 timed out, 5 no server.
    """
    try:
        definition = read_definition(file)
        values = read_inputs(inputs or [], inputs_file)
    except ValueError as error:
        typer.echo(f"headrace run: {error}", err=True)
        raise typer.Exit(ExitCode.USAGE) from None

    async def act(client: Client) -> int:
        created = await client.executions.run(definition, inputs=values)
        if not watch:
            typer.echo(
                json.dumps({"execution_id": created.execution_id}) if as_json else created.execution_id
            )
            return ExitCode.SUCCESS
        return await follow(client, created.execution_id, is_plain=plain, is_json=as_json, timeout_s=timeout)

    call_server(server, act)


def read_definition(file: Path) -> dict[str, Any] | str:
    """The workflow in a file: JSON as an object; anything else as text for the server's YAML reader.

    The server reads the YAML, so that line and column in its messages are those of the file.
    Raises ValueError that names file, line and column.
    """
    text = read_text(file)
    if file.suffix.lower() != ".json" and not (file == STDIN and text.lstrip().startswith("{")):
        return text
    document = parse_json(text, file)
    if not isinstance(document, dict):
        raise ValueError(f"{file}: a workflow is a JSON object, this is {_kind(document)}")
    return document


def read_inputs(pairs: list[str], file: Path | None) -> dict[str, Any] | None:
    """Inputs from a file and from KEY=VALUE words; None if there are none at all."""
    values: dict[str, Any] = {}
    if file is not None:
        document = parse_json(read_text(file), file)
        if not isinstance(document, dict):
            raise ValueError(f"{file}: inputs are a JSON object, this is {_kind(document)}")
        values |= document
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise ValueError(f"-i {pair!r}: expected KEY=VALUE")
        try:
            values[key] = json.loads(text, parse_constant=_refuse_constant)
        except ValueError:
            values[key] = text
    return values if values or file is not None else None


def parse_json(text: str, file: Path) -> Any:
    """Strict JSON: what the server would refuse anyway, such as a doubled key, is refused with its file."""
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ValueError(f"{file}:{error.lineno}:{error.colno}: not valid JSON: {error.msg}") from None
    except RecursionError:
        raise ValueError(f"{file}: nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def read_text(file: Path) -> str:
    """The text of a file, or of standard input. Raises ValueError that names the file."""
    try:
        if file == STDIN:
            return sys.stdin.read()
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ValueError(f"{file}: no such file") from None
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: not UTF-8 at byte {error.start}") from None


def _kind(document: Any) -> str:
    names = {list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(document), "a number")


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twice!r} appears twice in one object")
    return document
