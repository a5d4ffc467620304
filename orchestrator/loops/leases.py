"""Takes running attempts from workers that stopped renewing their leases."""

from __future__ import annotations

import orjson

from orchestrator.definitions.branches import taker_of
from orchestrator.errors import ErrorType, NodeError
from orchestrator.store.reader import Store
from orchestrator.store.transitions import MAX_INFRA_ATTEMPTS, Transitions

#: Leases expired by one run, so that a clock that jumps does not requeue everything at once.
LIMIT = 200


async def run_once(store: Store, transitions: Transitions, now_ms: int, *, limit: int = LIMIT) -> int:
    """Expire every lease that has run out; returns how many there were."""
    expired = await store.expired_leases(now_ms, limit)
    if not expired:
        return 0
    specs = await store.specs([(execution_id, node_id) for execution_id, node_id, _ in expired])
    calls = []
    for (execution_id, node_id, attempt), spec in zip(expired, specs, strict=True):
        worker = spec.get("worker")
        lost = NodeError(
            ErrorType.LEASE_LOST,
            f"worker {worker} stopped renewing its lease",
            attempt=attempt,
            worker=worker,
        )
        poison = NodeError(
            ErrorType.POISON,
            f"node '{node_id}' lost its worker more than {MAX_INFRA_ATTEMPTS} times; the last was {worker}",
            retryable=False,
            attempt=attempt,
            worker=worker,
        )
        calls.append(
            transitions.reap_node(
                execution_id,
                node_id,
                attempt,
                lost=orjson.dumps(lost.to_dict()),
                poison=orjson.dumps(poison.to_dict()),
                taker=taker_of(spec.get("catch", ()), poison.type),
            )
        )
    answers = await transitions.call_all(calls, are_apart=True)
    for (execution_id, _, _), answer in zip(expired, answers, strict=True):
        if not isinstance(answer, Exception) and answer[1]:
            await transitions.drain_worklist(execution_id)
    return len(expired)
