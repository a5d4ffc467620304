"""Tools that answer what runs ask: approvals and signals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from api.mcp.standing import approval_row
from api.mcp.tool import Arguments, Call, RunArguments, Tool
from api.schemas.signals import approval_fields, decision_fields, signal_fields
from api.schemas.views import page_fields
from api.validator import execution_id_in, signal_name_in, unit_in

AnyJson = Annotated[Any, WithJsonSchema({})]


class ListApprovals(Arguments):
    limit: int = Field(default=20, ge=1, le=50)
    cursor: str | None = Field(default=None, max_length=512, description="`next_cursor` of the last answer.")


class AnswerApproval(RunArguments):
    node_id: str = Field(description="The approval's node, as `needs` or list_approvals names it.")
    decision: Literal["approve", "deny"]
    by: str = Field(
        min_length=1,
        max_length=256,
        description="The person in whose name this is decided; one of `assignees`, where there are some.",
    )
    shown: str = Field(
        min_length=1,
        max_length=128,
        description="The approval's `shown`, exactly as it was read: it proves which question is answered.",
    )
    form: AnyJson = Field(default=None, description="What the approval's `form`, a JSON Schema, asks for.")
    idempotency_key: str | None = Field(
        default=None, description="The same key with the same arguments has no second effect."
    )


class SendSignal(RunArguments):
    signal: str = Field(description="Name of the signal, as `needs` of get_run names it.")
    payload: AnyJson = Field(default=None, description="Any JSON, at most 64 KiB.")
    idempotency_key: str | None = Field(
        default=None, description="The same key with the same arguments has no second effect."
    )


async def list_approvals(call: Call, sent: ListApprovals) -> dict[str, Any]:
    page = await call.engine.approvals.list(limit=sent.limit, cursor=sent.cursor)
    return page_fields(page, lambda approval: approval_row(approval_fields(approval)))


async def answer_approval(call: Call, sent: AnswerApproval) -> dict[str, Any]:
    done = await call.engine.approvals.decide(
        *unit_in(sent.execution_id, sent.node_id),
        decision=sent.decision,
        by=sent.by,
        shown=sent.shown,
        form=sent.form,
        idempotency=call.idempotency(sent.idempotency_key, sent),
    )
    return decision_fields(done)


async def send_signal(call: Call, sent: SendSignal) -> dict[str, Any]:
    done = await call.engine.signals.send(
        execution_id_in(sent.execution_id),
        signal_name_in(sent.signal),
        sent.payload,
        idempotency=call.idempotency(sent.idempotency_key, sent),
    )
    return signal_fields(done, sent.signal)


TOOLS = (
    Tool(
        "list_approvals",
        "List open approvals",
        "List the approvals that wait for a decision, of all runs, those that wait longest first.",
        "approvals_list",
        ListApprovals,
        list_approvals,
    ),
    Tool(
        "answer_approval",
        "Decide an approval",
        "Approve or deny what an approval asks. Show the person its prompt first, and decide only as "
        "they say: the first decision counts, and cannot be taken back.",
        "executions_decide",
        AnswerApproval,
        answer_approval,
        is_destructive=True,
    ),
    Tool(
        "send_signal",
        "Send a signal",
        "Send a signal with a payload to the nodes of a run that wait for it; one that no node waits for is "
        "kept for the first that will.",
        "executions_signal",
        SendSignal,
        send_signal,
    ),
)
