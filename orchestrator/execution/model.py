"""One execution as read at one moment: frozen values, without I/O, shared by everything that reads.

Times are Redis milliseconds. Every field of NodeState and Execution says who writes it and when.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.definitions.budgets import NO_CAPS, NOTHING_USED, Caps, Usage
from orchestrator.definitions.definition import Definition
from orchestrator.errors import NodeError
from orchestrator.execution.letters import InboxState
from orchestrator.states import Cancelling, ExecutionStatus, NodeStatus, Reason, WaitingOn


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node's runtime record in one execution."""

    node_id: str
    status: NodeStatus = NodeStatus.PENDING
    #: Why the status is what it is. Set with SKIPPED, FAILED and CANCELLED by the script that moves the node.
    reason: Reason | None = None
    #: What a WAITING node waits for; None in every other status.
    waiting_on: WaitingOn | None = None
    #: Attempt number, the fence. 0 until first queued; +1 each time the node is queued; never reset.
    attempt: int = 0
    #: Charged tries in this generation, what people see as "attempt 2 of 3". Raised by claim.
    tries: int = 0
    #: Leases lost in this generation. Raised by the loop that expires leases.
    crashes: int = 0
    #: When it last became QUEUED.
    queued_ms: int | None = None
    #: When it was last claimed.
    started_ms: int | None = None
    #: When it became terminal.
    ended_ms: int | None = None
    #: When the timer of a WAITING node fires.
    due_ms: int | None = None
    #: Who claimed the current attempt.
    worker: str | None = None
    #: Error object of the last failed attempt; kept while the node waits for its next one.
    error: dict[str, Any] | None = None
    #: Direct dependencies that ended, by `trigger_rules.outcome_class`. Raised by the script that ends each.
    ok: int = 0
    bad: int = 0
    skip: int = 0
    #: Ended dependencies among the conditions that name this node in a branch.
    gates_done: int = 0
    #: A condition named this node among those not taken. False at first; never reset within a generation.
    not_taken: bool = False
    #: Stream entry of the current attempt's task.
    message_id: str | None = None
    #: The successor that took over when it failed, by its catch.
    caught: str | None = None
    #: When its schedule_to_close_timeout passes. Set when it is first queued in a generation.
    close_ms: int | None = None
    #: It ended in the execution this one is forked from. Set, and its output copied, before it can be read.
    reused: bool = False
    #: The execution it started last; kept from generation to generation.
    child: str | None = None
    #: Number of the pause that holds it, or last held it; see Execution.paused.
    held: int | None = None
    #: What its calls to paid services used, in all attempts; those of its items too.
    usage: Usage = NOTHING_USED

    @property
    def done(self) -> int:
        """Count the direct dependencies that ended."""
        return self.ok + self.bad + self.skip


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a definition, without its nodes."""

    execution_id: str
    name: str
    #: Version of the definition it runs.
    version: str
    status: ExecutionStatus
    #: Nodes that are not terminal. All of them at first; lowered by each script that ends one.
    left: int
    created_ms: int
    tenant: str = "default"
    #: How many nodes it has. Set when it is created; None in one that a version without this count made.
    total: int | None = None
    #: Set once, by the first cause; from then on claim and enqueue refuse.
    cancelling: Cancelling | None = None
    #: Which life: 1, and one more for each retry in place.
    generation: int = 1
    #: Fixed by the first trigger.
    inputs: dict[str, Any] | None = None
    #: Critical nodes that FAILED, or were left CANCELLED by a retry of others.
    failed: int = 0
    started_ms: int | None = None
    ended_ms: int | None = None
    updated_ms: int = 0
    #: End of `execution_timeout`; None without one.
    deadline_ms: int | None = None
    #: Of the registry, where it was started from there. Set when it is created, like labels and key.
    workflow_id: str | None = None
    workflow_version: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    #: The caller's own name for it. Another execution may have taken it once this one has ended.
    execution_key: str | None = None
    #: The execution this one repeats.
    replay_of: str | None = None
    #: The execution whose outputs this one began with.
    forked_from: str | None = None
    #: The reason given with the cancel, or the word for the cause.
    reason: str | None = None
    #: What ended the execution as a whole: its time limit. Errors of nodes are theirs.
    error: Mapping[str, Any] | None = None
    #: Number of the pause while it is PAUSED. Set by pause, taken away by resume and by the end.
    paused: int | None = None
    #: Who paused it, why, and when, as given; None where the retry policy of a node paused it.
    paused_by: str | None = None
    paused_reason: str | None = None
    paused_ms: int | None = None
    #: What its calls to paid services used, in all generations. Raised when each of them ends.
    usage: Usage = NOTHING_USED
    #: What these may use: the definition's budget, or that of the last resume that changed it.
    budget: Caps = NO_CAPS
    #: The execution, and the unit in it, that started this one. Set when it is created, like its depth.
    parent: str | None = None
    parent_unit: str | None = None
    #: Levels of parents above it; 0 without a parent.
    depth: int = 0
    #: Executions its nodes have started.
    children: int = 0
    #: The layout in which an older version wrote it: it is read, replayed and forked, never changed.
    older_layout: int | None = None


@dataclass(frozen=True, slots=True)
class ChildState:
    """The child execution a unit waits for; None for what does not exist (any more)."""

    child_id: str | None
    status: ExecutionStatus | None = None
    name: str | None = None
    is_cancelling: bool = False

    @property
    def has_ended(self) -> bool:
        return self.status is None or self.status.is_terminal


@dataclass(frozen=True, slots=True)
class WaitState:
    """A node that waits for a signal or an approval."""

    #: Name of the signal, or hash of what the people asked are shown; None if it is lost.
    awaits: str | None
    #: Whether an answer would find it.
    is_listed: bool
    #: Of an approval: who may decide (None: anyone), how many must approve, how many have.
    assignees: tuple[str, ...] | None = None
    quorum: int = 1
    given: int = 0


@dataclass(frozen=True, slots=True)
class Awaiting:
    """A wait for a signal or an approval, as a handler asks for it and as the store writes it.

    It stands here because handlers' outcomes and the store's verbs both see this module, and not each other.

    awaits      name of the signal, or hash of what the people asked are shown.
    ask         what the answer is checked by, and what is shown; JSON.
    timeout_ms  from when the node parks; None waits for ever.
    late        what the time limit makes of the node: its output, or the error it fails with.
    unless_late, if_late   branch targets not taken when the answer comes, and when it does not.
    """

    on: WaitingOn
    awaits: str
    ask: Mapping[str, Any]
    timeout_ms: int | None
    late: NodeError | Mapping[str, Any]
    quorum: int = 1
    unless_late: tuple[str, ...] = ()
    if_late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MapCounts:
    """How far a mapped node is, as its scripts count.

    started    index of the first item that has not been started.
    live       items started and not ended.
    tolerated  items that may fail.
    is_halted  no further item is started.
    """

    total: int
    started: int
    live: int
    completed: int
    failed: int
    skipped: int
    tolerated: int = 0
    stops_on_failure: bool = False
    is_halted: bool = False

    @property
    def left(self) -> int:
        """Items that are neither live nor have ended."""
        return self.total - self.live - self.completed - self.failed - self.skipped

    @property
    def ended(self) -> int:
        return self.completed + self.failed + self.skipped


@dataclass(frozen=True, slots=True)
class MapState:
    """A mapped node that waits for its items.

    statuses  of all items, in order.
    live      records of the items that are queued, running, waiting or held, by unit.
    is_named  whether the node says that it waits for them.
    """

    counts: MapCounts
    statuses: tuple[NodeStatus, ...] = ()
    live: Mapping[str, NodeState] = field(default_factory=dict)
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the planner may look at: one execution, whole, at one moment."""

    execution: Execution
    definition: Definition
    #: Every node of the definition, present.
    nodes: Mapping[str, NodeState]
    #: (node_id, attempt) of claims that are alive or not yet expired.
    leases: frozenset[tuple[str, int]] = frozenset()
    #: (kind, node_id, attempt) with kind a WaitingOn word.
    timers: frozenset[tuple[str, str, int]] = frozenset()
    #: QUEUED nodes whose task is in the stream.
    live_messages: frozenset[str] = frozenset()
    #: Entries of the saved worklist, which the next pass processes.
    worklist: tuple[str, ...] = ()
    has_continue_timer: bool = False
    #: What each ended condition named: {condition_id: node ids not taken}.
    not_taken: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: WAITING nodes that a signal or a decision must answer.
    waits: Mapping[str, WaitState] = field(default_factory=dict)
    #: Units that wait for letters.
    inboxes: Mapping[str, InboxState] = field(default_factory=dict)
    #: The unit that renders the output of the whole; None before it has begun, and where there is none.
    output: NodeState | None = None
    now_ms: int = 0
    #: Nodes that wait for their items.
    maps: Mapping[str, MapState] = field(default_factory=dict)
    #: Units that wait for their child.
    children: Mapping[str, ChildState] = field(default_factory=dict)
    #: Units on the list of a paused execution: resume goes on with them.
    held: frozenset[str] = frozenset()
    #: Until when running attempts of an execution that is being cancelled may end; None without a grace.
    grace_ms: int | None = None


@dataclass(frozen=True, slots=True)
class RepairView:
    """A snapshot with what the repairer compares before it acts.

    seq       newest event when reading began; the repair is refused if another has been written since.
    missing   timers of the whole execution that ought to exist and do not: (kind, due ms).
    is_active member of workflows:active.
    limits    time limits of live nodes whose timer does not exist: (node id, attempt, kind, due ms).
    lost_layout  digest of its static layout, where that is lost.
    """

    snapshot: Snapshot
    seq: int
    missing: tuple[tuple[str, int], ...]
    is_active: bool
    limits: tuple[tuple[str, int, str, int], ...] = ()
    lost_layout: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an execution's history."""

    #: Dense, from 1.
    seq: int
    type: str
    execution_id: str
    node_id: str | None
    attempt: int | None
    ts_ms: int
    #: JSON, never decoded on the way.
    data: bytes
    #: Index of the item of a mapped node.
    item: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a mapped node. value and output are JSON as stored.

    output_bytes  the size of its output, which may have been too large to be read along.
    """

    index: int
    state: NodeState
    value: bytes
    output: bytes | None
    output_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval as it stands, pending or not.

    name        of the definition, as executions have it.
    shown       hash of what is shown: prompt, form, assignees and quorum. A decision names it.
    votes       JSON array of those given so far, once more than one is needed or it is decided.
    output      what came of it, JSON; None while it is open, and when it ended otherwise.
    asked_ms    when it began to wait; None once it does not.
    """

    execution_id: str
    name: str
    node_id: str
    status: NodeStatus
    shown: str
    prompt: str
    form: dict[str, Any] | None
    assignees: tuple[str, ...] | None
    quorum: int
    given: int
    votes: bytes
    asked_ms: int | None
    due_ms: int | None
    output: bytes | None

    @property
    def is_pending(self) -> bool:
        return self.asked_ms is not None
