"""Definitions: checked and simulated, neither stored nor run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clients.headrace.transport import Document, Transport, given, path_of
from clients.headrace.views import Judgement


class Definitions:
    """`client.definitions`. A definition is an object, or YAML text."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def validate(self, definition: Mapping[str, Any] | str) -> Judgement:
        """Errors and warnings of a definition."""
        body = {"definition": definition}
        return Judgement.from_dict(await self._transport.post(path_of("validate"), body))

    async def simulate(
        self,
        definition: Mapping[str, Any] | str,
        *,
        inputs: Mapping[str, Any] | None = None,
        trigger: Mapping[str, Any] | None = None,
        stubs: Mapping[str, Any] | str | None = None,
    ) -> Document:
        """Run a definition with stubbed handlers and virtual time; the answer is its path and its end."""
        body = given(definition=definition, inputs=inputs, trigger=trigger, stubs=stubs)
        return await self._transport.post(path_of("simulate"), body)
