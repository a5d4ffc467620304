"""A handler of one's own: `HANDLERS=examples.handlers` makes workers load it, as the demo does."""

from __future__ import annotations

import asyncio

from pydantic import BaseModel, ConfigDict, Field

from headrace import Context, handler


class AuditConfig(BaseModel):
    """What is audited, by which checks."""

    model_config = ConfigDict(extra="forbid")

    subject: str = Field(description="What the checks are about.")
    checks: list[str] = Field(min_length=1, max_length=20, description="In the order in which they are made.")
    seconds_per_check: float = Field(default=0.5, ge=0, le=10)


@handler("audit_trip", config=AuditConfig)
async def audit_trip(config: AuditConfig, context: Context) -> dict[str, object]:
    """Go through a list of checks, and report each. Output: {"subject": str, "passed": int}."""
    for number, check in enumerate(config.checks, start=1):
        await asyncio.sleep(config.seconds_per_check)
        context.progress(number / len(config.checks), check)
    context.log(f"{len(config.checks)} checks passed", subject=config.subject)
    return {"subject": config.subject, "passed": len(config.checks)}
