"""`engine.webhooks`: the hooks of a tenant: made, changed, rotated, tested and removed."""

from __future__ import annotations

import base64
import hmac
import secrets as randomness
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.definitions.webhooks import (
    MINTED,
    MOST_SECRETS,
    Kind,
    Secret,
    WebhookRecord,
    WebhookSpec,
    hook_name,
    is_known_path,
    read_webhook,
    secrets_text,
)
from orchestrator.documents import exact_json
from orchestrator.documents.fields import Fields
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings
from orchestrator.documents.signatures import (
    SECRET_PREFIX,
    Scheme,
    kept_secret,
    secret_rule,
    signed_headers,
)
from orchestrator.errors import (
    IdempotencyConflict,
    PreconditionRequired,
    Problem,
    TooBusy,
    TooManySecrets,
    TooManyWebhooks,
    WebhookChanged,
    WebhookExists,
    WebhookInactive,
    WebhookInvalid,
    WebhookNotFound,
    WorkflowInactive,
    WorkflowNotFound,
)
from orchestrator.operations.cursors import read_position
from orchestrator.operations.deliveries import Deliveries, Delivery
from orchestrator.operations.owner import Owner
from orchestrator.operations.registered import Registered
from orchestrator.operations.registrations import flag
from orchestrator.operations.results import Page, SampleDelivery, WebhookChange, WebhookView
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
#: Rows of the list read at a time.
BATCH = 200
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
        deliveries: Deliveries,
        owner: Owner,
        *,
        pepper: str = "",
    ) -> None:
        """pepper: what Redis does not know, and goes into secrets that may be shown again."""
        self._store = store
        self._transitions = transitions
        self._registered = registered
        self._deliveries = deliveries
        self._owner = owner
        self._pepper = pepper

    # Verbs

    async def create(
        self,
        workflow: str,
        wanted: Mapping[str, Any],
        *,
        secrets: Sequence[str] = (),
        is_active: bool = True,
        allows_unsigned: bool = False,
        kind: Kind = "webhook",
        door: str = "",
        idempotency: Idempotency | None = None,
    ) -> WebhookChange:
        """Make a webhook of a workflow.

        wanted   scheme, and perhaps path, header and inputs; see `read_webhook`. Without a path one is made
                 that nobody can guess; only the tenant `default` chooses.
        secrets  one to four that senders sign with; without any one is made, and shown in this answer alone.
        allows_unsigned  whether the scheme may be none.
        door     which door makes it; empty natively.
        Raises WebhookInvalid, WebhookExists, WorkflowNotFound, TooManyWebhooks, IdempotencyConflict.
        """
        spec = self._checked(wanted, secrets, kind=kind, allows_unsigned=allows_unsigned)
        record = await self._registered.find(self._owner.tenant, workflow)
        now_ms = await self._now_ms()
        hook_id = uuid.uuid4().hex
        made, salt = None, "-"
        if not secrets and spec.scheme is not Scheme.NONE:
            made, salt = self._secret(hook_id, idempotency)
        kept = [
            Secret(now_ms, None, kept_secret(spec.scheme, each))
            for each in secrets or ([made] if made else [])
        ]
        path = spec.path or f"{MINTED}{uuid.uuid4().hex}"
        fields = {
            "hook_id": hook_id,
            "scheme": str(spec.scheme),
            "header": spec.header,
            "inputs": spec.inputs,
            "is_active": flag(is_active),
            "owner": door,
            "secrets": secrets_text(kept),
        }
        name = hook_name(kind, path)
        change = HookChange(
            name,
            record.tenant,
            record.workflow_id,
            fields,
            salt=salt if idempotency else "-",
            idempotency=idempotency,
        )
        word, found_salt, found = await self._transitions.register_webhook(change)
        return await self._answer(word, found, path=path, made=made, salt=found_salt, change=change)

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
            before: dict[str, Any] = {"scheme": str(record.scheme), "inputs": record.inputs}
            if record.header and wanted.get("scheme") in (None, str(Scheme.HEADER_TOKEN)):
                before["header"] = record.header
            given = {name: value for name, value in wanted.items() if value is not None}
            # A hook that is unsigned already may stay so.
            may = allows_unsigned or record.scheme is Scheme.NONE
            spec = self._checked(before | given, (), kind=record.kind, allows_unsigned=may)
            now_ms = await self._now_ms()
            kept, made = self._carried(record, spec.scheme, now_ms)
            fields = {
                "scheme": str(spec.scheme),
                "header": spec.header,
                "inputs": spec.inputs,
                "is_active": flag(record.is_active if is_active is None else is_active),
                "secrets": secrets_text(kept),
            }
            if _is_same(record, fields):
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
                raise _invalid("scheme", f"webhook {path!r} has the scheme 'none', and so no secret")
            if secret is not None:
                _check_secrets(record.scheme, [secret], "secret")
            made, salt = (None, "-") if secret is not None else self._secret(record.hook_id, idempotency)
            now_ms = await self._now_ms()
            kept = kept_secret(record.scheme, secret or made or "")
            until_ms = now_ms + keep_ms
            older = [
                replace(each, expires_ms=min(each.expires_ms or until_ms, until_ms))
                for each in record.live_secrets(now_ms)
                if keep_ms > 0 and each.kept != kept
            ]
            change = HookChange(
                record.name,
                record.tenant,
                record.workflow_id,
                {"secrets": secrets_text([*older, Secret(now_ms, None, kept)])},
                tag=record.tag,
                salt=salt if idempotency else "-",
                idempotency=idempotency,
            )
            word, found_salt, found = await self._transitions.register_webhook(change)
            if word != "stale":
                return await self._answer(word, found, path=path, made=made, salt=found_salt, change=change)
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

        Raises WebhookNotFound, WebhookInactive, WorkflowInactive, and what `Deliveries.receive` raises.
        """
        view = await self.get(path)
        record = view.record
        if not record.is_active:
            raise WebhookInactive(path)
        workflow = await self._registered.find(record.tenant, record.workflow_id)
        if not workflow.is_active:
            raise WorkflowInactive(workflow.name)
        now_ms = await self._now_ms()
        live = record.live_secrets(now_ms)
        if record.scheme is not Scheme.NONE and not live:
            raise _invalid("secrets", f"webhook {path!r} has no secret that is good; rotate it first")
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
        submitted = await self._deliveries.receive(
            Delivery(record.kind, path, headers, raw, is_test=True, is_vouched_for=is_token),
            allows_unsigned=allows_unsigned,
        )
        self._owner.remember(submitted.execution_id)
        return SampleDelivery(submitted, path, headers, raw)

    # Questions

    async def get(self, path: str) -> WebhookView:
        """Read a webhook. Raises WebhookNotFound, for those of others too."""
        return await self._view(await self._found(path))

    async def list(self, *, limit: int = 50, cursor: str | None = None, workflow: str | None = None) -> Page:
        """List webhooks, newest first. Raises CursorInvalid, WorkflowNotFound.

        workflow  whose they are; None for those of all.
        """
        tenant = self._owner.tenant
        wanted = (await self._registered.find(tenant, workflow)).workflow_id if workflow else None
        newest, after = "+inf", ""
        if position := read_position(cursor):
            newest, after = str(position[0]), position[1]
        items: list[WebhookRecord] = []
        for offset in range(0, MOST_OF_TENANT + BATCH, BATCH):
            rows = await self._store.webhooks.list_names(tenant, newest_ms=newest, offset=offset, count=BATCH)
            # Those of one millisecond are in descending order: up to the cursor's own they were given.
            fresh = [row for row in rows if not after or row[1] < int(newest) or row[0] < after]
            for record in await self._store.webhooks.records([name for name, _ in fresh]):
                if record.kind == "webhook" and wanted in (None, record.workflow_id):
                    if len(items) == limit:
                        last = items[-1]
                        return Page([*await self._views(items)], f"{last.created_ms}.{last.name}")
                    items.append(record)
            if len(rows) < BATCH:
                break
        return Page([*await self._views(items)], None)

    # What the verbs share

    async def _found(self, path: str) -> WebhookRecord:
        # Another tenant's is read all the same: it takes as long as what does not exist.
        record = await self._store.webhooks.record("webhook", path if is_known_path(path) else "")
        if record is None or record.tenant != self._owner.tenant:
            raise WebhookNotFound(path)
        return record

    async def _view(self, record: WebhookRecord) -> WebhookView:
        return (await self._views([record]))[0]

    async def _views(self, records: Sequence[WebhookRecord]) -> Sequence[WebhookView]:
        ids = list(dict.fromkeys(record.workflow_id for record in records))
        found: list[WorkflowRecord] = await self._store.workflows.records(self._owner.tenant, ids)
        names = {each.workflow_id: each.name for each in found}
        return [WebhookView(record, names.get(record.workflow_id, "")) for record in records]

    async def _now_ms(self) -> int:
        now_ms = self._transitions.now_ms
        return await self._store.now_ms() if now_ms is None else now_ms

    def _checked(
        self, wanted: Mapping[str, Any], secrets: Sequence[str], *, kind: Kind, allows_unsigned: bool
    ) -> WebhookSpec:
        """Check what is wanted. Raises WebhookInvalid with every problem."""
        findings = Findings(Limits())
        spec = read_webhook(Fields(dict(wanted), "", findings), kind)
        if spec is None:
            raise WebhookInvalid(findings.problems)
        if spec.path is not None and self._owner.tenant != DEFAULT_TENANT:
            raise _invalid(
                "path", "'path' is chosen by the tenant 'default' alone; leave it out, and one is made"
            )
        if spec.scheme is Scheme.NONE:
            if not allows_unsigned:
                raise _invalid(
                    "scheme",
                    "'scheme' may be 'none' in development only, where anybody may send; one of hub256, "
                    "standard, header_token",
                )
            if secrets:
                raise _invalid("secrets", "'secrets' are of no use to the scheme 'none'; leave them out")
        _check_secrets(spec.scheme, secrets, "secrets")
        return spec

    def _carried(
        self, record: WebhookRecord, scheme: Scheme, now_ms: int
    ) -> tuple[Sequence[Secret], str | None]:
        """Give the secrets a hook keeps under a scheme, and the one that is made where it keeps none."""
        if scheme is record.scheme:
            return list(record.secrets), None
        if scheme is Scheme.NONE:
            return [], None
        # Of tokens only digests are kept, which sign nothing.
        plain = () if record.scheme is Scheme.HEADER_TOKEN else record.live_secrets(now_ms)
        fit = [each for each in plain if secret_rule(scheme, each.kept) is None]
        if fit:
            return [replace(each, kept=kept_secret(scheme, each.kept)) for each in fit], None
        made, _ = self._secret(record.hook_id, None)
        return [Secret(now_ms, None, kept_secret(scheme, made))], made

    def _secret(self, hook_id: str, idempotency: Idempotency | None) -> tuple[str, str]:
        """Make a secret, and the salt it is made of."""
        salt = randomness.token_urlsafe(32)
        return self._secret_of(hook_id, salt, idempotency), salt

    def _secret_of(self, hook_id: str, salt: str, idempotency: Idempotency | None) -> str:
        """Put a secret together; the same again for the same request."""
        made_of = f"{hook_id}\n{idempotency.name if idempotency else ''}\n{self._pepper}"
        key = hmac.digest(salt.encode(), made_of.encode(), "sha256")
        return SECRET_PREFIX + base64.b64encode(key).decode()

    async def _answer(
        self,
        word: str,
        found: WebhookRecord | None,
        *,
        path: str,
        made: str | None,
        salt: str,
        change: HookChange,
    ) -> WebhookChange:
        """Turn the reply of `register_webhook` into a change, or raise."""
        match word:
            case "conflict":
                raise IdempotencyConflict(change.idempotency.name if change.idempotency else "")
            case "taken":
                raise WebhookExists(path)
            case "unknown":
                raise WorkflowNotFound(change.workflow_id)
            case "crowded":
                raise TooManySecrets(path, MOST_SECRETS)
            case "full":
                raise TooManyWebhooks(MOST_OF_WORKFLOW, MOST_OF_TENANT)
        if found is None:
            raise WebhookNotFound(path)
        if word == "replayed":
            made = None
            if salt not in ("", "-"):
                again = self._secret_of(found.hook_id, salt, change.idempotency)
                is_kept = kept_secret(found.scheme, again) in {each.kept for each in found.secrets}
                made = again if is_kept else None
        return WebhookChange(await self._view(found), made, word == "replayed")


def _check_secrets(scheme: Scheme, secrets: Sequence[str], field: str) -> None:
    if len(secrets) > MOST_SECRETS:
        raise _invalid(field, f"'{field}' has {len(secrets)}; allowed are {MOST_SECRETS}")
    # Without what was found: no secret is in any message.
    rules = [rule for each in secrets if (rule := secret_rule(scheme, each)) is not None]
    if rules:
        raise _invalid(field, f"each of '{field}' must be {rules[0]}")


def _is_same(record: WebhookRecord, fields: Mapping[str, str]) -> bool:
    return fields == {
        "scheme": str(record.scheme),
        "header": record.header,
        "inputs": record.inputs,
        "is_active": flag(record.is_active),
        "secrets": secrets_text(record.secrets),
    }


def _admit(record: WebhookRecord, meant: frozenset[str] | None) -> None:
    """Refuse a change of another state than the one that is meant."""
    if meant is None:
        raise PreconditionRequired(record.path, what="webhook")
    if ANY not in meant and record.tag not in meant:
        raise WebhookChanged(record.path, record.tag)


def _invalid(path: str, message: str) -> WebhookInvalid:
    return WebhookInvalid([Problem(path, "wrong_value", message)])


def _busy(path: str) -> TooBusy:
    return TooBusy(f"webhook {path!r} is being changed by others; try again")
