"""What a tool is, and what it works with: the same engine, checks and identity as a route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from api.access import Reach, reach_of
from api.auth import admit_again, engine_of, identity_of
from api.owners import RouteOwner, owner_of
from api.problems import request_id_of
from api.validator import idempotency_key_in
from orchestrator.documents import exact_json
from orchestrator.engine import Idempotency, TenantEngine
from orchestrator.execution.access import Identity


class Arguments(BaseModel):
    """What a tool takes. Unknown names are refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class RunArguments(Arguments):
    """What a tool takes that is about one run."""

    execution_id: str = Field(
        description="Id of the run, as start_workflow or list_runs gave it, or its key."
    )


class Progress(Protocol):
    """Reports how far a call is."""

    async def __call__(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool that was let in."""

    tool: str
    request: Request
    progress: Progress

    @property
    def reach(self) -> Reach:
        return reach_of(self.request)

    @property
    def engine(self) -> TenantEngine:
        """The engine as the tenant of the caller sees it."""
        return engine_of(self.request)

    @property
    def identity(self) -> Identity:
        return identity_of(self.request)

    @property
    def request_id(self) -> str:
        return request_id_of(self.request.scope)

    async def admit_again(self, *, at_once: bool) -> None:
        """Ask again whether the caller is let in, after a wait. Raises what a first request would get."""
        await admit_again(self.request, at_once=at_once)

    def idempotency(self, key: str | None, sent: BaseModel) -> Idempotency | None:
        """Name this call, so that the same one made again has no second effect. Raises RequestInvalid."""
        if key is None:
            return None
        body = exact_json.dumps(sent.model_dump(exclude={"idempotency_key"}))
        return Idempotency.named(
            idempotency_key_in(key, "idempotency_key"), route=f"MCP {self.tool}", body=body
        )


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    operation       id of the route that does the same: whose key opens that opens this.
    is_destructive  it ends something that cannot be brought back.
    is_repeatable   called again with the same arguments, it changes nothing more.
    """

    name: str
    title: str
    description: str
    operation: str
    arguments: type[Arguments]
    work: Callable[[Call, Any], Awaitable[dict[str, Any]]]
    is_destructive: bool = False
    is_repeatable: bool = False

    @property
    def owner(self) -> RouteOwner:
        """The scope that opens it."""
        return owner_of(self.operation)

    @property
    def is_read_only(self) -> bool:
        return self.owner is RouteOwner.READ
