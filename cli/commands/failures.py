"""Why executions of a list have failed, which the list of the server does not say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
    from headrace.errors import NotFound

    slots = asyncio.Semaphore(AT_ONCE)

    async def cause(view: Execution) -> tuple[str, str]:
        async with slots:
            try:
                causes = (await client.executions.get(view.execution_id)).root_causes
            except NotFound:  # Purged meanwhile.
                causes = ()
        return view.execution_id, _first_of(causes)

    return dict(await asyncio.gather(*map(cause, failed)))


def _first_of(causes: Sequence[Mapping[str, Any]]) -> str:
    if not causes:
        return ""
    several = f"{len(causes)} nodes failed; first " if len(causes) > 1 else ""
    return several + innermost_words(str(causes[0]["node_id"]), causes[0]["error"])


def innermost_words(node_id: str, error: object) -> str:
    """What failed first below a node: `subs[1] > call: Http.4xx: …`; a row has no room for all between."""
    from cli.output.failures import failed_items, failed_nodes
    from cli.output.progress import error_text

    where = node_id
    while isinstance(error, Mapping) and isinstance(details := error.get("details"), Mapping):
        if items := failed_items(details):
            index, below = items[0]
            step = f"[{index}]"
        elif nodes := failed_nodes(details):
            name, below = nodes[0]
            step = f" > {name}"
        else:
            break
        if not below:
            break
        where, error = where + step, below
    return f"{where}: {error_text(error)}"


def _is_small(view: Execution) -> bool:
    total = (view.document.get("progress") or {}).get("total")
    return total is None or total <= MOST_NODES
