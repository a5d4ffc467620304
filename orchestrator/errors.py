"""Every error of the engine, with a stable code and the ids it concerns.

HTTP status codes are assigned in api/problems.py, from the class and, for problems, from their kind.
"""

# long: everything that can go wrong, on one screen after another

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Literal

ProblemKind = Literal["graph", "shape", "size"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with what was submitted: where, what, and what would be right.

    path     as in the submitted document: `nodes[3].dependencies[0]`; empty for the whole document.
    code     stable word for programs, such as `unknown_dependency`.
    message  for people: what, which, found, allowed.
    hint     what to do, when that is not obvious ("did you mean 'http'?").
    kind     graph (structure, handlers, references), shape (types, names, syntax, depth) or size.
    line, column  counted from 1, known only for documents that were YAML or broken JSON.
    """

    path: str
    code: str
    message: str
    hint: str | None = None
    kind: ProblemKind = "shape"
    line: int | None = None
    column: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the problem as plain JSON, without what is not known."""
        fields: dict[str, Any] = {"path": self.path, "code": self.code, "message": self.message}
        for name in ("hint", "line", "column"):
            value = getattr(self, name)
            if value is not None:
                fields[name] = value
        return fields

    def __str__(self) -> str:
        # Most messages begin with the place they speak of.
        is_said = not self.path or self.message.startswith(f"'{self.path}'")
        where = "" if is_said else f"{self.path}: "
        mark = f" (line {self.line}, column {self.column})" if self.line is not None else ""
        return f"{where}{self.message}{mark}"


class ErrorType(StrEnum):
    """Types of node errors that retry rules and users match on. Handlers may add their own."""

    TIMEOUT_START_TO_CLOSE = "Timeout.StartToClose"
    TIMEOUT_SCHEDULE_TO_START = "Timeout.ScheduleToStart"
    TIMEOUT_SCHEDULE_TO_CLOSE = "Timeout.ScheduleToClose"
    TIMEOUT_HEARTBEAT = "Timeout.Heartbeat"
    TIMEOUT_EXECUTION = "Timeout.Execution"
    TIMEOUT_SIGNAL = "Timeout.Signal"
    TIMEOUT_APPROVAL = "Timeout.Approval"
    LEASE_LOST = "LeaseLost"
    POISON = "Poison"
    TEMPLATE_ERROR = "TemplateError"
    CONFIG_ERROR = "ConfigError"
    OUTPUT_TOO_LARGE = "OutputTooLarge"
    OUTPUT_INVALID = "OutputInvalid"
    EVENT_INVALID = "EventInvalid"
    EVENTS_EXCEEDED = "EventsExceeded"
    JOURNAL_TOO_LARGE = "JournalTooLarge"
    HANDLER_ERROR = "HandlerError"
    HANDLER_CRASHED = "HandlerCrashed"
    HANDLER_NOT_FOUND = "HandlerNotFound"
    #: It pauses the execution: an operator decides whether the node goes on.
    CODE_CHANGED = "CodeChanged"
    HTTP_4XX = "Http.4xx"
    HTTP_5XX = "Http.5xx"
    HTTP_TRANSPORT = "Http.Transport"
    HTTP_BAD_RESPONSE = "Http.BadResponse"
    SSRF_BLOCKED = "SsrfBlocked"
    LLM_ERROR = "Llm.Error"
    BUDGET_EXCEEDED = "BudgetExceeded"
    ITEMS_FAILED = "ItemsFailed"
    CHILD_FAILED = "ChildFailed"
    CANCELLED = "Cancelled"
    UPSTREAM_FAILED = "UpstreamFailed"
    OPERATOR = "Operator"


@dataclass(frozen=True, slots=True)
class NodeError:
    """Why an attempt failed, in the one shape used in state, events and responses.

    type       an ErrorType or a handler's own word; retry rules match on it.
    retryable  whether another try could end differently; the retry policy has the last word.
    details    JSON for people and programs; None when there is nothing to add.
    attempt    fence number of the attempt that failed; None until the runner knows it.
    worker     id of the worker that ran it; None when no worker did.
    """

    type: str
    message: str
    retryable: bool = True
    details: Any = None
    attempt: int | None = None
    worker: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the error object as stored: all six fields, always."""
        return {
            "type": str(self.type),
            "message": self.message,
            "retryable": self.retryable,
            "details": self.details,
            "attempt": self.attempt,
            "worker": self.worker,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> NodeError:
        """Read a stored error object; fields that are missing get their plainest value."""
        return cls(
            type=str(fields.get("type", ErrorType.HANDLER_ERROR)),
            message=str(fields.get("message", "")),
            retryable=bool(fields.get("retryable", False)),
            details=fields.get("details"),
            attempt=fields.get("attempt"),
            worker=fields.get("worker"),
        )


class HeadraceError(Exception):
    """Something the engine refuses or cannot do; the code is stable, the message is for people."""

    code: ClassVar[str] = "INTERNAL"


class ProblemsFound(HeadraceError):
    """Something that was sent is wrong; every problem found is listed, and nothing was done."""

    code = "REQUEST_INVALID"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class DefinitionInvalid(ProblemsFound):
    """The submitted document is wrong; every problem found is listed and nothing was stored."""

    code = "DEFINITION_INVALID"


class InputsInvalid(ProblemsFound):
    """The inputs do not match the definition's schema; every problem found is listed."""

    code = "INPUTS_INVALID"


class StartInvalid(ProblemsFound):
    """Labels, key or trigger document of a start are wrong; every problem found is listed."""

    code = "START_INVALID"


class ExecutionNotFound(HeadraceError):
    """No execution has this id, or this key."""

    code = "EXECUTION_NOT_FOUND"

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        super().__init__(f"no execution has the id {execution_id!r}")


class NodeNotFound(HeadraceError):
    """The execution exists, but its definition has no such node."""

    code = "NODE_NOT_FOUND"

    def __init__(self, execution_id: str, node_id: str, *, hint: str | None = None) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        more = ", or its item has not begun yet" if node_id.endswith("]") else ""
        if hint is not None:
            more = f"; {hint}"
        super().__init__(f"execution {execution_id} has no node {node_id!r}{more}")


class OutputNotFound(HeadraceError):
    """The execution, the node or the item has no output, or none yet."""

    code = "OUTPUT_NOT_FOUND"

    def __init__(self, execution_id: str, node_id: str | None = None) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        unit = "" if node_id is None else f" of node {node_id!r}"
        super().__init__(f"there is no output{unit} of execution {execution_id}, or none yet")


_PARTICIPLES = {
    "cancel": "cancelled",
    "signal": "signalled",
    "retry": "retried",
    "pause": "paused",
    "resume": "resumed",
    "purge": "purged",
    "post to": "posted to",
}


class InvalidTransition(HeadraceError):
    """The verb cannot be applied in the present status; allowed names the statuses it can leave."""

    code = "INVALID_TRANSITION"

    def __init__(
        self, verb: str, execution_id: str, status: str, allowed: Sequence[str], *, wanted: str | None = None
    ) -> None:
        self.verb = verb
        self.execution_id = execution_id
        self.status = str(status)
        self.allowed = tuple(str(word) for word in allowed)
        *others, last = self.allowed or ("nothing",)
        words = f"{', '.join(others)} or {last}" if others else last
        done = _PARTICIPLES.get(verb, f"{verb}ed")
        wanted = wanted or f"only {words} can be {done}"
        super().__init__(f"cannot {verb} execution {execution_id}: it is {self.status}; {wanted}")


class IdempotencyConflict(HeadraceError):
    """The idempotency key was used before with a different body."""

    code = "IDEMPOTENCY_CONFLICT"

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"idempotency key {key!r} was used before with a different body")


class InputsConflict(HeadraceError):
    """The execution's inputs were fixed by its first trigger and differ from these."""

    code = "INPUTS_CONFLICT"

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        super().__init__(f"the inputs of execution {execution_id} were fixed by its first trigger and differ")


class TriggerConflict(HeadraceError):
    """The execution's trigger document was fixed by its first trigger and differs from this one."""

    code = "TRIGGER_CONFLICT"

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        super().__init__(
            f"the trigger document of execution {execution_id} was fixed by its first trigger and differs"
        )


class ExecutionKeyTaken(HeadraceError):
    """An execution that has not ended holds the key; execution_id is that one."""

    code = "EXECUTION_KEY_TAKEN"

    def __init__(self, key: str, execution_id: str, *, hint: str | None = None) -> None:
        self.execution_id = execution_id
        hint = hint or "choose 'use_existing' or 'terminate_existing' as id_conflict_policy"
        super().__init__(
            f"the key {key!r} belongs to execution {execution_id}, which has not ended; wait for its end, or "
            f"{hint}"
        )


class StoreUnavailable(HeadraceError):
    """Redis cannot be reached or is not ready; the same request may be sent again."""

    code = "STORE_UNAVAILABLE"

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(f"the store cannot be used at the moment: {detail}")


class StoreDamaged(HeadraceError):
    """A key holds what no part of the engine writes there; what it belongs to cannot be served."""

    code = "STORE_DAMAGED"

    def __init__(self, detail: str) -> None:
        super().__init__(f"what was asked for is damaged in the store: {detail}")


class LayoutUnknown(HeadraceError):
    """The execution belongs to another version of the engine, which keeps it in another way."""

    code = "LAYOUT_UNKNOWN"

    def __init__(self, execution_id: str, found: str, known: str) -> None:
        self.execution_id = execution_id
        self.found = found
        self.known = known
        super().__init__(
            f"execution {execution_id} has layout {found}, and this version changes none but those of layout "
            f"{known}; of an older layout it can be read, replayed and forked"
        )


class StoreForbidden(HeadraceError):
    """Redis serves, and not what is asked: the user it knows us as lacks a right (ACL)."""

    code = "STORE_FORBIDDEN"

    def __init__(self, detail: str) -> None:
        super().__init__(f"the user of REDIS_URL lacks a right in Redis: {detail}")


class DurabilityUnknown(StoreUnavailable):
    """It was accepted, and Redis has not confirmed in time that its disk holds it.

    Sent again, the request starts nothing twice: where it names an idempotency key, or the execution.
    """

    code = "DURABILITY_UNKNOWN"

    def __init__(self, detail: str) -> None:
        self.detail = detail
        HeadraceError.__init__(
            self, f"accepted, but not known to be on disk ({detail}); send the same request again"
        )


class TooBusy(StoreUnavailable):
    """Other changes kept coming between a check and the change it allowed; the request may be sent again."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        HeadraceError.__init__(self, detail)


class StoreFull(HeadraceError):
    """Redis is at maxmemory: what runs may finish, new work is refused."""

    code = "STORE_FULL"

    def __init__(self, detail: str = "Redis is at its memory limit; new work is refused until some is freed"):
        self.detail = detail
        super().__init__(detail)


class TemplateError(HeadraceError):
    """A template in a node's config or `when` could not be evaluated; trying again changes nothing."""

    code = "TEMPLATE_ERROR"

    def __init__(self, node_id: str, field: str, template: str, detail: str) -> None:
        self.node_id = node_id
        self.field = field
        self.template = template if len(template) <= 500 else template[:500] + "…"
        self.detail = detail
        super().__init__(f"node {node_id!r}, {field}: {detail} (in {self.template!r})")


class ConfigError(HeadraceError):
    """A setting or a handler's config is wrong in a way only seen when it is used."""

    code = "CONFIG_ERROR"


class PayloadInvalid(ProblemsFound):
    """A payload or form does not fit the schema of the node that waits for it; nothing was delivered."""

    code = "PAYLOAD_INVALID"


class PayloadTooLarge(HeadraceError):
    """A payload or form is over the limit."""

    code = "PAYLOAD_TOO_LARGE"

    def __init__(self, what: str, size_bytes: int, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"the {what} has {size_bytes:,} bytes; allowed are {limit_bytes:,}")


class SignalsFull(HeadraceError):
    """No node waits for the signal, and the execution already keeps as many for later as it may."""

    code = "SIGNALS_FULL"

    def __init__(self, execution_id: str, name: str, most: int) -> None:
        self.execution_id = execution_id
        super().__init__(
            f"execution {execution_id} keeps {most} signals for which no node waits yet, and no node waits "
            f"for {name!r}; send it again when one does"
        )


class InboxFull(HeadraceError):
    """As many letters wait for the node as may."""

    code = "INBOX_FULL"

    def __init__(self, execution_id: str, node_id: str, most: int) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        super().__init__(
            f"{most:,} letters wait for node {node_id!r} of execution {execution_id}; "
            "send it again when its handler has taken some"
        )


class ApprovalNotFound(HeadraceError):
    """The execution has such a node, but it has not asked for an approval."""

    code = "APPROVAL_NOT_FOUND"

    def __init__(self, execution_id: str, node_id: str) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        super().__init__(f"node {node_id!r} of execution {execution_id} has not asked for an approval")


class DeadEntryNotFound(HeadraceError):
    """The list of dead nodes has no such entry, or no more."""

    code = "DEAD_ENTRY_NOT_FOUND"

    def __init__(self, entry_id: str) -> None:
        self.entry_id = entry_id
        super().__init__(f"no dead entry {entry_id!r}")


class DeliveryNotFound(HeadraceError):
    """There is no delivery of this id, or no more."""

    code = "DELIVERY_NOT_FOUND"

    def __init__(self, delivery_id: str) -> None:
        self.delivery_id = delivery_id
        super().__init__(f"no delivery has the id {delivery_id[:200]!r}")


class WorkflowNotFound(HeadraceError):
    """The registry has no workflow of this name or id, or it has no such version."""

    code = "WORKFLOW_NOT_FOUND"

    def __init__(self, workflow: str, version: int | None = None, hint: str | None = None) -> None:
        self.workflow, self.hint = workflow, hint
        named = f"workflow {workflow[:200]!r}"
        found = f"no {named} is registered" if version is None else f"{named} has no version {version}"
        super().__init__(f"{found}; {hint}" if hint else found)


class WorkflowInactive(HeadraceError):
    """The workflow is paused: what runs goes on, and nothing new is started."""

    code = "WORKFLOW_INACTIVE"

    def __init__(self, workflow: str) -> None:
        super().__init__(f"workflow {workflow!r} is paused; resume it, and start it then")


class WorkflowChanged(HeadraceError):
    """The workflow is in another state than the one the request was made for; nothing was changed."""

    code = "WORKFLOW_CHANGED"

    def __init__(self, workflow: str, found: str | None) -> None:
        state = "is not registered" if found is None else f'has the ETag "{found}" by now'
        super().__init__(f"workflow {workflow!r} {state}; look at it and decide again")


class PreconditionRequired(HeadraceError):
    """What exists is changed only by a request that says which state of it is meant."""

    code = "PRECONDITION_REQUIRED"

    def __init__(self, name: str, *, what: str = "workflow") -> None:
        super().__init__(
            f"{what} {name!r} is registered already; send the ETag of the state you mean to change as "
            "If-Match, or If-Match: * for any"
        )


class ScheduleNotFound(HeadraceError):
    """The tenant has no schedule of this name or id."""

    code = "SCHEDULE_NOT_FOUND"

    def __init__(self, schedule: str, hint: str | None = None) -> None:
        found = f"there is no schedule {schedule[:200]!r}"
        super().__init__(f"{found}; {hint}" if hint else found)


class ScheduleChanged(HeadraceError):
    """The schedule is in another state than the one the request was made for; nothing was changed."""

    code = "SCHEDULE_CHANGED"

    def __init__(self, schedule: str, found: str | None) -> None:
        state = "is gone" if found is None else f'has the ETag "{found}" by now'
        super().__init__(f"schedule {schedule!r} {state}; look at it and decide again")


class ScheduleDeclared(HeadraceError):
    """The document of a workflow names the schedule; it changes with that document."""

    code = "SCHEDULE_DECLARED"

    def __init__(self, schedule: str) -> None:
        super().__init__(
            f"schedule {schedule!r} stands in the document of its workflow; change it there, or pause it"
        )


class ScheduleNameTaken(HeadraceError):
    """Another schedule of the tenant has the name."""

    code = "SCHEDULE_NAME_TAKEN"

    def __init__(self, name: str) -> None:
        super().__init__(f"another schedule has the name {name!r}; choose one that is free")


class TooManySchedules(HeadraceError):
    """The workflow has as many schedules as it may have."""

    code = "TOO_MANY_SCHEDULES"

    def __init__(self, workflow: str, most: int) -> None:
        super().__init__(f"workflow {workflow!r} has {most} schedules, which is the limit; delete one first")


class BackfillUnderWay(HeadraceError):
    """A schedule starts slots of the past already; one backfill comes after the other."""

    code = "BACKFILL_UNDER_WAY"

    def __init__(self, schedule: str) -> None:
        super().__init__(
            f"schedule {schedule!r} has a backfill under way; wait for its end, or stop it first"
        )


class WebhookInvalid(ProblemsFound):
    """What a webhook is to be is wrong; every problem found is listed, and nothing was changed."""

    code = "WEBHOOK_INVALID"


class WebhookNotFound(HeadraceError):
    """There is no webhook of this path, or it is inactive, or its workflow is paused."""

    code = "WEBHOOK_NOT_FOUND"

    def __init__(self, path: str) -> None:
        super().__init__(f"no webhook has the path {path[:200]!r}")


class WebhookExists(HeadraceError):
    """The path that was chosen is another webhook's."""

    code = "WEBHOOK_EXISTS"

    def __init__(self, path: str) -> None:
        super().__init__(f"the path {path!r} is taken; choose another one, or none and one is made")


class WebhookChanged(HeadraceError):
    """The webhook is in another state than the one the request was made for; nothing was changed."""

    code = "WEBHOOK_CHANGED"

    def __init__(self, path: str, found: str) -> None:
        super().__init__(f'webhook {path!r} has the ETag "{found}" by now; look at it and decide again')


class WebhookInactive(HeadraceError):
    """The webhook takes no delivery, not even one to test it."""

    code = "WEBHOOK_INACTIVE"

    def __init__(self, path: str) -> None:
        super().__init__(f"webhook {path!r} is inactive; make it active, and test it then")


class TooManyWebhooks(HeadraceError):
    """The workflow, or the tenant, has as many webhooks as it may have."""

    code = "TOO_MANY_WEBHOOKS"

    def __init__(self, of_workflow: int, of_tenant: int) -> None:
        super().__init__(
            f"a workflow has {of_workflow} webhooks at most, and a tenant {of_tenant:,}; delete one first"
        )


class TooManySecrets(HeadraceError):
    """The webhook has as many secrets as may be good at a time."""

    code = "TOO_MANY_SECRETS"

    def __init__(self, path: str, most: int) -> None:
        super().__init__(
            f"webhook {path!r} has {most} secrets that are good, the most allowed; wait until one expires, "
            "or rotate with keep: 0, which ends them all"
        )


class SignatureInvalid(HeadraceError):
    """The delivery does not prove where it comes from; nothing was stored of it but a count.

    reason: a `Refusal`, for the owner of the webhook. The message, which the sender gets, says nothing of it.
    """

    code = "INVALID_SIGNATURE"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__("the signature of this delivery is missing, wrong or too old")


class CursorInvalid(HeadraceError):
    """A page was asked for with a cursor that no page ends with."""

    code = "REQUEST_INVALID"

    def __init__(self, cursor: str) -> None:
        super().__init__(
            f"'cursor' must be the next_cursor of a page before, unchanged; found {cursor[:80]!r}"
        )


class RateLimited(HeadraceError):
    """The subject has made as many requests of this kind as a window of time allows; this one did nothing.

    retry_after_s  whole seconds until the next window has begun.
    """

    code = "RATE_LIMITED"

    def __init__(self, bucket: str, most: int, *, now_ms: int, resets_ms: int) -> None:
        self.most = most
        self.resets_ms = resets_ms
        self.retry_after_s = max(1, -(-(resets_ms - now_ms) // 1_000))
        super().__init__(
            f"more than the {most} requests of the kind '{bucket}' that are allowed in this time; "
            f"try again in {self.retry_after_s} s"
        )


class ApiKeyInvalid(HeadraceError):
    """The key that was sent opens nothing: unknown, revoked, expired or no key at all."""

    code: ClassVar[str] = "API_KEY_INVALID"

    def __init__(self) -> None:
        super().__init__("the key is unknown, revoked or expired")


class ApiKeyNotFound(HeadraceError):
    """The tenant has no API key with this id."""

    code: ClassVar[str] = "API_KEY_NOT_FOUND"

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(f"no API key with the id {key_id[:80]!r}")


class TooManyApiKeys(HeadraceError):
    """The tenant has as many API keys as it may have."""

    code: ClassVar[str] = "TOO_MANY_API_KEYS"

    def __init__(self, tenant: str, most: int) -> None:
        super().__init__(f"tenant {tenant!r} has {most} API keys, the most allowed; revoke one first")


class TenantNotFound(HeadraceError):
    """No tenant has this name."""

    code: ClassVar[str] = "TENANT_NOT_FOUND"

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        super().__init__(f"no tenant is called {tenant[:80]!r}")


class TenantExists(HeadraceError):
    """Another tenant has this name."""

    code: ClassVar[str] = "TENANT_EXISTS"

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        super().__init__(f"a tenant is called {tenant!r} already")


class TenantDisabled(HeadraceError):
    """The key is good, and its tenant has been disabled by the operator."""

    code: ClassVar[str] = "TENANT_DISABLED"

    def __init__(self, tenant: str) -> None:
        super().__init__(f"tenant {tenant!r} is disabled; the operator can enable it again")


class NotAssigned(HeadraceError):
    """Only the people an approval names may decide."""

    code = "NOT_ASSIGNED"

    def __init__(self, execution_id: str, node_id: str, by: str, assignees: Sequence[str]) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        super().__init__(f"{by!r} may not decide {node_id!r}; assigned: {', '.join(assignees)}")


class AlreadyDecided(HeadraceError):
    """Another decision came first; `recorded` is that decision, JSON."""

    code = "ALREADY_DECIDED"

    def __init__(self, execution_id: str, node_id: str, recorded: Any) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        self.recorded = recorded
        found = recorded if isinstance(recorded, dict) else {}
        by = found.get("by") or "its time limit"
        super().__init__(
            f"{node_id!r} has been decided: {found.get('decision')} by {by} at {found.get('at')}"
        )


class AlreadyVoted(HeadraceError):
    """This person has approved before, and more people are needed."""

    code = "ALREADY_VOTED"

    def __init__(self, execution_id: str, node_id: str, by: str, given: int) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        super().__init__(f"{by!r} has approved {node_id!r} before; approvals so far: {given}")


class ShownChanged(HeadraceError):
    """The decision is about something else than what is shown now; look at it and decide again."""

    code = "SHOWN_CHANGED"

    def __init__(self, execution_id: str, node_id: str, shown: str) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        self.shown = shown
        super().__init__(
            f"what {node_id!r} shows has changed since, so this decision is void: read it again and decide "
            f"with its hash ({shown})"
        )


class NotWaiting(HeadraceError):
    """The node does not wait for a decision at the moment, or no more."""

    code = "NOT_WAITING"

    def __init__(self, execution_id: str, node_id: str, status: str) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        self.status = status
        super().__init__(f"{node_id!r} of execution {execution_id} waits for no decision: it is {status}")


class NodeBusy(HeadraceError):
    """The node, or its execution, is in no state that the verb can leave."""

    code = "NODE_STATE"

    def __init__(self, verb: str, execution_id: str, node_id: str, found: str) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        super().__init__(f"cannot {verb} node {node_id!r} of execution {execution_id}: {found}")


class AttemptChanged(HeadraceError):
    """The node is at another attempt than the one the request was made for; nothing was changed."""

    code = "ATTEMPT_CHANGED"

    def __init__(self, verb: str, execution_id: str, node_id: str, *, meant: int, found: int) -> None:
        self.execution_id = execution_id
        self.node_id = node_id
        super().__init__(
            f"cannot {verb} attempt {meant} of node {node_id!r} in execution {execution_id}: it is at attempt"
            f" {found} by now; look at it and decide again"
        )


class OutputRefused(ProblemsFound):
    """The output cannot be that of such a node: it names no branch."""

    code = "OUTPUT_REFUSED"
