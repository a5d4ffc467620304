"""The values that the verbs of `Transitions` take, and how each becomes arguments of a script."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import orjson

from orchestrator.definitions.registry import Source, WorkflowRecord
from orchestrator.definitions.webhooks import WebhookRecord
from orchestrator.documents import exact_json
from orchestrator.errors import ErrorType, NodeError
from orchestrator.execution.model import Awaiting
from orchestrator.store.layout import Field, Slice
from orchestrator.store.script_client import Argument

Decision = Literal["approve", "deny"]
Word = Literal["complete", "fail", "skip"]

#: Why the nodes of one execution beyond the 500th cannot wait for one name.
_CROWDED = "too many nodes of this execution wait for the signal '{}' (500)"


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Further tasks to claim in the call that ends an attempt, so that a node costs one round trip.

    count       how many at most.
    request_id  new for every call; the same one again gets the same claims.
    consumer    the worker's name in the consumer group of the task streams.
    lease_ms    until the claims must be renewed.
    queues      the queues the worker reads, in order, each with the number of live workers that read it:
                `default=3 slow=1`. Of a queue that several read, a call takes only its share.
    handlers    names of the handlers it offers, each between two spaces.
    running     attempts the worker runs beside those that end in the call. Of what follows from these it gets
                some directly, as long as it runs no more than its share of all that run.
    """

    count: int
    request_id: str
    worker_id: str
    consumer: str
    lease_ms: int
    queues: str
    handlers: str
    running: int = 0

    def arguments(self) -> tuple[Argument, ...]:
        return (
            self.count, self.request_id, self.worker_id, self.consumer, self.lease_ms,
            self.queues, self.handlers, self.running,
        )  # fmt: skip


#: The arguments of a call that claims no further task.
NO_CLAIMS: tuple[Argument, ...] = (0, "", "", "", 0, "", "", 0)


class AttemptToken(NamedTuple):
    """What a worker holds of an attempt it has claimed: everything the fence compares.

    nonce  names the claim; a task that is delivered twice is claimed under two.
    """

    execution_id: str
    node_id: str
    attempt: int
    nonce: str

    def arguments(self) -> tuple[Argument, ...]:
        return (self.node_id, self.attempt, self.nonce)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """One arrival of a request from outside, so that the request takes effect once.

    key      names the request, a hex digest: equal for every arrival of it.
    digest   of what it carries: another one under the same key is refused.
    call_id  new for every arrival, so that a call sent again is told from a request made again.
    name     the idempotency key as the client chose it; empty for a request without one.
    """

    key: str
    digest: str
    call_id: str
    name: str = ""

    @classmethod
    def named(cls, name: str, *, route: str, body: bytes) -> Idempotency:
        """Identify a request by its idempotency key, which counts for one route, and its body."""
        return cls(digest_of(f"{route}\n{name}"), digest_of(body), uuid.uuid4().hex, name)

    @classmethod
    def unnamed(cls) -> Idempotency:
        """Identify a request without an idempotency key: it equals no other."""
        call_id = uuid.uuid4().hex
        return cls(digest_of(call_id), digest_of(call_id), call_id)

    def arguments(self) -> tuple[Argument, ...]:
        return (self.key, self.digest, self.call_id)


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """An API key to be made. Of the key itself only its digest is kept.

    digest      SHA-256 of the key, hex.
    scopes      words, parted by blanks.
    expires_ms  None: never.
    replaces    id of the key it stands in for, which goes on for overlap_ms.
    salt        what the key was made of, so that the same request can be given it again; `-` for none.
    """

    key_id: str
    digest: str
    name: str
    scopes: str
    expires_ms: int | None = None
    replaces: str = ""
    overlap_ms: int = 0
    salt: str = "-"

    def arguments(self) -> tuple[Argument, ...]:
        expires: Argument = "" if self.expires_ms is None else self.expires_ms
        return (self.key_id, self.digest, self.name, self.scopes, expires, self.replaces, self.overlap_ms)


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """The execution key that a new execution is to hold.

    digest  of the key.
    policy  while one holds it that has not ended: fail, use_existing, terminate_existing.
    """

    digest: str
    policy: str = "fail"


@dataclass(frozen=True, slots=True)
class OperatorNote:
    """Who overrides a node, and why; both are kept in the history.

    attempt  the attempt number the override is meant for; None for any.
    """

    by: str
    reason: str | None = None
    attempt: int | None = None

    def arguments(self, idempotency: Idempotency) -> tuple[Argument, ...]:
        attempt: Argument = "" if self.attempt is None else self.attempt
        return (attempt, *idempotency.arguments(), orjson.dumps({"by": self.by, "reason": self.reason}))


@dataclass(frozen=True, slots=True)
class Child:
    """A child execution to create and start for a unit; every slice of it but the last is staged.

    definition   as it is stored, JSON.
    last         brings its static layout, unless that came with an earlier slice.
    extra        runtime fields and values in turn; they beat those of the layout.
    most_levels  levels of children allowed below the root.
    too_deep     the error, JSON, of the unit whose child would be one level deeper.
    output       of a unit that does not wait for its child, JSON.
    """

    execution_id: str
    definition: bytes
    last: Slice
    extra: Sequence[Field]
    most_levels: int
    too_deep: bytes
    output: bytes


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule of a workflow, or a change of its rule.

    other_name  taken where the name belongs to another schedule; empty for none.
    fields      of the record, see definitions/schedule_record.py; what is not named stays as it is.
    """

    schedule_id: str
    name: str
    fields: Mapping[str, str]
    other_name: str = ""

    def words(self) -> list[Argument]:
        """Give the fields and values in turn."""
        return [part for pair in self.fields.items() for part in pair]

    def arguments(self) -> tuple[Argument, ...]:
        words = self.words()
        return (self.schedule_id, self.name, self.other_name, len(words), *words)


class NewHook(NamedTuple):
    """A webhook or a trigger path that a definition names.

    name, hook_id  KIND:PATH, and the id it gets if there is none of that name yet.
    owner, secrets  the door that writes it, secrets as kept; empty leaves those there are of this scheme.
    """

    name: str
    hook_id: str
    scheme: str
    header: str
    inputs: str
    owner: str
    secrets: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot of a schedule that is dealt with, as the schedule was read.

    turn     of the schedule.
    kind     slot, buffered or backfill.
    next_ms, due_ms  what comes after it; None for nothing.
    missed   slots before it that are let go.
    """

    tenant: str
    schedule_id: str
    turn: int
    kind: str
    slot_ms: int
    next_ms: int | None = None
    due_ms: int | None = None
    missed: int = 0

    def after(self) -> tuple[Argument, Argument]:
        """Give the slot that comes next and when it is due, as scripts take them."""
        return ("" if self.next_ms is None else self.next_ms, "" if self.due_ms is None else self.due_ms)


@dataclass(frozen=True, slots=True)
class Registration:
    """A workflow to register, or a change of one.

    other_name  taken where the name belongs to another workflow; empty for none.
    revision    the one to change; None for a new workflow.
    definition  JSON, with the source as it was sent; None leaves the version as it is.
    fields      of the record, see definitions/registry.py; what is not named stays as it is.
    schedules, webhooks  those that the definition names.
    idempotency  of the request; None where it has no key of its own.
    """

    workflow_id: str
    tenant: str
    name: str
    fields: Mapping[str, str]
    definition: bytes | None = None
    source: Source | None = None
    other_name: str = ""
    schedules: Sequence[NewSchedule] = ()
    webhooks: Sequence[NewHook] = ()
    revision: int | None = None
    idempotency: Idempotency | None = None
    call_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def arguments(self) -> tuple[Argument, ...]:
        request = (self.idempotency.key, self.idempotency.digest) if self.idempotency else ("", "")
        source = self.source or Source(b"", "")
        named = [part for pair in self.fields.items() for part in pair]
        return (
            self.workflow_id, self.tenant, self.name, self.other_name,
            "" if self.revision is None else self.revision, *request, self.call_id,
            self.definition or b"", source.text, source.media_type, len(named), *named,
            len(self.schedules), *(word for each in self.schedules for word in each.arguments()),
            len(self.webhooks), *(word for each in self.webhooks for word in each),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class HookChange:
    """A hook to be made, or a change of one.

    name      KIND:PATH.
    fields    of the record, see definitions/webhooks.py; what is not named stays as it is.
    tag       the state to change; None for a new hook.
    salt      what its secret was made of, so that the same request can be given it again; `-` for none.
    """

    name: str
    tenant: str
    workflow_id: str
    fields: Mapping[str, str] = field(repr=False)
    tag: str | None = None
    salt: str = field(default="-", repr=False)
    idempotency: Idempotency | None = None
    call_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def arguments(self) -> tuple[Argument, ...]:
        request = (self.idempotency.key, self.idempotency.digest) if self.idempotency else ("", "")
        named = [part for pair in self.fields.items() for part in pair]
        return (
            self.name, self.tenant, self.workflow_id, self.tag or "", *request, self.call_id, self.salt,
            *named,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivery that was verified: by this state of the hook, for this state of the workflow.

    digest  of the delivery's id; empty for one without.
    """

    hook: WebhookRecord
    workflow: WorkflowRecord
    digest: str

    def arguments(self) -> tuple[Argument, ...]:
        return (
            self.hook.tenant, self.hook.name, self.hook.tag, self.digest,
            self.workflow.workflow_id, self.workflow.revision,
        )  # fmt: skip


def digest_of(text: bytes | str) -> str:
    """Shorten a text to 40 hex digits that no other text has."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()[:40]


def wait_arguments(wait: Awaiting, attempt: int) -> tuple[Argument, ...]:
    """Put a wait of this attempt into the arguments of `await_node`."""
    return (
        str(wait.on),
        wait.awaits,
        exact_json.dumps(wait.ask),
        "" if wait.timeout_ms is None else wait.timeout_ms,
        "fail" if isinstance(wait.late, NodeError) else "complete",
        _error(wait.late, attempt) if isinstance(wait.late, NodeError) else exact_json.dumps(wait.late),
        wait.quorum,
        " ".join(wait.unless_late),
        " ".join(wait.if_late),
        _error(NodeError(ErrorType.CONFIG_ERROR, _CROWDED.format(wait.awaits), False), attempt),
    )


def _error(error: NodeError, attempt: int) -> bytes:
    return exact_json.dumps(replace(error, attempt=attempt).to_dict())
