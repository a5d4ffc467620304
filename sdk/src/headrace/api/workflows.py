"""The registry of workflows: register them, change them by versions, start them by name or id."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from headrace.calls import (
    Definition,
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
    patch,
    path_of,
    post,
    post_once,
)
from headrace.errors import ApiError
from headrace.records import Workflow, WorkflowVersion
from headrace.sendable import definition_of
from headrace.values import Created

#: How often a change is tried again that others have overtaken.
ROUNDS = 5


def name_of(title: str) -> str:
    """Name that the server makes of a title; empty where it makes none."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].rstrip("-")


class Workflows(Part[Way]):
    """`client.workflows`. A workflow is named by its name or id; a definition is an object, or YAML text."""

    # --- register and change

    @operation
    def create(
        self,
        definition: Definition,
        *,
        labels: Mapping[str, str] | None = None,
        is_active: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Workflow]:
        """Register a new workflow, named after the title in its definition."""
        body = {"definition": definition_of(definition)} | given(labels=labels, is_active=is_active)
        return Workflow.from_dict(
            (yield from post_once(path_of("workflows"), body, idempotency_key)).document
        )

    @operation
    def apply(
        self,
        name: str,
        definition: Definition | bytes,
        *,
        media_type: str = "application/yaml",
        labels: Mapping[str, str] | None = None,
        dry_run: bool = False,
    ) -> Steps[Workflow]:
        """Register a definition under a name, or make it the newest version of the workflow that has it.

        definition  bytes are a document that is kept as it is, of media_type.
        dry_run     say what it would do, and change nothing.
        The same again changes nothing: `outcome` of the answer is created, updated or unchanged.
        """
        body = None
        if not isinstance(definition, bytes):
            body = {"definition": definition_of(definition)} | given(labels=labels)
        content = definition if isinstance(definition, bytes) else None
        headers: dict[str, str] = {}
        for left in reversed(range(ROUNDS)):
            try:
                answer = yield Request(
                    "PUT",
                    path_of("workflows", name),
                    body=body,
                    content=content,
                    query={"dry_run": "true"} if dry_run else None,
                    headers=headers | ({"Content-Type": media_type} if body is None else {}),
                )
            except ApiError as error:
                # There is one of that name, whatever its state; or there is none any more.
                if error.status not in (412, 428) or not left:
                    raise
                headers = {"If-Match": "*"} if error.status == 428 else {}
                continue
            return Workflow.from_dict(answer.document)
        raise AssertionError

    @operation
    def change(
        self, workflow: str, *, labels: Mapping[str, str] | None = None, is_active: bool | None = None
    ) -> Steps[Workflow]:
        """Give it other labels, all of them, or say whether new executions start."""
        return Workflow.from_dict(
            (yield from patch(path_of("workflows", workflow), given(labels=labels, is_active=is_active)))
        )

    @operation
    def pause(self, workflow: str) -> Steps[Workflow]:
        """Start no new execution of it until it is resumed."""
        return Workflow.from_dict(
            (yield from post(path_of("workflows", workflow, "pause"), {}, is_safe=True))
        )

    @operation
    def resume(self, workflow: str) -> Steps[Workflow]:
        """Let new executions of it start again."""
        return Workflow.from_dict(
            (yield from post(path_of("workflows", workflow, "resume"), {}, is_safe=True))
        )

    @operation
    def delete(self, workflow: str) -> Steps[None]:
        """Remove it with its versions; executions of it go on."""
        yield from delete(path_of("workflows", workflow))

    # --- read and start

    @operation
    def get(self, workflow: str) -> Steps[Workflow]:
        """One workflow with its newest definition and its source."""
        return Workflow.from_dict((yield from get(path_of("workflows", workflow))))

    @listing
    def list(
        self, *, limit: int | None = None, label: str | None = None, text: str | None = None
    ) -> Pages[Workflow]:
        """Workflows, newest first.

        label  `name:value` that they have.
        text   what title, name or description contain.
        """
        return each_of(
            get_pages(path_of("workflows"), given(label=label, text=text), limit=limit), Workflow.from_dict
        )

    @listing
    def versions(self, workflow: str, *, limit: int | None = None) -> Pages[WorkflowVersion]:
        """The versions of a workflow, newest first."""
        return each_of(
            get_pages(path_of("workflows", workflow, "versions"), limit=limit), WorkflowVersion.from_dict
        )

    @operation
    def version(self, workflow: str, number: int) -> Steps[WorkflowVersion]:
        """One version with its definition."""
        return WorkflowVersion.from_dict(
            (yield from get(path_of("workflows", workflow, "versions", str(number))))
        )

    @operation
    def source(self, workflow: str, *, version: int | None = None) -> Steps[bytes]:
        """The document as it was sent, of its newest version, unless another is named."""
        query = None if version is None else {"version": str(version)}
        return (yield Request("GET", path_of("workflows", workflow, "source"), query=query)).content

    @operation
    def start(
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
        wait_s: int | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Created]:
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
        answer = yield from post_once(path, body, idempotency_key, wait_s=wait_s)
        return Created.from_dict(answer.document, is_replay=answer.is_replay)
