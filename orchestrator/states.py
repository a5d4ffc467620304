"""Statuses, the one table of transitions between them, and how an execution ends.

Everything that needs to know which status may follow which reads `TABLE`: the Lua scripts get their guards
injected from it, the diagram in `docs/state-machine.md` is printed from it, and the guard tests walk it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class NodeStatus(StrEnum):
    """Status of one node of an execution. The four after WAITING are terminal."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL_NODE


class ExecutionStatus(StrEnum):
    """Status of an execution. COMPLETED, FAILED and CANCELLED are terminal."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    #: Nothing more is started; what runs goes on to its end.
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL_EXECUTION

    @property
    def is_under_way(self) -> bool:
        return self in (ExecutionStatus.RUNNING, ExecutionStatus.PAUSED)


_TERMINAL_NODE = frozenset(
    {NodeStatus.COMPLETED, NodeStatus.FAILED, NodeStatus.SKIPPED, NodeStatus.CANCELLED}
)
_TERMINAL_EXECUTION = frozenset(
    {ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED}
)


class Reason(StrEnum):
    """Why a node ended as it did; tells kinds of one status apart, so that the list of statuses stays short."""

    UPSTREAM_FAILED = "upstream_failed"
    UPSTREAM_SKIPPED = "upstream_skipped"
    BRANCH_NOT_TAKEN = "branch_not_taken"
    CONDITION_FALSE = "condition_false"
    TRIGGER_RULE_UNMET = "trigger_rule_unmet"
    HANDLER_SKIPPED = "handler_skipped"
    ERROR = "error"
    TIMEOUT = "timeout"
    POISON = "poison"
    CANCELLED = "cancelled"
    OPERATOR = "operator"


class WaitingOn(StrEnum):
    """What a WAITING node waits for; each kind is woken by a timer of the same name.

    Of signals and approvals only some have a timer: they are woken from outside, and found in a list until then.
    """

    BACK_OFF = "back_off"
    DELAY = "delay"
    WORKER = "worker"
    HOLD = "hold"
    #: Its items; woken by the end of the last one rather than by a timer.
    MAP = "map"
    #: The execution it started; woken by the end of that one.
    CHILD = "child"
    SIGNAL = "signal"
    APPROVAL = "approval"
    #: A letter to its durable handler, which has parked; woken by the letter, or by its timer if it has one.
    INBOX = "inbox"
    #: It has failed, and its policy asks for an operator. Woken by a resume or manually, never by a timer.
    OPERATOR = "operator"


#: Kinds of waits that end by a signal or a decision from outside.
ANSWERED = frozenset({WaitingOn.SIGNAL, WaitingOn.APPROVAL})


class Cancelling(StrEnum):
    """Who ends an execution early; the causes never mix."""

    USER = "user"
    TIMEOUT = "timeout"
    FAIL_FAST = "fail_fast"


@dataclass(frozen=True, slots=True)
class Row:
    """One allowed change of status.

    verb      the method of Transitions and the Lua file of that name; an internal verb has neither: other
              scripts perform it while they settle (see `lua/include/settle.lua`).
    sources   statuses it may leave; empty for the verb that creates.
    event     the line it writes into the history.
    """

    verb: str
    subject: Literal["node", "execution"]
    sources: tuple[str, ...]
    target: str
    event: str
    is_internal: bool = False


def _node(
    verb: str, sources: Iterable[NodeStatus], target: NodeStatus, event: str, is_internal: bool = False
) -> Row:
    return Row(verb, "node", tuple(sources), target, event, is_internal)


def _execution(
    verb: str,
    sources: Iterable[ExecutionStatus],
    target: ExecutionStatus,
    event: str,
    is_internal: bool = False,
) -> Row:
    return Row(verb, "execution", tuple(sources), target, event, is_internal)


_N = NodeStatus
_E = ExecutionStatus
_OPEN = (_N.PENDING, _N.QUEUED, _N.WAITING, _N.RUNNING)
_UNDER_WAY = (_E.RUNNING, _E.PAUSED)

TABLE: tuple[Row, ...] = (
    _node("queue_node", [_N.PENDING], _N.QUEUED, "node.queued", is_internal=True),
    _node(
        "hold_node",
        [_N.PENDING, _N.QUEUED, _N.RUNNING, _N.WAITING],
        _N.PENDING,
        "node.held",
        is_internal=True,
    ),
    # PENDING only while held: its time may be over before it is queued again.
    _node(
        "ask_operator",
        [_N.PENDING, _N.QUEUED, _N.RUNNING, _N.WAITING],
        _N.WAITING,
        "node.waiting",
        is_internal=True,
    ),
    _node("pass_over_node", [_N.PENDING], _N.SKIPPED, "node.skipped", is_internal=True),
    _node("claim_node", [_N.QUEUED], _N.RUNNING, "node.started"),
    _node("complete_node", [_N.RUNNING], _N.COMPLETED, "node.completed"),
    _node("fail_node", [_N.RUNNING], _N.FAILED, "node.failed"),
    _node("skip_node", [_N.RUNNING], _N.SKIPPED, "node.skipped"),
    _node("retry_node", [_N.RUNNING], _N.WAITING, "node.retrying"),
    _node("retry_node", [_N.RUNNING], _N.FAILED, "node.failed"),
    _node("wait_node", [_N.RUNNING], _N.WAITING, "node.waiting"),
    _node("map_node", [_N.RUNNING], _N.WAITING, "node.waiting"),
    _node("start_child", [_N.RUNNING], _N.WAITING, "node.waiting"),
    _node("start_child", [_N.RUNNING], _N.COMPLETED, "node.completed"),
    _node("start_child", [_N.RUNNING], _N.FAILED, "node.failed"),
    _node("start_child", [_N.RUNNING], _N.QUEUED, "node.queued"),
    _node("await_child", [_N.RUNNING], _N.WAITING, "node.waiting"),
    _node("await_child", [_N.RUNNING], _N.QUEUED, "node.queued"),
    _node("wake_parent", [_N.WAITING], _N.QUEUED, "node.queued", is_internal=True),
    _node("await_node", [_N.RUNNING], _N.WAITING, "node.waiting"),
    _node("await_node", [_N.RUNNING], _N.QUEUED, "node.queued"),
    _node("await_node", [_N.RUNNING], _N.FAILED, "node.failed"),
    _node("await_letter", [_N.RUNNING], _N.WAITING, "node.waiting"),
    _node("await_letter", [_N.RUNNING], _N.QUEUED, "node.queued"),
    _node("post_letter", [_N.WAITING], _N.QUEUED, "node.queued"),
    _node("signal_execution", [_N.WAITING], _N.COMPLETED, "node.completed"),
    _node("decide_approval", [_N.WAITING], _N.COMPLETED, "node.completed"),
    _node("release_node", [_N.RUNNING], _N.QUEUED, "node.queued"),
    _node("hand_back_node", [_N.QUEUED], _N.WAITING, "node.waiting"),
    _node("hand_back_node", [_N.QUEUED], _N.FAILED, "node.failed"),
    _node("wake_node", [_N.WAITING], _N.QUEUED, "node.queued"),
    _node("wake_node", [_N.WAITING], _N.COMPLETED, "node.completed"),
    _node("wake_node", [_N.WAITING], _N.FAILED, "node.failed"),
    _node("reap_node", [_N.RUNNING], _N.QUEUED, "node.queued"),
    _node("reap_node", [_N.RUNNING], _N.WAITING, "node.waiting"),
    _node("reap_node", [_N.RUNNING], _N.FAILED, "node.failed"),
    _node("time_out_node", [_N.RUNNING], _N.WAITING, "node.retrying"),
    _node("time_out_node", [_N.RUNNING, _N.QUEUED], _N.FAILED, "node.failed"),
    _node("expire_node", _OPEN, _N.FAILED, "node.failed"),
    _node("cancel_node", _OPEN, _N.CANCELLED, "node.cancelled"),
    _node("override_node", _OPEN, _N.COMPLETED, "node.completed"),
    _node("override_node", _OPEN, _N.FAILED, "node.failed"),
    _node("override_node", _OPEN, _N.SKIPPED, "node.skipped"),
    _node("retry_node_now", [_N.WAITING], _N.QUEUED, "node.queued"),
    _node("retry_node_now", [_N.WAITING], _N.COMPLETED, "node.completed"),
    _node("repair_execution", [_N.QUEUED], _N.QUEUED, "node.queued"),
    _node(
        "retry_execution",
        [_N.FAILED, _N.CANCELLED, _N.SKIPPED, _N.COMPLETED],
        _N.PENDING,
        "execution.retried",
    ),
    _node("reuse_nodes", [_N.PENDING], _N.COMPLETED, "execution.created"),
    _node("reuse_nodes", [_N.PENDING], _N.SKIPPED, "execution.created"),
    _execution("create_execution", [], _E.PENDING, "execution.created"),
    _execution("start_child", [], _E.RUNNING, "execution.started"),
    _execution("fire_schedule", [], _E.RUNNING, "execution.started"),
    _execution("deliver_webhook", [], _E.RUNNING, "execution.started"),
    _execution("start_execution", [_E.PENDING], _E.RUNNING, "execution.started"),
    _execution("pause_execution", [_E.RUNNING], _E.PAUSED, "execution.paused"),
    _execution("pause_for_operator", [_E.RUNNING], _E.PAUSED, "execution.paused", is_internal=True),
    _execution("resume_execution", [_E.PAUSED], _E.RUNNING, "execution.resumed"),
    _execution("finish_execution", _UNDER_WAY, _E.COMPLETED, "execution.completed", is_internal=True),
    _execution("finish_execution", _UNDER_WAY, _E.FAILED, "execution.failed", is_internal=True),
    _execution("cancel_execution", [_E.PENDING, *_UNDER_WAY], _E.CANCELLED, "execution.cancelled"),
    _execution("time_out_execution", _UNDER_WAY, _E.FAILED, "execution.failed"),
    _execution("retry_execution", [_E.FAILED, _E.CANCELLED, _E.COMPLETED], _E.RUNNING, "execution.retried"),
)


#: Statuses in which an execution may be purged. No row of the table: it leads to no other status.
PURGEABLE = (_E.PENDING, _E.COMPLETED, _E.FAILED, _E.CANCELLED)


def sources_of(verb: str, subject: str) -> tuple[str, ...]:
    """Every status `verb` may leave, whatever its target, in table order."""
    found: list[str] = []
    for row in TABLE:
        if row.verb == verb and row.subject == subject:
            found.extend(status for status in row.sources if status not in found)
    return tuple(found)


def lua_guards() -> str:
    """Lua text `local MAY_LEAVE = {node = {claim_node = {QUEUED = true}, …}, …}` for the scripts."""
    lines = []
    for subject in ("node", "execution"):
        lines.append(f"  {subject} = {{")
        for verb in dict.fromkeys(row.verb for row in TABLE if row.subject == subject):
            statuses = ", ".join(f"{status} = true" for status in sources_of(verb, subject))
            lines.append(f"    {verb} = {{{statuses}}},")
        if subject == "execution":
            lines.append(
                f"    purge_execution = {{{', '.join(f'{status} = true' for status in PURGEABLE)}}},"
            )
        lines.append("  },")
    return "local MAY_LEAVE = {\n" + "\n".join(lines) + "\n}\n"


@dataclass(frozen=True, slots=True)
class End:
    """One way in which an execution ends once all its nodes are terminal.

    when    reads the same in Python and in Lua; cancelling: why it ends early, failed: critical nodes FAILED.
    cause   the reason in the event.
    """

    when: str
    status: ExecutionStatus
    cause: str

    @property
    def event(self) -> str:
        return next(row.event for row in TABLE if row.subject == "execution" and row.target == self.status)


#: The first whose condition holds. A cancel by a user ends CANCELLED even if every node made it within the grace
#: period; a deadline and fail_fast end FAILED.
ENDS = (
    End("cancelling == 'user'", _E.CANCELLED, "user"),
    End("cancelling == 'timeout'", _E.FAILED, "timeout"),
    End("cancelling == 'fail_fast'", _E.FAILED, "fail_fast"),
    End("failed >= 1", _E.FAILED, "node_failed"),
    End("failed <= 0", _E.COMPLETED, "all_done"),
)


def end_of(cancelling: Cancelling | None, failed: int) -> End:
    """Say how an execution ends whose nodes are all terminal, `failed` of the critical ones FAILED."""
    return ENDS[_FIRST_END(cancelling, failed)]


def lua_ends() -> str:
    """Write the ends as Lua: end_of(cancelling, failed) is status, event, cause."""
    lines = ["local function end_of(cancelling, failed)"]
    lines.extend(
        f"  if {end.when} then return '{end.status}', '{end.event}', '{end.cause}' end" for end in ENDS
    )
    lines.append("end")
    return "\n".join(lines) + "\n"


def _compile_ends() -> Callable[[Cancelling | None, int], int]:
    # eval, because the text is the one description shared with Lua; it is ours and read once, at import.
    chain = "".join(f"{number} if {end.when} else " for number, end in enumerate(ENDS))
    compiled: Callable[[Cancelling | None, int], int] = eval(
        f"lambda cancelling, failed: {chain}None", {"__builtins__": {}}
    )
    return compiled


_FIRST_END = _compile_ends()
