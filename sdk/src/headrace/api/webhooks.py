"""Webhooks: paths under which others start workflows. Secrets are in the answers that make them alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.calls import (
    Document,
    Pages,
    Part,
    Request,
    Steps,
    Way,
    delete,
    each_of,
    get,
    get_pages,
    given,
    listing,
    operation,
    path_of,
    post,
    post_once,
)
from headrace.records import Webhook


class Webhooks(Part[Way]):
    """`client.webhooks`. Each is named by its path, what stands behind `/webhooks/` in its URL."""

    @operation
    def create(
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
    ) -> Steps[Webhook]:
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
        return Webhook.from_dict((yield from post_once(path_of("webhooks"), body, idempotency_key)).document)

    @operation
    def get(self, path: str) -> Steps[Webhook]:
        """A webhook without its secrets, with its counts."""
        return Webhook.from_dict((yield from get(path_of("webhooks", path))))

    @listing
    def list(self, *, workflow: str | None = None, limit: int | None = None) -> Pages[Webhook]:
        """Webhooks, newest first; of one workflow where it is named."""
        return each_of(
            get_pages(path_of("webhooks"), given(workflow=workflow), limit=limit), Webhook.from_dict
        )

    @operation
    def change(
        self,
        path: str,
        *,
        scheme: str | None = None,
        header: str | None = None,
        inputs: str | None = None,
        is_active: bool | None = None,
        if_match: str = "*",
    ) -> Steps[Webhook]:
        """Change it; what is not given stays. `secret` in the answer is one that another scheme needed.

        if_match  the ETag of the state that is meant, in quotes; `*` is any.
        """
        body = given(scheme=scheme, header=header, inputs=inputs, is_active=is_active)
        answer = yield Request("PATCH", path_of("webhooks", path), body=body, headers={"If-Match": if_match})
        return Webhook.from_dict(answer.document)

    @operation
    def rotate(
        self,
        path: str,
        *,
        secret: str | None = None,
        keep: str | float | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Webhook]:
        """Give it a new secret; those before it are good for `keep` more, a day without it."""
        body = given(secret=secret, keep=keep)
        return Webhook.from_dict(
            (yield from post_once(path_of("webhooks", path, "rotate"), body, idempotency_key)).document
        )

    @operation
    def test(self, path: str, payload: Any = None) -> Steps[Document]:
        """Deliver a signed sample. `request` in the answer is what a sender would send."""
        return dict((yield from post(path_of("webhooks", path, "test"), given(payload=payload))))

    @operation
    def delete(self, path: str) -> Steps[None]:
        """Delete it: its path is unknown from now on."""
        yield from delete(path_of("webhooks", path))
