"""Finishes purges whose caller stopped half-way: what was hidden is removed to the last key."""

from __future__ import annotations

import logging

from orchestrator.executor import remove_keys
from orchestrator.store.reader import Store
from orchestrator.store.script_client import STORE_OUTAGES
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.retention")

#: Executions whose purge is finished in one run.
LIMIT = 20
#: A purge that began this lately is its caller's: the call that began it may be sent again, and finds by what
#: is left that it was the one.
CALLERS_MS = 60_000
#: How long what is damaged stands back behind all others.
PUT_OFF_MS = 60_000


async def run_once(store: Store, transitions: Transitions, now_ms: int, *, limit: int = LIMIT) -> int:
    """Finish purges that have been under way for a minute; returns how many were finished."""
    finished = 0
    for execution_id in await store.index.purging(now_ms - CALLERS_MS, limit):
        try:
            finished += await remove_keys(transitions, execution_id)
        except STORE_OUTAGES:
            raise
        except Exception:
            # What cannot be removed must not keep the rest of all others in Redis.
            log.exception("retention.fault", extra={"execution_id": execution_id})
            await store.put_off("purging", [execution_id], now_ms - CALLERS_MS + PUT_OFF_MS)
    return finished
