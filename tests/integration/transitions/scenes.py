"""A node in each status, brought there the way it gets there, and the verbs that a matrix must know."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.states import TABLE, NodeStatus
from orchestrator.store.requests import AttemptToken
from tests.makers import Rig, node

N = NodeStatus

EXECUTION_VERBS = sorted(
    {row.verb for row in TABLE if row.subject == "execution" and row.sources and not row.is_internal}
)


@dataclass
class Scene:
    """One execution, `A -> B -> C` beside a node that keeps it running, with B in the status looked at."""

    rig: Rig
    execution_id: str
    #: B's attempt as its worker holds it, or would.
    held: AttemptToken

    async def status(self) -> NodeStatus:
        return (await self.rig.nodes(self.execution_id))["B"]


async def scene(rig: Rig, status: NodeStatus) -> Scene:
    """Bring B into a status the way it gets there."""
    execution_id = await rig.submit(
        node("A"), node("B", after=["A"], schedule_to_close_timeout=60), node("C", after=["B"]), node("other")
    )
    held = AttemptToken(execution_id, "B", 0, "never-claimed")
    started = await rig.worker.start()
    if status is not N.PENDING:
        await rig.worker.complete(started["A"])
    if status in (N.QUEUED, N.CANCELLED):
        held = AttemptToken(execution_id, "B", 1, "never-claimed")
    elif status is not N.PENDING:
        held = await rig.worker.start_one("B")
    match status:
        case N.WAITING:
            await rig.worker.retry(held, delay_ms=1_000)
        case N.COMPLETED:
            await rig.worker.complete(held)
        case N.FAILED:
            await rig.worker.fail(held)
        case N.SKIPPED:
            await rig.worker.skip(held)
        case N.CANCELLED:
            await rig.transitions.cancel_execution(execution_id, reason='""', grace_ms=90_000, request_id="1")
    made = Scene(rig, execution_id, held)
    assert await made.status() is status
    return made
