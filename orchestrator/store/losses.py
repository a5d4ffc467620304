"""Builds the call that takes an attempt away which was lost: by a lease that ran out, or with its process."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from orchestrator.definitions.branches import taker_of
from orchestrator.definitions.definition import Catch
from orchestrator.errors import ErrorType, NodeError
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import MAX_INFRA_ATTEMPTS, Transitions


def lose_call(
    transitions: Transitions,
    execution_id: str,
    unit: str,
    attempt: int,
    *,
    what: str,
    reason: str,
    worker: str | None,
    catch: Sequence[Catch],
    nonce: str = "",
) -> Call[tuple[str, bool]]:
    """Build the call: the unit is tried again, or fails as poison where that has happened too often.

    what    it lost: its worker, or its process.
    reason  how it came to that.
    nonce   of the attempt, where its own worker gives it up.
    """
    lost = NodeError(ErrorType.LEASE_LOST, reason, attempt=attempt, worker=worker)
    message = f"node '{unit}' lost its {what} more than {MAX_INFRA_ATTEMPTS} times; the last time: {reason}"
    poison = NodeError(ErrorType.POISON, message, retryable=False, attempt=attempt, worker=worker)
    return transitions.reap_node(
        execution_id,
        unit,
        attempt,
        lost=orjson.dumps(lost.to_dict()),
        poison=orjson.dumps(poison.to_dict()),
        taker=taker_of(catch, poison.type),
        nonce=nonce,
    )
