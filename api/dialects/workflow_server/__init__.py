"""The contract of workflow servers: named workflows that start with an event, and give and take events."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from api.dialects.dialect import Dialect
from api.dialects.workflow_server.handlers import NAME
from api.dialects.workflow_server.router import ALONE, BESIDE, PREFIX
from api.dialects.workflow_server.schemas import Detail
from api.error_shapes import Failure
from api.owners import RouteOwner

#: Of its paths at the root; others that begin as these do are native.
_is_own = re.compile(
    r"/(workflows(/[^/]*/(run|run-nowait|schema|events|representation))?"
    r"|(results|handlers|events)(/.*)?)",
    re.DOTALL,
).fullmatch
#: Where its words are fixed, by the code of the failure.
_WORDS = {
    "EXECUTION_NOT_FOUND": "Handler not found",
    "WORKFLOW_NOT_FOUND": "Workflow not found",
    "NOT_FOUND": "Not Found",
}
#: How a sentence begins the place of a mistake, in our words and in those of a client.
_PLACES = {
    "INPUTS_INVALID": ("'inputs", "'start_event"),
    "PAYLOAD_INVALID": ("'payload", "'event.value"),
}


def _is_path(path: str) -> bool:
    return path == PREFIX or path.startswith(f"{PREFIX}/") or _is_own(path) is not None


def _write_failure(failure: Failure) -> tuple[int, Any]:
    # Of a request that has the wrong shape this contract says 400.
    status = 400 if failure.status == 422 else failure.status
    detail = _WORDS.get(failure.code, failure.detail)
    ours, theirs = _PLACES.get(failure.code, ("", ""))
    return status, {"detail": detail.replace(ours, theirs) if ours else detail}


def _once(owners: Mapping[str, RouteOwner]) -> frozenset[str]:
    return frozenset(name for name in owners if name.endswith(("_run", "_run_nowait", "_send")))


_BESIDE = Dialect(
    name=NAME,
    router=BESIDE.router,
    owners=BESIDE.owners,
    is_path=_is_path,
    write_failure=_write_failure,
    failure_model=Detail,
    hot=BESIDE.hot,
    once=_once(BESIDE.owners),
)
_ALONE = replace(
    _BESIDE,
    router=ALONE.router,
    owners=ALONE.owners,
    is_path=lambda path: True,
    hot=ALONE.hot,
    once=_once(ALONE.owners),
)
#: Served beside the native contract; by itself every path is its own.
DIALECT = replace(_BESIDE, alone=_ALONE)
