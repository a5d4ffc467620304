"""Addresses under which strangers start a workflow: what a document says of one, and what is kept of it.

Fields of a record (a hash, written by `register_webhook` and, once a definition names hooks, by
`register_workflow`):

    hook_id             32 hex digits: tells it from another hook that had the path before
    tenant, workflow_id whose it is, and what it starts
    scheme              see `documents/signatures.py`
    header              of the scheme header_token, lower case; else empty
    inputs              payload: the body becomes the inputs; none: there are none
    is_active           1 or 0; 0: the path is unknown
    owner               the door that made it; empty for one that was made natively
    is_declared         1 where the document of its workflow names it, else missing
    secrets             a line for each, newest last: `CREATED_MS EXPIRES_MS SECRET`, - for one that does not
                        expire; of the scheme header_token their SHA-256
    revision            from 1, one more for each change
    calls               the calls that changed it last, so that one sent again changes nothing
    created_ms          Redis ms
    updated_ms          Redis ms

and, written by deliveries, which do not change the revision:

    accepted, duplicate, rejected, error   how many there were of each
    rejected|REASON     how many of the rejected there were for each `Refusal`; what came before reasons were
                        counted is in `rejected` alone
    last_ms             when the last one came, Redis ms
    last_accepted_ms    when the last one came that was accepted, Redis ms
    last_rejected_ms    when the last one came that was rejected, Redis ms
    last_reason         what that was rejected for, a `Refusal`
    counted             the calls that were counted last
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.documents.fields import Fields
from orchestrator.documents.signatures import TOKEN_HEADER, Refusal, Scheme

#: webhook: `POST /webhooks/{path}`. path: the trigger paths of doors, which are names of their own.
Kind = Literal["webhook", "path"]
#: What becomes of the body, beside `trigger.payload`.
InputsFrom = Literal["none", "payload"]
PATH_CHARS = 128
#: Secrets of one hook that are good at a time.
MOST_SECRETS = 4
#: What every path that was not chosen begins with; none that is chosen may.
MINTED = "wh_"
PATH_RULE = f"1 to {PATH_CHARS} of A-Z a-z 0-9 _ . ~ -, not beginning with '{MINTED}'"
_FIELDS = ("path", "scheme", "header", "inputs")
_SCHEMES: dict[str, Scheme] = {str(scheme): scheme for scheme in Scheme}
_is_segment = re.compile(r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_.~-]+").fullmatch
_is_header = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,64}").fullmatch
#: The count of each reason, and its field.
_REASONS = tuple((reason, f"rejected|{reason}") for reason in Refusal)
#: Headers that mean something to everybody on the way.
_NO_TOKEN_IN = frozenset(
    {
        "host", "connection", "content-length", "content-type", "content-encoding", "transfer-encoding",
        "cookie", "origin", "webhook-id", "x-github-delivery", "idempotency-key",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WebhookSpec:
    """What is asked for when a hook is made.

    path    None: one that cannot be guessed is made.
    header  of the scheme header_token, lower case; else empty.
    """

    path: str | None
    scheme: Scheme
    header: str = ""
    inputs: InputsFrom = "none"


@dataclass(frozen=True, slots=True)
class HookTerms:
    """What comes beside a document for the webhooks that it names.

    door    which has written the document, and may leave its webhooks unsigned; empty natively.
    secret  that senders sign with; None leaves what there is.
    digits  hex digits of a path that is made; one that was made before stays as long as it is.
    """

    door: str = ""
    secret: str | None = field(default=None, repr=False)
    digits: int = 32


NATIVE_TERMS = HookTerms()


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret as it is kept. expires_ms: None for one that is good for ever."""

    created_ms: int
    expires_ms: int | None
    kept: str = field(repr=False)

    def is_live(self, now_ms: int) -> bool:
        return self.expires_ms is None or now_ms < self.expires_ms


@dataclass(frozen=True, slots=True)
class Counts:
    """Deliveries to a hook so far. accepted: those that were answered with an execution; duplicate: again.

    rejected_for  the rejected by their reason; those of before reasons were counted are in none of them.
    last_reason   of the last one that was rejected; None where there is none with a known reason.
    """

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    error: int = 0
    last_ms: int | None = None
    last_accepted_ms: int | None = None
    rejected_for: Mapping[Refusal, int] = field(default_factory=dict)
    last_rejected_ms: int | None = None
    last_reason: Refusal | None = None


@dataclass(frozen=True, slots=True)
class WebhookRecord:
    """What is known of a hook; see the fields above. Its secrets are in no repr and in no view."""

    kind: Kind
    path: str
    hook_id: str
    tenant: str
    workflow_id: str
    scheme: Scheme
    header: str
    inputs: InputsFrom
    is_active: bool
    owner: str
    is_declared: bool
    secrets: tuple[Secret, ...] = field(repr=False)
    revision: int
    created_ms: int
    updated_ms: int
    counts: Counts

    @property
    def tag(self) -> str:
        """Name this state of it; another state, or another hook of that path, has another tag."""
        return f"{self.hook_id}.{self.revision}"

    @property
    def name(self) -> str:
        return hook_name(self.kind, self.path)

    def live_secrets(self, now_ms: int) -> tuple[Secret, ...]:
        """Give the secrets that are good now, newest last."""
        return tuple(secret for secret in self.secrets if secret.is_live(now_ms))

    @classmethod
    def from_redis(cls, kind: Kind, path: str, fields: Mapping[bytes, bytes]) -> WebhookRecord:
        """Read a record. Raises ValueError for one that no engine wrote."""
        text = {name.decode(): value.decode() for name, value in fields.items()}
        try:
            return cls(
                kind=kind,
                path=path,
                hook_id=text["hook_id"],
                tenant=text["tenant"],
                workflow_id=text["workflow_id"],
                scheme=Scheme(text["scheme"]),
                header=text["header"],
                inputs="payload" if text["inputs"] == "payload" else "none",
                is_active=text["is_active"] == "1",
                owner=text["owner"],
                is_declared=text.get("is_declared") == "1",
                secrets=read_secrets(text["secrets"]),
                revision=int(text["revision"]),
                created_ms=int(text["created_ms"]),
                updated_ms=int(text["updated_ms"]),
                counts=_counts(text),
            )
        except KeyError as error:
            raise ValueError(f"the record of a webhook lacks the field {error}") from None


def read_webhook(fields: Fields, kind: Kind = "webhook") -> WebhookSpec | None:
    """Read one hook of a document, noting what is wrong; None when there is none to use.

    fields  an object with scheme, and perhaps path, header (of the scheme header_token) and inputs. Secrets
            are in no document: they are set apart from it.
    """
    before = len(fields.findings.problems) + fields.findings.left_out
    fields.refuse_unknown(frozenset(_FIELDS), _FIELDS)
    path = fields.text("path")
    if path is not None and not is_path(path, kind):
        fields.wrong("path", PATH_RULE, path, code="bad_value")
    if fields.raw.get("scheme") is None:
        where = fields.where("scheme")
        message = f"'{where}' is missing; one of {', '.join(_SCHEMES)}"
        fields.findings.add(where, "missing", message)
    scheme: Scheme = fields.choice("scheme", _SCHEMES, Scheme.HUB256)
    header = _header(fields, scheme)
    inputs: InputsFrom = fields.choice("inputs", {"payload": "payload", "none": "none"}, "none")
    if len(fields.findings.problems) + fields.findings.left_out > before:
        return None
    return WebhookSpec(path, scheme, header, inputs)


def is_path(text: str, kind: Kind = "webhook") -> bool:
    """Say whether a hook can have this path by choice. Trigger paths may have several segments."""
    if len(text) > PATH_CHARS or text.startswith(MINTED):
        return False
    segments = text.split("/") if kind == "path" else [text]
    return all(_is_segment(segment) for segment in segments)


def is_known_path(text: str, kind: Kind = "webhook") -> bool:
    """Say whether a hook can have this path at all, chosen or not."""
    return is_path(text.removeprefix(MINTED) if text != MINTED else text, kind)


def hook_name(kind: Kind, path: str) -> str:
    """Name a hook in lists and in the record of its workflow."""
    return f"{kind}:{path}"


def read_secrets(text: str) -> tuple[Secret, ...]:
    """Read secrets as a record keeps them."""
    found = []
    for line in text.splitlines():
        created, expires, kept = line.split(" ", 2)
        found.append(Secret(int(created), None if expires == "-" else int(expires), kept))
    return tuple(found)


def secrets_text(secrets: Sequence[Secret]) -> str:
    """Write secrets as a record keeps them."""
    return "\n".join(
        f"{each.created_ms} {'-' if each.expires_ms is None else each.expires_ms} {each.kept}"
        for each in secrets
    )


def _header(fields: Fields, scheme: Scheme) -> str:
    sent = fields.text("header")
    if scheme is not Scheme.HEADER_TOKEN:
        if sent is not None:
            where = fields.where("header")
            message = f"'{where}' is for the scheme 'header_token'; this one is '{scheme}'"
            fields.findings.add(where, "bad_value", message)
        return ""
    header = TOKEN_HEADER if sent is None else sent.lower()
    if not _is_header(header) or header in _NO_TOKEN_IN:
        expected = (
            f"the name of a header, such as X-Gitlab-Token, and none of {', '.join(sorted(_NO_TOKEN_IN))}"
        )
        fields.wrong("header", expected, sent, code="bad_value")
    return header


def _counts(text: Mapping[str, str]) -> Counts:
    def moment(name: str) -> int | None:
        return int(found) if (found := text.get(name)) else None

    last_reason = text.get("last_reason")
    return Counts(
        accepted=int(text.get("accepted", 0)),
        duplicate=int(text.get("duplicate", 0)),
        rejected=int(text.get("rejected", 0)),
        error=int(text.get("error", 0)),
        last_ms=moment("last_ms"),
        last_accepted_ms=moment("last_accepted_ms"),
        rejected_for={reason: int(count) for reason, name in _REASONS if (count := text.get(name))},
        last_rejected_ms=moment("last_rejected_ms"),
        # A later version may know more reasons.
        last_reason=next((reason for reason, _ in _REASONS if reason == last_reason), None),
    )
