"""`engine.incoming`: what strangers send to the path of a hook, verified and started."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headrace.wording import kind_of
from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.definitions.webhooks import Kind, WebhookRecord, is_known_path
from orchestrator.documents.foreign_json import NotJson, NotKept, read_json
from orchestrator.documents.signatures import Refusal, Scheme, refusal_of
from orchestrator.errors import (
    HeadraceError,
    InputsInvalid,
    Problem,
    SignatureInvalid,
    StoreFull,
    StoreUnavailable,
    TooBusy,
    WebhookNotFound,
    WorkflowNotFound,
)
from orchestrator.operations.origin import starter_label, workflow_origin
from orchestrator.operations.registered import Registered
from orchestrator.operations.results import Submitted
from orchestrator.operations.submissions import Submissions
from orchestrator.operations.turns import LONG_BYTES
from orchestrator.redis_keys import DEFAULT_TENANT
from orchestrator.states import ExecutionStatus
from orchestrator.store.reader import Store
from orchestrator.store.requests import Delivered, digest_of
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.webhooks")

#: How often a delivery is looked at again whose hook or workflow changes meanwhile.
ROUNDS = 10
#: Headers that name a delivery, the first that is there.
ID_HEADERS = ("webhook-id", "x-github-delivery", "idempotency-key")
#: Read where there is no hook, so that this takes as long as where there is one.
_NO_PATH, _NO_WORKFLOW = "", "wf_" + 26 * "a"
#: Headers that are proof of something, and so no data.
_is_proof = re.compile(
    r"(?:.*[-_])?(?:signature|token|secret|password|authorization|cookie|api[-_]?key)(?:[-_].*)?"
    r"|x-hub-signature.*"
).fullmatch


@dataclass(frozen=True, slots=True)
class Incoming:
    """One delivery as it came.

    headers  by their names in lower case; several of one name are joined by commas.
    query    parameters of the URL.
    is_test  it is a sample that the owner of the hook asked for; templates read `trigger.test`.
    is_vouched_for  it comes from the engine, or from one of the tenant who needs no signature.
    labels   of the execution.
    """

    kind: Kind
    path: str
    headers: Mapping[str, str] = field(repr=False)
    raw: bytes = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_test: bool = False
    is_vouched_for: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def delivery_id(self) -> str:
        """What names it; empty for one without an id."""
        return next((found for name in ID_HEADERS if (found := self.headers.get(name, "").strip())), "")


class IncomingWebhooks:
    """Takes what comes for hooks of every tenant; which tenant's is known by the path alone."""

    def __init__(
        self, store: Store, transitions: Transitions, submissions: Submissions, registered: Registered
    ) -> None:
        self._store = store
        self._transitions = transitions
        self._submissions = submissions
        self._registered = registered

    async def receive(self, delivery: Incoming, *, allows_unsigned: bool = False) -> Submitted:
        """Verify a delivery and start an execution for it, once for each delivery id.

        allows_unsigned  whether a hook that was made natively may have the scheme none.
        Gives the same execution for the same id for a day, whatever became of it.
        Raises WebhookNotFound, SignatureInvalid, InputsInvalid, PayloadTooLarge, StoreUnavailable, StoreFull.
        """
        for _ in range(ROUNDS):
            hook, workflow, known, now_ms = await self._addressed(delivery)
            refusal = self._refusal(hook, delivery, now_ms, allows_unsigned=allows_unsigned)
            if hook is None or workflow is None:
                # As for what is refused: what is unknown takes as long.
                await self._count(None, delivery, "rejected", refusal)
                raise WebhookNotFound(delivery.path)
            if refusal is not None:
                await self._count(hook, delivery, "rejected", refusal)
                ids = {"tenant": hook.tenant, "webhook": hook.name, "reason": str(refusal)}
                log.info("webhook.rejected", extra=ids)
                raise SignatureInvalid(refusal)
            if known is not None:
                return await self._again(hook, delivery, known)
            try:
                if (submitted := await self._start(hook, workflow, delivery)) is not None:
                    return submitted
            except (StoreUnavailable, StoreFull):
                raise
            except HeadraceError:
                await self._count(hook, delivery, "error")
                raise
        raise TooBusy("the webhook or its workflow is being changed by others; send it again")

    async def _addressed(
        self, delivery: Incoming
    ) -> tuple[WebhookRecord | None, WorkflowRecord | None, str | None, int]:
        """Find hook and workflow, the execution this delivery made before, and the time.

        Both are None unless both are there and active.
        """
        path = delivery.path if is_known_path(delivery.path, delivery.kind) else _NO_PATH
        digest = digest_of(delivery.delivery_id) if delivery.delivery_id else ""
        found = await self._store.webhooks.addressed(delivery.kind, path, digest)
        hook, now_ms = found.record, self._transitions.now_ms or found.now_ms
        workflow: WorkflowRecord | None = None
        tenant, wanted = (hook.tenant, hook.workflow_id) if hook else (DEFAULT_TENANT, _NO_WORKFLOW)
        try:
            workflow = await self._registered.find(tenant, wanted)
        except WorkflowNotFound:
            pass
        if hook is None or workflow is None or not hook.is_active or not workflow.is_active:
            return None, None, None, now_ms
        owner = await self._store.access.tenant(tenant)
        if owner is not None and not owner.is_active:
            return None, None, None, now_ms
        return hook, workflow, found.execution_id, now_ms

    def _refusal(
        self, hook: WebhookRecord | None, delivery: Incoming, now_ms: int, *, allows_unsigned: bool
    ) -> Refusal | None:
        if delivery.is_vouched_for:
            return None
        if hook is None:
            return refusal_of(Scheme.HUB256, (), delivery.headers, delivery.raw, now_s=now_ms / 1000)
        if hook.scheme is Scheme.NONE and not (allows_unsigned or hook.owner):
            return Refusal.NO_SECRET
        secrets = [secret.kept for secret in hook.live_secrets(now_ms)]
        return refusal_of(
            hook.scheme, secrets, delivery.headers, delivery.raw, now_s=now_ms / 1000, header=hook.header
        )

    async def _again(self, hook: WebhookRecord, delivery: Incoming, execution_id: str) -> Submitted:
        async with self._transitions.durable():
            await self._count(hook, delivery, "duplicate")
        return Submitted(execution_id, ExecutionStatus.RUNNING, True)

    async def _count(
        self, hook: WebhookRecord | None, delivery: Incoming, result: str, reason: Refusal | None = None
    ) -> None:
        path, call_id = hook.path if hook else _NO_PATH, uuid.uuid4().hex
        await self._transitions.count_delivery(delivery.kind, path, result, call_id=call_id, reason=reason)

    async def _start(
        self, hook: WebhookRecord, workflow: WorkflowRecord, delivery: Incoming
    ) -> Submitted | None:
        """Start an execution; None where hook or workflow have changed meanwhile."""
        parsed = await self._parsed(delivery.raw)
        origin = workflow_origin(workflow)
        labels = {**origin.labels, **delivery.labels}
        starter = starter_label("webhook", hook.path) if hook.kind == "webhook" else None
        trigger = trigger_document(hook, delivery, parsed)
        origin = replace(origin, labels=labels, trigger=trigger, starter=starter)
        try:
            compiled = await self._registered.compiled(workflow)
        except WorkflowNotFound:
            return None
        execution_id, extra = await self._submissions.prepare(
            compiled, tenant=hook.tenant, inputs=_inputs(hook, parsed), is_started=True, origin=origin
        )
        digest = digest_of(delivery.delivery_id) if delivery.delivery_id else ""
        async with self._transitions.durable():
            word, made, more = await self._submissions.layouts.send(
                hook.tenant,
                compiled.layout,
                compiled.layout.last,
                lambda last: self._transitions.deliver_webhook(
                    execution_id,
                    compiled.text,
                    last,
                    delivered=Delivered(hook, workflow, digest),
                    extra=tuple(extra),
                ),
            )
        if word == "moved":
            return None
        if word == "lost":
            raise TooBusy("storing the execution took so long that it was given up; send it again")
        if more:
            await self._transitions.drain_worklist(execution_id)
        return Submitted(made, ExecutionStatus.RUNNING, word == "replayed")

    async def _parsed(self, raw: bytes) -> Any:
        """Parse a body; `_NOT_JSON` for one that is no JSON, or none that can be kept."""
        return await asyncio.to_thread(_read, raw) if len(raw) > LONG_BYTES else _read(raw)


#: Stands for a body that is no JSON.
_NOT_JSON = object()


def trigger_document(hook: WebhookRecord, delivery: Incoming, parsed: Any) -> dict[str, Any]:
    """Make the trigger document of a delivery. What proves where it comes from is no part of it.

    A body that is no JSON counts as {}; where it is text, that is `body`.
    """
    document: dict[str, Any] = {
        "source": hook.kind,
        "path": hook.path,
        "payload": {} if parsed is _NOT_JSON else parsed,
        "headers": {
            name: value
            for name, value in delivery.headers.items()
            if name != hook.header and not _is_proof(name)
        },
    }
    if parsed is _NOT_JSON and (text := _text(delivery.raw)):
        document["body"] = text
    if delivery.delivery_id:
        document["delivery_id"] = delivery.delivery_id
    if delivery.query:
        document["query"] = dict(delivery.query)
    if delivery.is_test:
        document["test"] = True
    return document


def _inputs(hook: WebhookRecord, parsed: Any) -> dict[str, Any] | None:
    """Give the inputs of the execution. Raises InputsInvalid where the body cannot be that."""
    if hook.inputs == "none":
        return None
    payload = {} if parsed is _NOT_JSON else parsed
    if isinstance(payload, dict):
        return payload
    message = f"the body must be a JSON object, because it becomes the inputs; found {kind_of(payload)}"
    raise InputsInvalid([Problem("inputs", "wrong_type", message)])


def _read(raw: bytes) -> Any:
    try:
        return read_json(raw)
    except (NotJson, NotKept):
        return _NOT_JSON


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return ""
