"""What a dialect is: one documented contract of another system, as routes over our engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from api.error_shapes import Failure
from api.hot_lane import HotRoute
from api.owners import RouteOwner
from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.engine import TenantEngine
from orchestrator.errors import WorkflowNotFound
from orchestrator.operations.workflow_files import Reader

#: The label of whatever was made through a dialect, by which its lists find their own.
DOOR_LABEL = "door"


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """One contract: its routes, whose they are, and how it words failures.

    name              of its folder; the value of the label `door`.
    owners            the owner of each route, by operation id.
    is_path           whether a path is one of its own, also where no route is found for it.
    write_failure     gives status and body of a failure on such a path.
    failure_model     what that body is, for the OpenAPI document.
    definition_paths  paths that take a workflow, and so the larger body.
    needs_key         a request needs a key also where the deployment requires none.
    readers           know its documents among the files of `workflows/`.
    alone             the same contract as it is served by itself; None where it is not.
    hot               routes that are worth a lane of their own: (path, method, operation id, endpoint).
    once              operation ids of its calls that count once under an `Idempotency-Key`.
    rules_from        reads limits of its own from the settings of a deployment; they are `Reach.rules[name]`.
    """

    name: str
    router: APIRouter
    owners: Mapping[str, RouteOwner]
    is_path: Callable[[str], bool]
    write_failure: Callable[[Failure], tuple[int, Any]]
    failure_model: type[BaseModel]
    definition_paths: frozenset[str] = frozenset()
    needs_key: bool = False
    readers: tuple[Reader, ...] = ()
    alone: Dialect | None = None
    hot: tuple[HotRoute, ...] = ()
    once: frozenset[str] = frozenset()
    rules_from: Callable[[Any], object] | None = None


async def own_workflow(engine: TenantEngine, name: str, workflow: str) -> WorkflowRecord:
    """Find a workflow that was made through a dialect, by its name or id. Raises WorkflowNotFound.

    Any may be looked at and started; one is changed and removed through the door that shows it.
    """
    record = await engine.workflows.get(workflow)
    if record.labels.get(DOOR_LABEL) != name:
        raise WorkflowNotFound(workflow)
    return record


def door_label(name: str) -> dict[str, str]:
    """Give the label of the workflows and executions of a dialect."""
    return {DOOR_LABEL: name}
