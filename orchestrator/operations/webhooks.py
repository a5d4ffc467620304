"""`engine.webhooks`: the webhooks of a tenant: made, changed, rotated, tested and removed."""

# long: every verb and question about a webhook, on one screen after another

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from orchestrator.definitions.webhooks import (
    MINTED,
    MOST_SECRETS,
    Kind,
    Secret,
    WebhookRecord,
    hook_name,
    is_known_path,
    secrets_text,
)
from orchestrator.documents import exact_json
from orchestrator.documents.signatures import REFUSAL_WORDS, Refusal, Scheme, kept_secret, signed_headers
from orchestrator.errors import (
    IdempotencyConflict,
    PreconditionRequired,
    SignatureInvalid,
    TooBusy,
    TooManySecrets,
    TooManyWebhooks,
    WebhookChanged,
    WebhookExists,
    WebhookInactive,
    WebhookNotFound,
    WorkflowInactive,
    WorkflowNotFound,
)
from orchestrator.operations.incoming import Incoming, IncomingWebhooks
from orchestrator.operations.owner import Owner
from orchestrator.operations.pages import page_of
from orchestrator.operations.registered import Registered
from orchestrator.operations.results import Page
from orchestrator.operations.webhook_fields import checked, fields_of, invalid, merged, spec_fields
from orchestrator.operations.webhook_results import SampleDelivery, Triggered, WebhookChange, WebhookView
from orchestrator.operations.webhook_secrets import WebhookSecrets, carried, check_secrets, rotated
from orchestrator.redis_keys import DEFAULT_TENANT
from orchestrator.store.reader import Store
from orchestrator.store.requests import HookChange, Idempotency
from orchestrator.store.transitions import Transitions

#: The script's own figures.
MOST_OF_WORKFLOW, MOST_OF_TENANT = 32, 1_000
#: How often a change is tried again that others have overtaken.
ROUNDS = 10
#: In `if_match`: whatever state the webhook is in.
ANY = "*"
#: How long the secrets before it go on beside a new one.
KEEP_MS = 86_400_000
#: Shown in place of a token of which only a digest is kept.
TOKEN_UNKNOWN = "<token>"
_SAMPLE = {"event": "test", "message": "a delivery made by hand to test this webhook"}


class Webhooks:
    """The webhooks of one tenant, by path. Secrets are written and never read.

    if_match  tags of the states that are meant, see `WebhookRecord.tag`; `*` is any.
    """

    def __init__(
        self,
        store: Store,
        transitions: Transitions,
        registered: Registered,
        incoming: IncomingWebhooks,
        owner: Owner,
        *,
        pepper: str = "",
    ) -> None:
        """pepper: see `WebhookSecrets`."""
        self._store = store
        self._transitions = transitions
        self._registered = registered
        self._incoming = incoming
        self._owner = owner
        self._secrets = WebhookSecrets(pepper)

    # Verbs

    async def create(
        self,
        workflow: str,
        wanted: Mapping[str, Any],
        *,
        secrets: Sequence[str] = (),
        is_active: bool = True,
        allows_unsigned: bool = False,
        idempotency: Idempotency | None = None,
    ) -> WebhookChange:
        """Make a webhook of a workflow.

        wanted   scheme, and perhaps path, header and inputs; see `read_webhook`. Without a path one is made
                 that cannot be guessed; only the tenant `default` chooses.
        secrets  one to four that senders sign with; without any one is made, and shown in this answer alone.
        allows_unsigned  whether the scheme may be none.
        Raises WebhookInvalid, WebhookExists, WorkflowNotFound, TooManyWebhooks, IdempotencyConflict.
        """
        spec = checked(
            wanted, secrets, tenant=self._owner.tenant, kind="webhook", allows_unsigned=allows_unsigned
        )
        record = await self._registered.find(self._owner.tenant, workflow)
        now_ms, hook_id, made, salt = await self._now_ms(), uuid.uuid4().hex, None, "-"
        if not secrets and spec.scheme is not Scheme.NONE:
            made, salt = self._secrets.make(hook_id, idempotency)
        kept = [Secret(now_ms, None, kept_secret(spec.scheme, each)) for each in (*secrets, made) if each]
        fields = spec_fields(spec, kept, is_active=is_active) | {"hook_id": hook_id, "owner": ""}
        path = spec.path or f"{MINTED}{uuid.uuid4().hex}"
        name = hook_name("webhook", path)
        change = HookChange(
            name, record.tenant, record.workflow_id, fields, salt=salt, idempotency=idempotency
        )
        return await self._done(change, path, made, await self._transitions.register_webhook(change))

    async def change(
        self,
        path: str,
        wanted: Mapping[str, Any],
        *,
        is_active: bool | None = None,
        if_match: Iterable[str] | None = None,
        allows_unsigned: bool = False,
    ) -> WebhookChange:
        """Change scheme, header, inputs, or whether it takes deliveries; what is left out stays.

        Secrets that cannot be those of another scheme are replaced by one that is made, and shown in this
        answer alone. The same again changes nothing.
        Raises WebhookNotFound, PreconditionRequired, WebhookChanged, WebhookInvalid.
        """
        meant = None if if_match is None else frozenset(if_match)
        for _ in range(ROUNDS):
            record = await self._found(path)
            _admit(record, meant)
            # A webhook that is unsigned already may stay so.
            may_be = allows_unsigned or record.scheme is Scheme.NONE
            spec = checked(
                merged(record, wanted),
                (),
                tenant=record.tenant,
                kind=record.kind,
                allows_unsigned=may_be,
            )
            now_ms, made = await self._now_ms(), None
            kept = carried(record, spec.scheme, now_ms)
            if not kept and spec.scheme not in (Scheme.NONE, record.scheme):
                made, _ = self._secrets.make(record.hook_id, None)
                kept = (Secret(now_ms, None, kept_secret(spec.scheme, made)),)
            stays = record.is_active if is_active is None else is_active
            fields = spec_fields(spec, kept, is_active=stays)
            if fields == fields_of(record):
                return WebhookChange(await self._view(record))
            change = HookChange(record.name, record.tenant, record.workflow_id, fields, tag=record.tag)
            word, _, found = await self._transitions.register_webhook(change)
            if word == "ok" and found is not None:
                return WebhookChange(await self._view(found), made)
        raise _busy(path)

    async def rotate(
        self,
        path: str,
        *,
        secret: str | None = None,
        keep_ms: int = KEEP_MS,
        idempotency: Idempotency | None = None,
    ) -> WebhookChange:
        """Give it a new secret; those before it are good for keep_ms more, so that no delivery is lost.

        secret  None: one is made, and shown in this answer alone.
        Raises WebhookNotFound, WebhookInvalid, TooManySecrets, IdempotencyConflict.
        """
        for _ in range(ROUNDS):
            record = await self._found(path)
            if record.scheme is Scheme.NONE:
                raise invalid("scheme", f"webhook {path!r} has the scheme 'none', and so no secret")
            made, salt = None, "-"
            if secret is None:
                made, salt = self._secrets.make(record.hook_id, idempotency)
            else:
                check_secrets(record.scheme, [secret], "secret")
            kept = rotated(record, secret or made or "", now_ms=await self._now_ms(), keep_ms=keep_ms)
            change = HookChange(
                record.name,
                record.tenant,
                record.workflow_id,
                {"secrets": secrets_text(kept)},
                tag=record.tag,
                salt=salt,
                idempotency=idempotency,
            )
            reply = await self._transitions.register_webhook(change)
            if reply[0] != "stale":
                return await self._done(change, path, made, reply)
        raise _busy(path)

    async def remove(self, path: str, *, if_match: Iterable[str] | None = None) -> None:
        """Remove a webhook: its path is unknown from now on. Raises WebhookNotFound, WebhookChanged."""
        meant = frozenset({ANY} if if_match is None else if_match)
        for _ in range(ROUNDS):
            record = await self._found(path)
            _admit(record, meant)
            tag = None if ANY in meant else record.tag
            if await self._transitions.remove_webhook(record.kind, path, record.tenant, tag=tag) == "ok":
                return
        raise _busy(path)

    async def test(self, path: str, payload: Any = None, *, allows_unsigned: bool = False) -> SampleDelivery:
        """Deliver a sample that is signed as a sender would sign it; templates read `trigger.test`.

        payload  any JSON; None for a sample.
        Raises WebhookNotFound, WebhookInactive, WorkflowInactive, WebhookInvalid where the sample is refused,
        and what else `IncomingWebhooks.receive` raises.
        """
        record = await self._found(path)
        if not record.is_active:
            raise WebhookInactive(path)
        workflow = await self._registered.find(record.tenant, record.workflow_id)
        if not workflow.is_active:
            raise WorkflowInactive(workflow.name)
        now_ms = await self._now_ms()
        live = record.live_secrets(now_ms)
        if record.scheme is not Scheme.NONE and not live:
            raise invalid("secrets", f"webhook {path!r} has no secret that is good; rotate it first")
        raw = exact_json.dumps(_SAMPLE if payload is None else payload)
        is_token = record.scheme is Scheme.HEADER_TOKEN
        headers = {"content-type": "application/json"} | signed_headers(
            record.scheme,
            TOKEN_UNKNOWN if is_token or not live else live[-1].kept,
            raw,
            delivery_id=f"test-{uuid.uuid4()}",
            now_s=now_ms / 1000,
            header=record.header,
        )
        sample = Incoming(record.kind, path, headers, raw, is_test=True, is_vouched_for=is_token)
        try:
            submitted = await self._incoming.receive(sample, allows_unsigned=allows_unsigned)
        except SignatureInvalid as error:
            words = REFUSAL_WORDS[Refusal(error.reason)]
            raise invalid("path", f"webhook {path!r} refused the sample: {error.reason}: {words}") from None
        self._owner.remember(submitted.execution_id)
        return SampleDelivery(submitted, path, headers, raw)

    async def trigger(
        self,
        path: str,
        raw: bytes,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Triggered:
        """Start the workflow of a trigger path, for one of the tenant: it takes no signature.

        raw, headers, query  of the request, as `Incoming` has them.
        Raises WebhookNotFound, and what `IncomingWebhooks.receive` raises.
        """
        record = await self._found(path, "path")
        delivery = Incoming(
            "path",
            path,
            headers,
            raw,
            query=query or {},
            is_vouched_for=True,
            labels=labels or {},
        )
        submitted = await self._incoming.receive(delivery)
        self._owner.remember(submitted.execution_id)
        return Triggered(submitted, record.workflow_id)

    # Questions

    @property
    def chooses_paths(self) -> bool:
        """Whether this tenant may choose its paths; those of all others are made."""
        return self._owner.tenant == DEFAULT_TENANT

    async def get(self, path: str) -> WebhookView:
        """Read a webhook. Raises WebhookNotFound, for those of others too."""
        return await self._view(await self._found(path))

    async def list(self, *, limit: int = 50, cursor: str | None = None, workflow: str | None = None) -> Page:
        """List webhooks, newest first; of one workflow where it is named.

        Raises CursorInvalid, WorkflowNotFound.
        """
        tenant = self._owner.tenant
        workflow_id = (await self._registered.find(tenant, workflow)).workflow_id if workflow else None

        def is_wanted(record: WebhookRecord) -> bool:
            # Trigger paths belong to the doors that made them.
            is_listed = record.kind == "webhook" and record.tenant == tenant
            return is_listed and workflow_id in (None, record.workflow_id)

        page = await page_of(
            partial(self._store.webhooks.list_names, tenant),
            self._store.webhooks.records,
            limit=limit,
            cursor=cursor,
            place_of=lambda record: (record.created_ms, record.name),
            is_wanted=is_wanted,
        )
        return Page(list(await self._views(page.items)), page.next_cursor)

    # What the verbs share

    async def _found(self, path: str, kind: Kind = "webhook") -> WebhookRecord:
        # Another tenant's is read all the same: it takes as long as what does not exist.
        record = await self._store.webhooks.record(kind, path if is_known_path(path, kind) else "")
        if record is None or record.tenant != self._owner.tenant:
            raise WebhookNotFound(path)
        return record

    async def _view(self, record: WebhookRecord) -> WebhookView:
        (view,) = await self._views([record])
        return view

    async def _views(self, records: Sequence[WebhookRecord]) -> Sequence[WebhookView]:
        """Add the names of their workflows."""
        ids = list(dict.fromkeys(record.workflow_id for record in records))
        found = await self._store.workflows.records(self._owner.tenant, ids)
        names = {each.workflow_id: each.name for each in found}
        return [WebhookView(record, names.get(record.workflow_id, "")) for record in records]

    async def _now_ms(self) -> int:
        now_ms = self._transitions.now_ms
        return await self._store.now_ms() if now_ms is None else now_ms

    async def _done(
        self, change: HookChange, path: str, made: str | None, reply: tuple[str, str, WebhookRecord | None]
    ) -> WebhookChange:
        """Turn the reply of `register_webhook` into a change, or raise."""
        word, salt, found = reply
        match word:
            case "conflict":
                raise IdempotencyConflict(change.idempotency.name if change.idempotency else "")
            case "taken":
                raise WebhookExists(path)
            case "unknown":
                raise WorkflowNotFound(change.workflow_id)
            case "full":
                raise TooManyWebhooks(MOST_OF_WORKFLOW, MOST_OF_TENANT)
            case "crowded":
                raise TooManySecrets(path, MOST_SECRETS)
        if found is None:
            raise WebhookNotFound(path)
        if word == "replayed":
            made = self._secrets.made_before(found, salt, change.idempotency)
        return WebhookChange(await self._view(found), made, word == "replayed")


def _admit(record: WebhookRecord, meant: frozenset[str] | None) -> None:
    """Refuse a change of another state than the one that is meant."""
    if meant is None:
        raise PreconditionRequired(record.path, what="webhook")
    if ANY not in meant and record.tag not in meant:
        raise WebhookChanged(record.path, record.tag)


def _busy(path: str) -> TooBusy:
    return TooBusy(f"webhook {path!r} is being changed by others; try again")
