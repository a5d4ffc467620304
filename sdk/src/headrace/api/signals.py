"""Signals to nodes that wait for them."""

from __future__ import annotations

from typing import Any

from headrace.calls import Part, Steps, Way, operation, path_of, post_once
from headrace.records import Signalled


class Signals(Part[Way]):
    """`client.signals`."""

    @operation
    def send(
        self, execution_id: str, name: str, payload: Any = None, *, idempotency_key: str | None = None
    ) -> Steps[Signalled]:
        """Send a signal; the answer says how many nodes had waited for it, and whether it is kept.

        Sends an Idempotency-Key; a caller's own lets the call be repeated.
        """
        path = path_of("executions", execution_id, "signals", name)
        return Signalled.from_dict(
            (yield from post_once(path, {"payload": payload}, idempotency_key)).document
        )
