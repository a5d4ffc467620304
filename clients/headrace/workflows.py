"""The registry of workflows: register them, change them by versions, start them by name or id."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from clients.headrace.errors import ApiError
from clients.headrace.transport import Document, Transport, document_of, given, path_of
from clients.headrace.views import Created

#: How often a change is tried again that others have overtaken.
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Applied:
    """A workflow after a change. outcome: created, updated or unchanged."""

    document: Document
    outcome: str

    @property
    def name(self) -> str:
        return str(self.document["name"])

    @property
    def version(self) -> int:
        return int(self.document["version"])


def name_of(title: str) -> str:
    """Name that the server makes of a title; empty where it makes none."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].rstrip("-")


class Workflows:
    """`client.workflows`. A workflow is named by its name or id; a definition is an object, or YAML text."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    # --- register and change

    async def create(
        self,
        definition: Mapping[str, Any] | str,
        *,
        labels: Mapping[str, str] | None = None,
        is_active: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Register a new workflow, named after the title in its definition."""
        body = {"definition": definition} | given(labels=labels, is_active=is_active)
        return (await self._transport.post_once(path_of("workflows"), body, idempotency_key)).document

    async def apply(
        self,
        name: str,
        definition: Mapping[str, Any] | str | bytes,
        *,
        media_type: str = "application/yaml",
        labels: Mapping[str, str] | None = None,
    ) -> Applied:
        """Register a definition under a name, or make it the newest version of the workflow that has it.

        definition  bytes are a document that is kept as it is, of media_type.
        The same again changes nothing.
        """
        body = None if isinstance(definition, bytes) else {"definition": definition} | given(labels=labels)
        content = definition if isinstance(definition, bytes) else None
        headers: dict[str, str] = {}
        for left in reversed(range(ROUNDS)):
            try:
                answer = await self._transport.send(
                    "PUT",
                    path_of("workflows", name),
                    body=body,
                    content=content,
                    headers=headers | ({"Content-Type": media_type} if body is None else {}),
                )
            except ApiError as error:
                # There is one of that name, whatever its state; or there is none any more.
                if error.status not in (412, 428) or not left:
                    raise
                headers = {"If-Match": "*"} if error.status == 428 else {}
                continue
            document = document_of(answer)
            return Applied(document, document["outcome"])
        raise AssertionError

    async def change(
        self, workflow: str, *, labels: Mapping[str, str] | None = None, is_active: bool | None = None
    ) -> Document:
        """Give it other labels, all of them, or say whether new executions start."""
        return await self._transport.patch(
            path_of("workflows", workflow), given(labels=labels, is_active=is_active)
        )

    async def pause(self, workflow: str) -> Document:
        """Start no new execution of it until it is resumed."""
        return await self._transport.post(path_of("workflows", workflow, "pause"), {})

    async def resume(self, workflow: str) -> Document:
        """Let new executions of it start again."""
        return await self._transport.post(path_of("workflows", workflow, "resume"), {})

    async def delete(self, workflow: str) -> None:
        """Remove it with its versions; executions of it go on."""
        await self._transport.delete(path_of("workflows", workflow))

    # --- read and start

    async def get(self, workflow: str) -> Document:
        """One workflow with its newest definition and its source."""
        return await self._transport.get(path_of("workflows", workflow))

    async def list(
        self, *, limit: int | None = None, label: str | None = None, text: str | None = None
    ) -> AsyncIterator[Document]:
        """Workflows, newest first.

        label  `name:value` that they have.
        text   what title, name or description contain.
        """
        async for item in self._transport.pages(
            path_of("workflows"), given(label=label, text=text), limit=limit
        ):
            yield item

    async def versions(self, workflow: str, *, limit: int | None = None) -> AsyncIterator[Document]:
        """The versions of a workflow, newest first."""
        async for item in self._transport.pages(path_of("workflows", workflow, "versions"), limit=limit):
            yield item

    async def version(self, workflow: str, number: int) -> Document:
        """One version with its definition."""
        return await self._transport.get(path_of("workflows", workflow, "versions", str(number)))

    async def source(self, workflow: str) -> bytes:
        """The document as it was sent."""
        return (await self._transport.send("GET", path_of("workflows", workflow, "source"))).content

    async def start(
        self,
        workflow: str,
        *,
        inputs: Mapping[str, Any] | None = None,
        version: int | None = None,
        trigger: Mapping[str, Any] | None = None,
        labels: Mapping[str, str] | None = None,
        execution_key: str | None = None,
        id_conflict_policy: str | None = None,
        on_complete: Any = None,
        on_failure: Any = None,
        on_cancel: Any = None,
        idempotency_key: str | None = None,
    ) -> Created:
        """Start an execution of a workflow: of its newest version, unless another is named.

        trigger  the document that templates read as `trigger`; the rest is as `executions.run` takes it.
        """
        body = given(
            inputs=inputs,
            version=version,
            trigger=trigger,
            labels=labels,
            execution_key=execution_key,
            id_conflict_policy=id_conflict_policy,
            on_complete=on_complete,
            on_failure=on_failure,
            on_cancel=on_cancel,
        )
        path = path_of("workflows", workflow, "executions")
        answer = await self._transport.post_once(path, body, idempotency_key)
        return Created.from_dict(answer.document, is_replay=answer.is_replay)
