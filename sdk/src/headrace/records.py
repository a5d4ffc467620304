"""What the client returns about what lives beside executions: workflows, schedules, webhooks, workers, …"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.values import Value


@dataclass(frozen=True, slots=True)
class Workflow(Value):
    """A registered workflow; definition and source where one is read by itself, outcome after a change."""

    schema = "WorkflowDetail"

    workflow_id: str
    name: str
    version: int
    title: str = ""
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    #: Whether new executions start.
    is_active: bool = True
    has_interface: bool = False
    hash: str = ""
    media_type: str = ""
    tenant: str = ""
    created_at: str | None = None
    updated_at: str | None = None
    definition: Mapping[str, Any] | None = field(default=None, repr=False)
    source: str | None = field(default=None, repr=False)
    #: created, updated or unchanged.
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class WorkflowVersion(Value):
    """One version of a workflow; its definition where it is read by itself."""

    schema = "VersionDetail"

    version: int
    hash: str = ""
    title: str = ""
    media_type: str = ""
    created_at: str | None = None
    definition: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Schedule(Value):
    """When a workflow starts by itself. state: active, paused, ended, …"""

    schema = "ScheduleView"

    schedule_id: str
    name: str
    workflow: str | None
    workflow_id: str
    rule: Mapping[str, Any]
    state: str
    is_declared: bool = False
    next_slot: str | None = None
    next_due_at: str | None = None
    last_slot: str | None = None
    last_execution_id: str | None = None
    last_started_at: str | None = None
    runs: int = 0
    backfilled: int = 0
    triggered: int = 0
    skipped: int = 0
    missed: int = 0
    failed: int = 0
    last_error: str | None = None
    waiting: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    backfill: Mapping[str, Any] | None = None
    paused_at: str | None = None
    paused_by: str | None = None
    paused_reason: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


@dataclass(frozen=True, slots=True)
class Slot(Value):
    """A moment of a schedule, and when it is due with its jitter."""

    schema = "SlotView"

    slot: str
    due_at: str


@dataclass(frozen=True, slots=True)
class Backfill(Value):
    """Slots of the past that are started, or would be; a dry run has no backfill_id."""

    schema = "BackfillBegun"

    schedule_id: str
    backfill_id: str | None
    count: int
    slots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Approval(Value):
    """What waits for a decision. `shown` is the hash that a decision about it must carry."""

    schema = "ApprovalView"

    execution_id: str
    node_id: str
    shown: str
    name: str = ""
    pending: bool = True
    status: str = ""
    prompt: str = ""
    form: Mapping[str, Any] | None = None
    assignees: tuple[str, ...] | None = None
    quorum: int = 1
    approvals: int = 0
    votes: tuple[Mapping[str, Any], ...] = ()
    asked_at: str | None = None
    due_at: str | None = None
    output: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Decision(Value):
    """The state of an approval after a vote."""

    schema = "DecisionAnswer"

    execution_id: str
    node_id: str
    pending: bool
    approvals: int = 0
    quorum: int = 1
    output: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Signalled(Value):
    """A signal that was sent. nodes: how many had waited for it; kept: for the next one that does."""

    schema = "SignalAnswer"

    execution_id: str
    status: str
    signal: str
    nodes: int = 0
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Posted(Value):
    """A letter that was posted. letter: its number among all letters to the node."""

    schema = "PostAnswer"

    execution_id: str
    node_id: str
    status: str
    letter: int = 0


@dataclass(frozen=True, slots=True)
class InboxState(Value):
    """The inbox of a node. items: {letter, payload} that wait; taken: the number before the first of them."""

    schema = "InboxView"

    last: int = 0
    taken: int = 0
    items: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class JournalPart(Value):
    """A journal, or a part of it. items: {number, data} behind the snapshot, which stands for all before."""

    schema = "JournalView"

    last: int = 0
    through: int = 0
    snapshot: Any = None
    bytes: int = 0
    items: tuple[Mapping[str, Any], ...] = ()
    next_after: int | None = None


@dataclass(frozen=True, slots=True)
class Webhook(Value):
    """A path under which others start a workflow; `secret` only where one was made just now."""

    schema = "WebhookChanged"

    path: str
    url: str
    hook_id: str
    workflow: str
    workflow_id: str
    scheme: str
    header: str | None = None
    inputs: str = ""
    is_active: bool = True
    secrets: tuple[Mapping[str, Any], ...] = ()
    #: Counts; rejected_for: {reason: count}; last_rejected: {at, reason, detail}, or None; last_at, …
    deliveries: Mapping[str, Any] = field(default_factory=dict)
    created_at: str | None = None
    updated_at: str | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Delivery(Value):
    """A message about an end. state: pending, delivered, failed or gone; attempts where it is read alone."""

    schema = "DeliveryDetail"

    delivery_id: str
    message_id: str
    execution_id: str
    type: str
    state: str
    generation: int = 1
    target: Mapping[str, Any] = field(default_factory=dict)
    ended_at: str | None = None
    next_attempt_at: str | None = None
    closed_at: str | None = None
    tries: int = 0
    last_attempt: Mapping[str, Any] | None = None
    attempts: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class DeadLetter(Value):
    """A poison or exhausted node."""

    schema = "DeadView"

    entry_id: str
    execution_id: str
    node_id: str
    reason: str
    name: str = ""
    error: Mapping[str, Any] | None = None
    attempt: int = 0
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Worker(Value):
    """A live worker. slots: attempts it runs at once; blocked: those of them that do not end.

    hosts: processes that run the handlers of the installation: {kind, pid, state, …}; kind is None until it
    has loaded them. refusal: why it could not; None where nothing is wrong.
    """

    schema = "WorkerView"

    worker_id: str
    name: str = ""
    host: str = ""
    pid: int = 0
    handlers: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    slots: int = 0
    running: int = 0
    blocked: int = 0
    blocked_by: tuple[str, ...] = ()
    hosts: tuple[Mapping[str, Any], ...] = ()
    refusal: str | None = None
    started_at: str | None = None
    last_seen_at: str | None = None


@dataclass(frozen=True, slots=True)
class Queue(Value):
    """A queue: tasks on it, tasks claimed, since when the oldest waits."""

    schema = "QueueView"

    queue: str
    length: int = 0
    pending: int = 0
    oldest_at: str | None = None
    consumers: int = 0


@dataclass(frozen=True, slots=True)
class Handler(Value):
    """A handler that nodes may name; its config as JSON Schema, None where any is taken."""

    schema = "HandlerView"

    name: str
    aliases: tuple[str, ...] = ()
    summary: str = ""
    description: str = ""
    config_schema: Mapping[str, Any] | None = None
    retry: Mapping[str, Any] | None = None
    durable: bool = False
    live_workers: int = 0
    workers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity(Value):
    """The tenant and scopes of a key."""

    schema = "IdentityView"

    tenant: str
    scopes: tuple[str, ...] = ()
    key_id: str | None = None
    is_operator: bool = False


@dataclass(frozen=True, slots=True)
class ApiKey(Value):
    """What is kept of a key; `key` itself in the answer that makes it alone."""

    schema = "KeyIssued"

    key_id: str
    tenant: str
    name: str
    scopes: tuple[str, ...] = ()
    created_at: str | None = None
    expires_at: str | None = None
    last_used_at: str | None = None
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Tenant(Value):
    """A tenant; `api_key` in the answer that registers it alone."""

    schema = "api__schemas__access__TenantCreated"

    name: str
    title: str = ""
    is_active: bool = True
    created_at: str | None = None
    api_key: Mapping[str, Any] | None = field(default=None, repr=False)
