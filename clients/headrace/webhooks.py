"""Webhooks: paths under which others start workflows. Secrets are in the answers that make them alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from clients.headrace.transport import Document, Transport, document_of, given, path_of


class Webhooks:
    """`client.webhooks`. Each is named by its path, what stands behind `/webhooks/` in its URL."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        workflow: str,
        scheme: str,
        *,
        path: str | None = None,
        secrets: Sequence[str] | None = None,
        header: str | None = None,
        inputs: str | None = None,
        is_active: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Make a webhook of a workflow. `secret` in the answer is one that was made for it.

        scheme   hub256, standard, header_token; none in development only.
        path     None: one that cannot be guessed is made.
        secrets  one to four; None: one is made.
        header   of the scheme header_token.
        inputs   payload: the body becomes the inputs.
        """
        body = given(
            workflow=workflow,
            scheme=scheme,
            path=path,
            secrets=None if secrets is None else [*secrets],
            header=header,
            inputs=inputs,
            is_active=is_active,
        )
        return (await self._transport.post_once(path_of("webhooks"), body, idempotency_key)).document

    async def get(self, path: str) -> Document:
        """A webhook without its secrets, with its counts."""
        return await self._transport.get(path_of("webhooks", path))

    async def list(self, *, workflow: str | None = None, limit: int | None = None) -> AsyncIterator[Document]:
        """Webhooks, newest first; of one workflow where it is named."""
        async for item in self._transport.pages(path_of("webhooks"), given(workflow=workflow), limit=limit):
            yield item

    async def change(
        self,
        path: str,
        *,
        scheme: str | None = None,
        header: str | None = None,
        inputs: str | None = None,
        is_active: bool | None = None,
        if_match: str = "*",
    ) -> Document:
        """Change it; what is not given stays. `secret` in the answer is one that another scheme needed.

        if_match  the ETag of the state that is meant, in quotes; `*` is any.
        """
        body = given(scheme=scheme, header=header, inputs=inputs, is_active=is_active)
        answer = await self._transport.send(
            "PATCH", path_of("webhooks", path), body=body, headers={"If-Match": if_match}
        )
        return document_of(answer)

    async def rotate(
        self,
        path: str,
        *,
        secret: str | None = None,
        keep: str | float | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Give it a new secret; those before it are good for `keep` more, a day without it."""
        body = given(secret=secret, keep=keep)
        return (
            await self._transport.post_once(path_of("webhooks", path, "rotate"), body, idempotency_key)
        ).document

    async def test(self, path: str, payload: Any = None) -> Document:
        """Deliver a signed sample. `request` in the answer is what a sender would send."""
        return await self._transport.post(path_of("webhooks", path, "test"), given(payload=payload))

    async def delete(self, path: str) -> None:
        """Delete it: its path is unknown from now on."""
        await self._transport.delete(path_of("webhooks", path))
