"""Bodies of the operating routes: workers, queues, the dead, readiness, and the problem document."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.executions import UsageView
from api.schemas.warnings import ProblemEntry


class HostRunView(BaseModel):
    unit: str = Field(description="`execution_id/node_id`.")
    since: str


class HostView(BaseModel):
    """A process in which a worker runs handlers of the installation."""

    kind: Literal["sync", "async"] | None = Field(
        description="What it runs: one `def` at a time, or many `async def`; null until it has loaded them."
    )
    pid: int
    state: Literal["starting", "idle", "busy", "draining", "gone"]
    runs: int = Field(description="Attempts that have ended in it.")
    rss_mb: int = Field(description="Its memory after the last of them.")
    running: list[HostRunView] = Field(description="What it runs, and since when; at most twenty.")


class BroughtWorkflowView(BaseModel):
    name: str
    refusal: str | None = Field(description="Why it is not registered; null where it is.")


class WorkerView(BaseModel):
    worker_id: str
    name: str
    host: str
    pid: int
    handlers: list[str]
    queues: list[str]
    slots: int
    running: int
    blocked: int = Field(
        description="Attempts that are over and whose code still runs, in the worker or in a host."
    )
    blocked_by: list[str] = Field(description="Whose they are, `execution_id/node_id`; at most twenty.")
    hosts: list[HostView] = Field(description="Processes that run the handlers of the installation.")
    refusal: str | None = Field(
        description="Why these handlers are not loaded, with the traceback; null where nothing is wrong."
    )
    workflows: list[BroughtWorkflowView] = Field(description="Workflows that these handlers bring.")
    started_at: str
    last_seen_at: str


class WorkerList(BaseModel):
    items: list[WorkerView]


class HandlerView(BaseModel):
    """A handler: what it is for, what config it takes, and who runs it now."""

    name: str
    aliases: list[str]
    summary: str
    description: str
    config_schema: dict[str, Any] | None = Field(
        description="JSON Schema of its config; null where the config is not typed or not known here."
    )
    retry: dict[str, Any] | None = Field(description="Policy of nodes without `retry`; null: one attempt.")
    durable: bool = Field(description="It has a journal and an inbox, and may park.")
    live_workers: int = Field(description="How many live workers offer it.")
    workers: list[str] = Field(description="Their ids; empty for a tenant, whose they are not.")


class HandlerList(BaseModel):
    items: list[HandlerView]


class UsageDay(BaseModel):
    date: str = Field(description="A day in UTC.")
    usage: UsageView
    cost_usd: float | None


class UsageAnswer(BaseModel):
    """Newest day first; days without a call are there too."""

    usage: UsageView
    cost_usd: float | None
    days: list[UsageDay]


class QueueView(BaseModel):
    queue: str
    length: int
    pending: int
    oldest_at: str | None
    consumers: int


class QueueList(BaseModel):
    items: list[QueueView]


class DeadView(BaseModel):
    entry_id: str
    execution_id: str
    name: str
    node_id: str
    reason: str
    error: dict[str, Any] | None
    attempt: int
    at: str


class DeadPage(BaseModel):
    items: list[DeadView]
    next_cursor: str | None


class DeadRequeued(BaseModel):
    entry_id: str
    execution_id: str


class Health(BaseModel):
    status: Literal["ok"]


class ReadinessCheck(BaseModel):
    ok: bool
    level: Literal["ok", "warning", "error"]
    detail: str


class ReadinessAnswer(BaseModel):
    status: Literal["ok", "unavailable"]
    checks: dict[str, ReadinessCheck] | None = None
    durability: str | None = None


class ProblemDocument(BaseModel):
    """RFC 9457, with `code`, `request_id` and `errors` beyond it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[ProblemEntry] | None = None
