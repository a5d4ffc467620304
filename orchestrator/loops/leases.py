"""Takes running attempts from workers that stopped renewing their leases, or that are known to be dead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.executor import drain_apart
from orchestrator.redis_keys import lease_member
from orchestrator.store.losses import lose_call
from orchestrator.store.reader import Store
from orchestrator.store.script_client import Call, is_fault
from orchestrator.store.transitions import Transitions

#: Leases expired by one run, so that a clock that jumps does not requeue everything at once.
LIMIT = 200
#: How long the lease of an execution that is damaged stands back behind those of all others.
PUT_OFF_MS = 60_000
#: Running attempts among which those of a dead worker are looked for; beyond these, leases run out.
MOST_READ = 20_000
#: Later than any lease runs out, in Redis ms.
FAR_MS = 2**52

#: Execution, unit and attempt.
Lease = tuple[str, str, int]


async def run_once(store: Store, transitions: Transitions, now_ms: int, *, limit: int = LIMIT) -> int:
    """Expire every lease that has run out; returns how many there were."""
    expired = await store.expired_leases(now_ms, limit)
    if not expired:
        return 0
    specs = await _specs(store, expired)
    calls = [
        _call(transitions, lease, spec, f"worker {spec.get('worker')} stopped renewing its lease")
        for lease, spec in zip(expired, specs, strict=True)
    ]
    damaged = [lease_member(*expired[at]) for at in await _send(transitions, expired, calls)]
    await store.put_off("leases", damaged, now_ms + PUT_OFF_MS)
    return len(expired)


async def take_from_dead(store: Store, transitions: Transitions, worker_id: str) -> int:
    """Take every attempt of a worker that is known to be dead, as if its leases had run out; gives how many.

    Raises redis errors and StoreUnavailable; what was not taken by then has its lease.
    """
    leases, taken = await store.expired_leases(FAR_MS, MOST_READ), 0
    for start in range(0, len(leases), LIMIT):
        part = leases[start : start + LIMIT]
        specs = await _specs(store, part)
        of_it = [
            (lease, spec)
            for lease, spec in zip(part, specs, strict=True)
            if spec.get("worker") == worker_id and spec["nonce"]
        ]
        calls = [
            _call(transitions, lease, spec, f"worker {worker_id} has died", nonce=spec["nonce"])
            for lease, spec in of_it
        ]
        if calls:
            await _send(transitions, [lease for lease, _ in of_it], calls)
            taken += len(calls)
    return taken


async def _specs(store: Store, leases: Sequence[Lease]) -> list[dict[str, Any]]:
    return await store.specs([(execution_id, node_id) for execution_id, node_id, _ in leases])


def _call(
    transitions: Transitions, lease: Lease, spec: dict[str, Any], reason: str, nonce: str = ""
) -> Call[tuple[str, bool]]:
    return lose_call(
        transitions,
        *lease,
        what="worker",
        reason=reason,
        worker=spec.get("worker"),
        catch=spec.get("catch", ()),
        nonce=nonce,
    )


async def _send(
    transitions: Transitions, leases: Sequence[Lease], calls: Sequence[Call[tuple[str, bool]]]
) -> list[int]:
    """Make the calls, and go on with what they leave; gives the places of leases that are damaged."""
    damaged = []
    for at, answer in enumerate(await transitions.call_all(calls, are_apart=True)):
        if is_fault(answer):
            damaged.append(at)
        elif not isinstance(answer, Exception) and answer[1]:
            await drain_apart(transitions, leases[at][0])
    return damaged
