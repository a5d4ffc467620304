"""Letters to durable handlers, and their journals."""

from __future__ import annotations

from typing import Any

from headrace.calls import Part, Steps, Way, get, operation, path_of, post_once
from headrace.records import InboxState, JournalPart, Posted


class Inboxes(Part[Way]):
    """`client.inboxes`. A node id names a node, or an item of a mapped one: `ask[3]`."""

    @operation
    def post(
        self, execution_id: str, node_id: str, payload: Any = None, *, idempotency_key: str | None = None
    ) -> Steps[Posted]:
        """Post a letter to a node, whatever it is doing; one that waits for a letter goes on.

        Sends an Idempotency-Key; a caller's own lets the call be repeated. Raises Conflict once the execution
        has ended.
        """
        path = _path(execution_id, node_id, "inbox")
        return Posted.from_dict((yield from post_once(path, {"payload": payload}, idempotency_key)).document)

    @operation
    def get(self, execution_id: str, node_id: str) -> Steps[InboxState]:
        """The letters that the handler of a node has not taken yet."""
        return InboxState.from_dict((yield from get(_path(execution_id, node_id, "inbox"))))

    @operation
    def journal(
        self, execution_id: str, node_id: str, *, after: int = 0, limit: int = 100
    ) -> Steps[JournalPart]:
        """What the handler of a node has written down: its snapshot, and entries behind `after`."""
        query = {"after": str(after), "limit": str(limit)}
        return JournalPart.from_dict((yield from get(_path(execution_id, node_id, "journal"), query)))


def _path(execution_id: str, node_id: str, last: str) -> str:
    return path_of("executions", execution_id, "nodes", node_id, last)
