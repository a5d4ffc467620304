"""What one worker process is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.budgets import NO_CAPS, Caps
from orchestrator.limits import Limits


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Plain values: settings are read at the root only."""

    name: str
    concurrency: int = 64
    queues: tuple[str, ...] = ("default",)
    lease_ms: int = 15_000
    drain_s: float = 25.0
    output_max_bytes: int = 1024 * 1024
    #: What a tenant's calls to paid services may use in a day.
    tenant_daily: Caps = NO_CAPS
    #: Of definitions that nodes put together for their children.
    limits: Limits = field(default_factory=Limits)
