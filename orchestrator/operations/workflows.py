"""`engine.workflows`: register, change, list, start, pause and remove workflows."""

# long: every verb and question about a workflow, on one screen after another

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from orchestrator.definitions.definition import Definition
from orchestrator.definitions.registry import (
    NAME_RULE,
    Source,
    WorkflowRecord,
    is_name,
    is_workflow_id,
    name_with_id,
)
from orchestrator.definitions.webhooks import NATIVE_TERMS, HookTerms
from orchestrator.errors import (
    HeadraceError,
    IdempotencyConflict,
    PreconditionRequired,
    Problem,
    ProblemsFound,
    StoreFull,
    StoreUnavailable,
    TooBusy,
    WebhookExists,
    WorkflowChanged,
    WorkflowInactive,
    WorkflowNotFound,
)
from orchestrator.operations.cursors import read_place
from orchestrator.operations.origin import NO_ORIGIN, Origin
from orchestrator.operations.owner import Owner
from orchestrator.operations.pages import page_of
from orchestrator.operations.registered import Registered, no_version
from orchestrator.operations.registration_preview import preview
from orchestrator.operations.registrations import (
    changed,
    check,
    check_labels,
    check_schedules,
    created,
    mint_workflow_id,
    record_fields,
    refuse_other_source,
    registration,
    with_triggers,
)
from orchestrator.operations.results import Outcome, Page, Submitted, VersionView, WorkflowChange
from orchestrator.operations.submissions import Document, Submissions
from orchestrator.store.reader import Store
from orchestrator.store.requests import Idempotency, Registration
from orchestrator.store.transitions import Transitions

#: Makes the inputs of an execution of this workflow, by the definition that it is started with.
InputsOf = Callable[[WorkflowRecord, Definition], dict[str, Any]]
#: How often a change is tried again that others have overtaken.
ROUNDS = 10
#: In `if_match`: whatever state the workflow is in.
ANY = "*"


class Workflows:
    """The workflows of one tenant, each known by its name and its id.

    if_match  tags of the states of the record that are meant, see `WorkflowRecord.tag`; `*` is any.
    """

    def __init__(
        self,
        store: Store,
        transitions: Transitions,
        submissions: Submissions,
        registered: Registered,
        owner: Owner,
    ) -> None:
        self._store = store
        self._transitions = transitions
        self._submissions = submissions
        self._registered = registered
        self._owner = owner

    # Verbs

    async def create(
        self,
        document: Document,
        source: Source,
        *,
        body: bytes | None = None,
        labels: Mapping[str, str] | None = None,
        is_active: bool = True,
        hooks: HookTerms = NATIVE_TERMS,
        idempotency: Idempotency | None = None,
    ) -> WorkflowChange:
        """Register a new workflow, named after the title in its definition.

        document, body  as `Executions.submit` takes them.
        source          the document as its writer sent it.
        hooks           what comes beside it for the webhooks that it names.
        Raises DefinitionInvalid, ProblemsFound for labels, WebhookExists, IdempotencyConflict, and
        WorkflowNotFound where the same request has made one that was removed since.
        """
        made, definition = await self._checked(document, source, body, labels or {}, is_active=is_active)
        for _ in range(ROUNDS):
            workflow_id = mint_workflow_id()
            own = name_with_id(made.name, workflow_id)
            wanted = replace(
                made,
                workflow_id=workflow_id,
                name=made.name or own,
                other_name=own if made.name else "",
                fields={**made.fields, "file": ""},
                idempotency=idempotency,
            )
            wanted = await with_triggers(self._store, wanted, definition.triggers, hooks, None)
            word, record = await self._transitions.register_workflow(wanted)
            if word == "conflict":
                raise IdempotencyConflict(idempotency.name if idempotency else "")
            if word.startswith("path "):
                raise WebhookExists(word.removeprefix("path "))
            if word == "taken":  # that name with this ending, too
                continue
            if record is None:
                raise WorkflowNotFound(made.fields["title"])
            return WorkflowChange(record, "created", word == "replayed", definition)
        raise TooBusy(f"no free name was found for {made.fields['title']!r}; try again")

    async def put(
        self,
        workflow: str,
        document: Document,
        source: Source,
        *,
        body: bytes | None = None,
        labels: Mapping[str, str] | None = None,
        is_active: bool | None = None,
        hooks: HookTerms = NATIVE_TERMS,
        if_match: Iterable[str] | None = None,
        file: str | None = None,
        is_dry_run: bool = False,
    ) -> WorkflowChange:
        """Register a workflow under a name, or change the one that has it; the same again changes nothing.

        labels, is_active  None leaves them as they are.
        hooks              as in `create`; a secret takes effect at once, all else with a new version.
        if_match           None creates, and changes nothing that exists.
        file               names the file that was read, or what a handler brings (`brought`): it needs no
                           if_match, and one that was read before changes nothing.
        is_dry_run         say what it would do, and do nothing.
        Raises DefinitionInvalid, ProblemsFound, PreconditionRequired, WorkflowChanged, WebhookExists, and
        WorkflowNotFound for an id that is unknown.
        """
        meant = None if if_match is None else frozenset(if_match)
        checked = None
        for _ in range(ROUNDS):
            record = await self._found(workflow)
            if file is None:
                _admit(workflow, record, meant)
            elif record is not None and record.file == file:
                return WorkflowChange(record, "unchanged")
            elif record is not None:
                refuse_other_source(record, file)
            if checked is None:
                checked = await self._checked(document, source, body, labels, is_active=is_active)
            made, definition = checked
            wanted = created(made, workflow) if record is None else changed(made, record)
            wanted = await with_triggers(self._store, wanted, definition.triggers, hooks, record)
            if file is not None:
                wanted = replace(wanted, fields={**wanted.fields, "file": file})
            if is_dry_run:
                return await preview(self._store, wanted, record, definition)
            word, found = await self._transitions.register_workflow(wanted)
            if word.startswith("path "):
                raise WebhookExists(word.removeprefix("path "))
            if found is not None and word in ("ok", "same"):
                outcome: Outcome = "updated" if word == "ok" else "unchanged"
                return WorkflowChange(found, "created" if record is None else outcome, definition=definition)
        raise _busy(workflow)

    async def change(
        self,
        workflow: str,
        *,
        labels: Mapping[str, str] | None = None,
        is_active: bool | None = None,
        if_match: Iterable[str] | None = None,
    ) -> WorkflowChange:
        """Change what stands beside the definition; None leaves it, and the same again changes nothing.

        is_active  whether new executions start; what runs goes on.
        Raises WorkflowNotFound, WorkflowChanged, ProblemsFound for labels.
        """
        check_labels(labels)
        meant = frozenset({ANY} if if_match is None else if_match)
        fields = record_fields(labels=labels, is_active=is_active)
        for _ in range(ROUNDS):
            record = await self.get(workflow)
            _admit(workflow, record, meant)
            if not fields:
                return WorkflowChange(record, "unchanged")
            wanted = changed(Registration("", record.tenant, "", fields), record)
            word, found = await self._transitions.register_workflow(wanted)
            if found is not None and word in ("ok", "same"):
                return WorkflowChange(found, "updated" if word == "ok" else "unchanged")
        raise _busy(workflow)

    async def remove(self, workflow: str, *, if_match: Iterable[str] | None = None) -> None:
        """Remove a workflow with its versions. Executions of it keep their definition, and go on.

        Raises WorkflowNotFound, WorkflowChanged.
        """
        meant = frozenset({ANY} if if_match is None else if_match)
        for _ in range(ROUNDS):
            record = await self.get(workflow)
            _admit(workflow, record, meant)
            revision = None if ANY in meant else record.revision
            word = await self._transitions.remove_workflow(
                record.tenant, record.workflow_id, revision=revision
            )
            if word == "ok":
                return
        raise _busy(workflow)

    async def start(
        self,
        workflow: str,
        *,
        inputs: dict[str, Any] | InputsOf | None = None,
        origin: Origin = NO_ORIGIN,
        version: int | None = None,
        idempotency: Idempotency | None = None,
    ) -> Submitted:
        """Start an execution of a workflow: of its newest version, unless another is named.

        inputs  or a function that makes them; it is called again where what it was told was out of date.
        Raises WorkflowNotFound, WorkflowInactive, and what `Executions.submit` raises.
        """
        # The record as it was seen last; the script that starts compares. Nothing is refused by an old one.
        record = self._registered.seen(self._owner.tenant, workflow)
        for _ in range(ROUNDS):
            try:
                record = record or await self.get(workflow)
                submitted = await self._started(record, inputs, origin, version, idempotency)
                self._owner.remember(submitted.execution_id)
                return submitted
            except (StoreUnavailable, StoreFull):
                raise
            except HeadraceError as error:
                try:
                    now = await self.get(workflow)
                except WorkflowNotFound as gone:
                    return await self._started_before(idempotency, gone)
                if now == record:
                    return await self._started_before(idempotency, error)
                record = now
        raise _busy(workflow)

    # Questions

    async def get(self, workflow: str) -> WorkflowRecord:
        """Read the record of a workflow. Raises WorkflowNotFound."""
        return await self._registered.find(self._owner.tenant, workflow)

    async def definition(self, record: WorkflowRecord) -> bytes:
        """Read the newest definition of a workflow, JSON. Raises WorkflowNotFound."""
        return (await self._registered.compiled(record)).text

    async def compiled(self, record: WorkflowRecord) -> Definition:
        """Give the newest definition of a workflow, checked. Raises WorkflowNotFound."""
        return (await self._registered.compiled(record)).definition

    async def source(self, record: WorkflowRecord, version: int | None = None) -> Source:
        """Read the document of a version, the newest, as its writer sent it. Raises WorkflowNotFound."""
        number = record.version if version is None else version
        found = await self._store.workflows.source(record.tenant, record.workflow_id, number)
        if found is None:
            raise no_version(record, number)
        return found

    async def version(self, workflow: str, number: int) -> VersionView:
        """Read one version with its definition. Raises WorkflowNotFound."""
        record = await self.get(workflow)
        found = await self._store.workflows.versions(record.tenant, record.workflow_id, [number])
        text = await self._store.workflows.definition(record.tenant, record.workflow_id, number)
        if not found or text is None:
            raise no_version(record, number)
        return VersionView(found[0], text)

    async def versions(self, workflow: str, *, limit: int = 50, cursor: str | None = None) -> Page:
        """List the versions of a workflow, newest first. Raises WorkflowNotFound, CursorInvalid."""
        record = await self.get(workflow)
        newest = min(read_place(cursor), record.version) if cursor else record.version
        numbers = range(newest, max(newest - limit, 0), -1)
        items = await self._store.workflows.versions(record.tenant, record.workflow_id, numbers)
        left = newest - limit
        return Page(list(items), str(left) if left > 0 else None)

    async def list(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        labels: Sequence[tuple[str, str]] = (),
        text: str | None = None,
        is_active: bool | None = None,
    ) -> Page:
        """List workflows, newest first. Raises CursorInvalid.

        labels  names and values that a workflow must have, all of them.
        text    what its title, name or description must contain, whatever the case.
        is_active  whether it must be active, or paused; None for both.
        """
        return await page_of(
            partial(self._store.workflows.list_ids, self._owner.tenant),
            partial(self._store.workflows.records, self._owner.tenant),
            limit=limit,
            cursor=cursor,
            place_of=lambda record: (record.created_ms, record.workflow_id),
            is_wanted=lambda record: record.has(labels, text) and is_active in (None, record.is_active),
        )

    # What the verbs share

    async def _started(
        self,
        record: WorkflowRecord,
        inputs: dict[str, Any] | InputsOf | None,
        origin: Origin,
        version: int | None,
        idempotency: Idempotency | None,
    ) -> Submitted:
        if not record.is_active:
            raise WorkflowInactive(record.name)
        compiled = await self._registered.compiled(record, version)
        if callable(inputs):
            inputs = inputs(record, compiled.definition)
        return await self._submissions.create(
            compiled,
            inputs=inputs,
            is_started=True,
            idempotency=idempotency,
            tenant=record.tenant,
            origin=origin.of(record, version),
            workflow=record,
        )

    async def _started_before(self, idempotency: Idempotency | None, error: HeadraceError) -> Submitted:
        """Give what the same request has started before, though it would be refused now. Raises the error."""
        is_over = isinstance(error, WorkflowNotFound | WorkflowInactive)
        before = await self._submissions.find_replay(idempotency, self._owner.tenant) if is_over else None
        if before is None:
            raise error
        return before

    async def _checked(
        self,
        document: Document,
        source: Source,
        body: bytes | None,
        labels: Mapping[str, str] | None,
        *,
        is_active: bool | None,
    ) -> tuple[Registration, Definition]:
        """Check what was sent; gives it, and the registration of it, whose id is still missing."""
        check(labels, source)
        compiled = await self._submissions.compile(document, body)
        made = registration(self._owner.tenant, compiled, source, labels=labels, is_active=is_active)
        await check_schedules(self._submissions.checks, compiled.definition)
        return made, compiled.definition

    async def _found(self, workflow: str) -> WorkflowRecord | None:
        """Find what is to be changed; None where it may be created.

        Raises WorkflowNotFound, ProblemsFound.
        """
        try:
            return await self.get(workflow)
        except WorkflowNotFound:
            if is_workflow_id(workflow):
                raise
        if not is_name(workflow):
            message = f"{workflow[:80]!r} cannot be the name of a workflow; allowed: {NAME_RULE}"
            raise ProblemsFound([Problem("path.workflow", "wrong_value", message)])
        return None


def _admit(workflow: str, record: WorkflowRecord | None, meant: frozenset[str] | None) -> None:
    """Refuse a change of another state than the one that is meant."""
    if meant is None:
        if record is not None:
            raise PreconditionRequired(workflow)
    elif record is None:
        raise WorkflowChanged(workflow, None)
    elif ANY not in meant and record.tag not in meant:
        raise WorkflowChanged(workflow, record.tag)


def _busy(workflow: str) -> TooBusy:
    return TooBusy(f"workflow {workflow!r} is being changed by others; try again")
