"""The router of this door, and what its calls have in common."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Depends

from api.access import Reach
from api.dialects.automation.rules import NAME, rules_in
from api.dialects.automation.schemas import ErrorDocument
from api.dialects.dialect import door_label
from api.owners import RouteOwner
from api.rate_limits import Subject, limited
from api.responses import failures

LABEL = door_label(NAME)

router = APIRouter(prefix="/api", tags=[NAME])
#: Documents the failures of a call.
refused = partial(failures, ErrorDocument)

#: Calls that count once under an `Idempotency-Key`.
ONCE = frozenset(
    {"automation_workflows_create", "automation_workflows_execute", "automation_executions_replay"}
)
OWNERS = {
    "automation_tenants_register": RouteOwner.REGISTRATION,
    "automation_tenants_me": RouteOwner.READ,
    "automation_workflows_create": RouteOwner.ADMIN,
    "automation_workflows_list": RouteOwner.READ,
    "automation_workflows_get": RouteOwner.READ,
    "automation_workflows_change": RouteOwner.ADMIN,
    "automation_workflows_delete": RouteOwner.ADMIN,
    "automation_workflows_execute": RouteOwner.RUN,
    "automation_executions_list": RouteOwner.READ,
    "automation_executions_get": RouteOwner.READ,
    "automation_executions_cancel": RouteOwner.RUN,
    "automation_executions_replay": RouteOwner.RUN,
    "automation_executions_logs": RouteOwner.READ,
    "automation_executions_stream": RouteOwner.READ,
    "automation_metrics": RouteOwner.READ,
    "automation_health": RouteOwner.PUBLIC,
}


def counted(kind: str, *, by: Subject = "tenant") -> list[Any]:
    """Take a call from a rate; kind as in `AutomationRules.rates`."""

    def most(reach: Reach) -> int:
        return rules_in(reach).rates.get(kind, 0)

    return [Depends(limited(f"{NAME}_{kind}", most, by=by))]
