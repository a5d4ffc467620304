"""Takes running attempts from workers that stopped renewing their leases."""

from __future__ import annotations

from orchestrator.executor import drain_apart
from orchestrator.redis_keys import lease_member
from orchestrator.store.losses import lose_call
from orchestrator.store.reader import Store
from orchestrator.store.script_client import is_fault
from orchestrator.store.transitions import Transitions

#: Leases expired by one run, so that a clock that jumps does not requeue everything at once.
LIMIT = 200
#: How long the lease of an execution that is damaged stands back behind those of all others.
PUT_OFF_MS = 60_000


async def run_once(store: Store, transitions: Transitions, now_ms: int, *, limit: int = LIMIT) -> int:
    """Expire every lease that has run out; returns how many there were."""
    expired = await store.expired_leases(now_ms, limit)
    if not expired:
        return 0
    specs = await store.specs([(execution_id, node_id) for execution_id, node_id, _ in expired])
    calls = [
        lose_call(
            transitions,
            *lease,
            what="worker",
            reason=f"worker {spec.get('worker')} stopped renewing its lease",
            worker=spec.get("worker"),
            catch=spec.get("catch", ()),
        )
        for lease, spec in zip(expired, specs, strict=True)
    ]
    answers = await transitions.call_all(calls, are_apart=True)
    damaged = []
    for lease, answer in zip(expired, answers, strict=True):
        if is_fault(answer):
            damaged.append(lease_member(*lease))
        elif not isinstance(answer, Exception) and answer[1]:
            await drain_apart(transitions, lease[0])
    await store.put_off("leases", damaged, now_ms + PUT_OFF_MS)
    return len(expired)
