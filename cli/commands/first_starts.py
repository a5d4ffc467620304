"""When nodes began: the server's view of a node has the times of its newest attempt alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Attempt, Execution

#: Nodes that are asked about, and requests under way at once.
MOST_NODES, AT_ONCE = 50, 8
#: Ends of attempts after which their node goes on with another one.
_GOES_ON = frozenset({"retrying", "lost", "drained", "waiting"})


async def first_starts(client: AsyncClient, view: Execution) -> dict[str, str]:
    """Give the first start of each node that has had several attempts: of a map, one before its items.

    Of many such nodes, the first ones; for the others the times of the view have to do.
    """
    import asyncio

    slots = asyncio.Semaphore(AT_ONCE)
    several = [node.node_id for node in view.nodes if node.attempt > 1 and not node.reused][:MOST_NODES]

    async def ask(node_id: str) -> str | None:
        async with slots:
            return first_start(await client.nodes.attempts(view.execution_id, node_id))

    found = zip(several, await asyncio.gather(*map(ask, several)), strict=True)
    return {node_id: moment for node_id, moment in found if moment is not None}


def first_start(attempts: Sequence[Attempt]) -> str | None:
    """When the newest run of attempts began; those before a retry of the whole node are another one."""
    began = None
    for attempt in reversed(attempts):
        if began is not None and attempt.outcome not in _GOES_ON:
            break
        began = attempt.started_at or began
    return began
