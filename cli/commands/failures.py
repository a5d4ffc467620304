"""Why executions of a list have failed, which the list of the server does not say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.commands.bulk import AT_ONCE

if TYPE_CHECKING:
    from headrace.client import AsyncClient
    from headrace.values import Execution

#: Failures that are looked into, the newest, and nodes of an execution that is: all of them are read.
MOST, MOST_NODES = 20, 500


async def causes_of(client: AsyncClient, found: Sequence[Execution]) -> dict[str, str]:
    """Give, by execution, the first node that it failed of, and its error."""
    failed = [view for view in found if view.status == "FAILED" and not view.error and _is_small(view)][:MOST]
    if not failed:
        return {}
    from cli.output.progress import error_text
    from headrace.errors import NotFound

    slots = asyncio.Semaphore(AT_ONCE)

    async def cause(view: Execution) -> tuple[str, str]:
        async with slots:
            try:
                causes = (await client.executions.get(view.execution_id)).root_causes
            except NotFound:  # Purged meanwhile.
                causes = ()
        return (
            view.execution_id,
            f"{causes[0]['node_id']}: {error_text(causes[0]['error'])}" if causes else "",
        )

    return dict(await asyncio.gather(*map(cause, failed)))


def _is_small(view: Execution) -> bool:
    total = (view.document.get("progress") or {}).get("total")
    return total is None or total <= MOST_NODES
