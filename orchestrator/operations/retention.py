"""How executions go: hidden in one step, then removed key by key. For `engine.executions`."""

from __future__ import annotations

import logging
from uuid import uuid4

from orchestrator.errors import ExecutionNotFound, InvalidTransition
from orchestrator.executor import remove_keys
from orchestrator.states import PURGEABLE
from orchestrator.store.script_client import STORE_OUTAGES
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.retention")

#: Calls, of some hundred keys each, in which a purge removes what it can before it answers; the loop of the
#: same name removes the rest.
MOST_CALLS = 200


async def purge(transitions: Transitions, execution_id: str) -> None:
    """Hide an execution and its children from every look-up, and remove their keys.

    Raises ExecutionNotFound, InvalidTransition; nothing is changed then.
    """
    call = transitions.purge_execution(execution_id, call_id=uuid4().hex)
    word, text = await call
    while word == "counting":
        word, text = await call
    if word == "unknown":
        raise ExecutionNotFound(execution_id)
    if word != "ok":
        raise _refusal(execution_id, word, text)
    try:
        await remove_keys(transitions, execution_id, most_calls=MOST_CALLS)
    except STORE_OUTAGES as error:
        # It cannot be found any more, and the same request would be answered so.
        log.warning("purge.unfinished", extra={"execution_id": execution_id, "error": str(error)})


def _refusal(execution_id: str, word: str, text: str) -> InvalidTransition:
    """Say why an execution cannot be purged now. text: its status, or the root of a child."""
    if word == "child":
        found, wanted = "a child", f"it is purged with its root execution, {text}"
    else:
        found = "being cancelled" if word == "cancelling" else text
        wanted = "only what has ended or was never started can be purged"
        wanted += "; wait for its end" if word == "cancelling" else "; cancel it first"
    return InvalidTransition("purge", execution_id, found, PURGEABLE, wanted=wanted)
