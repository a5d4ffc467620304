"""The limits of this door, each a setting of the deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from starlette.requests import Request

from api.access import Reach, reach_of

NAME = "automation"


class AutomationSettings(Protocol):
    """What a deployment sets for this door."""

    max_steps_per_workflow: int
    execution_timeout_seconds: int
    http_step_timeout: float
    cron_timezone: str
    webhook_replay_enabled: bool
    rate_limit_register: int
    rate_limit_workflows: int
    rate_limit_executions: int
    rate_limit_reads: int


@dataclass(frozen=True, slots=True)
class AutomationRules:
    """Its limits; see the settings of the same names.

    rates  requests a minute, by what is asked for; 0 for any number.
    """

    max_steps: int = 50
    execution_timeout_s: int = 300
    http_timeout_s: float = 30.0
    cron_timezone: str = "UTC"
    is_replay_enabled: bool = True
    rates: Mapping[str, int] = field(default_factory=dict)


def rules_from(settings: AutomationSettings) -> AutomationRules:
    """Read the limits of a deployment."""
    return AutomationRules(
        max_steps=settings.max_steps_per_workflow,
        execution_timeout_s=settings.execution_timeout_seconds,
        http_timeout_s=settings.http_step_timeout,
        cron_timezone=settings.cron_timezone,
        is_replay_enabled=settings.webhook_replay_enabled,
        rates={
            "register": settings.rate_limit_register,
            "workflows": settings.rate_limit_workflows,
            "executions": settings.rate_limit_executions,
            "reads": settings.rate_limit_reads,
        },
    )


def rules_in(reach: Reach) -> AutomationRules:
    """Give the limits of this deployment."""
    rules = reach.rules.get(NAME) or AutomationRules()
    assert isinstance(rules, AutomationRules)
    return rules


def rules_of(request: Request) -> AutomationRules:
    """Give the limits by which a request is judged."""
    return rules_in(reach_of(request))
