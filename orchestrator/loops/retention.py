"""Counts what has ended, purges what was kept long enough, finishes purges that stopped half-way."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from uuid import uuid4

from orchestrator.definitions.retention import Retention
from orchestrator.executor import PUT_OFF_MS, fold_ended, remove_all_keys, remove_keys
from orchestrator.redis_keys import DEFAULT_TENANT
from orchestrator.store.reader import Store
from orchestrator.store.script_client import STORE_OUTAGES, is_fault
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.retention")

#: Executions whose purge is finished in one run.
LIMIT = 20
#: Executions counted in one run, and looked at for a purge.
MOST = 2_000
#: Of each tenant, looked at once, in search of those that no retention applies to.
LOOKED_AT = 10_000
#: Looked at in one round trip.
TOGETHER = 50
#: A purge that began this lately is its caller's: the call that began it may be sent again, and finds by what
#: is left that it was the one.
CALLERS_MS = 60_000


async def run_once(
    store: Store,
    transitions: Transitions,
    now_ms: int,
    *,
    kept: Retention | None = None,
    limit: int = LIMIT,
) -> int:
    """Do all three; returns how many executions were counted or removed.

    kept   for how long, where a definition does not say.
    limit  purges that are finished: those that have been under way for a minute.
    """
    done = await fold_ended(store, transitions, now_ms, limit=MOST)
    done += await expire(store, transitions, now_ms, kept or Retention())
    return done + await finish_purges(store, transitions, now_ms, limit=limit)


async def tell_of_older(store: Store, *, most: int = LOOKED_AT) -> int:
    """Log how many executions no retention applies to: they ended before there was one; returns how many.

    most  how many are looked at, the oldest of each tenant first.
    """
    found = 0
    for tenant in (DEFAULT_TENANT, *await store.access.names()):
        found += await store.index.unlisted(tenant, most=most)
    if found:
        log.warning(
            "retention.not_applied",
            extra={
                "executions": found,
                "looked_at": most,
                "cause": "they ended, or were made and not started, before there was a retention",
                "cure": "./headrace purge --older-than 30d",
            },
        )
    return found


async def expire(store: Store, transitions: Transitions, now_ms: int, kept: Retention) -> int:
    """Purge executions whose retention is over; returns how many."""
    looked_at = purged = 0
    while looked_at < MOST:
        ids = await store.index.due("expiring", now_ms, TOGETHER)
        if not ids:
            break
        purged += await _look_at(store, transitions, ids, now_ms, kept)
        looked_at += len(ids)
    if purged:
        log.info("retention.purged", extra={"executions": purged})
    return purged


async def review(store: Store, transitions: Transitions, kept: Retention) -> int:
    """Look again at all that waits for its purge, if settings have changed; returns how many were looked at.

    Killed on the way, it begins again at the next start.
    """
    if await store.index.applied_retention() == kept.words():
        return 0
    cursor, looked_at = 0, 0
    while True:
        cursor, ids = await store.index.expiring(cursor, TOGETHER)
        now_ms = await store.now_ms()
        for first in range(0, len(ids), TOGETHER):
            await _look_at(store, transitions, ids[first : first + TOGETHER], now_ms, kept)
        looked_at += len(ids)
        if cursor == 0:
            break
    await transitions.apply_retention(kept)
    log.info("retention.reviewed", extra={"executions": looked_at, "retention_ms": kept.words()})
    return looked_at


async def _look_at(
    store: Store, transitions: Transitions, execution_ids: Sequence[str], now_ms: int, kept: Retention
) -> int:
    """Purge those whose retention is over, and note when that of others ends; returns how many went."""
    calls = [transitions.expire_execution(each, kept, call_id=uuid4().hex) for each in execution_ids]
    answers = dict(zip(execution_ids, await transitions.call_all(calls, are_apart=True), strict=True))
    if faulty := [each for each, answer in answers.items() if is_fault(answer)]:
        log.error("retention.fault", extra={"execution_ids": faulty[:20]})
        await store.put_off("expiring", faulty, now_ms + PUT_OFF_MS)
    hidden = [each for each, answer in answers.items() if each not in faulty and answer[0] == "ok"]
    await remove_all_keys(transitions, hidden)
    return len(hidden)


async def finish_purges(store: Store, transitions: Transitions, now_ms: int, *, limit: int) -> int:
    """Finish purges that have been under way for a minute; returns how many."""
    finished = 0
    for execution_id in await store.index.due("purging", now_ms - CALLERS_MS, limit):
        try:
            finished += await remove_keys(transitions, execution_id)
        except STORE_OUTAGES:
            raise
        except Exception:
            # What cannot be removed must not keep the rest of all others in Redis.
            log.exception("retention.fault", extra={"execution_id": execution_id})
            await store.put_off("purging", [execution_id], now_ms - CALLERS_MS + PUT_OFF_MS)
    return finished
