"""Inputs of an execution whose definition the server has: the words get their types from there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.commands.api_call import usage_error
from cli.commands.documents import GivenInputs

if TYPE_CHECKING:
    from headrace.client import AsyncClient


def read_given(command: str, pairs: list[str] | None, file: Path | None = None) -> GivenInputs:
    """Take the words apart before the server is asked. Raises the exit of a usage error."""
    try:
        return GivenInputs.read(pairs, file)
    except ValueError as error:
        raise usage_error(command, error) from None


async def inputs_for(
    execution_id: str,
    given: GivenInputs,
    client: AsyncClient,
    definition: Mapping[str, Any] | str | None = None,
) -> dict[str, Any] | None:
    """Read the words by a definition, or by that of the execution; it is asked for if there are words."""
    if definition is None and given.words:
        definition = await client.executions.definition(execution_id)
    return given.values(definition)
