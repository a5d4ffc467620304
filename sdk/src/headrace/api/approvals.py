"""Approvals: what waits for a decision, and the decision."""

from __future__ import annotations

from typing import Any, Literal

from headrace.calls import (
    Pages,
    Part,
    Steps,
    Way,
    each_of,
    get,
    get_pages,
    listing,
    operation,
    path_of,
    post_once,
)
from headrace.records import Approval, Decision


class Approvals(Part[Way]):
    """`client.approvals`."""

    @listing
    def list(self, *, limit: int | None = None) -> Pages[Approval]:
        """Approvals without a decision, the longest waiting first."""
        return each_of(get_pages(path_of("approvals"), limit=limit), Approval.from_dict)

    @operation
    def get(self, execution_id: str, node_id: str) -> Steps[Approval]:
        """What an approval shows, with the hash a decision about it must carry."""
        return Approval.from_dict((yield from get(path_of("approvals", execution_id, node_id))))

    @operation
    def decide(
        self,
        execution_id: str,
        node_id: str,
        decision: Literal["approve", "deny"],
        *,
        by: str,
        shown: str,
        form: Any = None,
        idempotency_key: str | None = None,
    ) -> Steps[Decision]:
        """Approve or deny what was shown. Raises ApiError 409 with `recorded` after another decision.

        Sends an Idempotency-Key; a caller's own lets the call be repeated.
        """
        body = {"decision": decision, "by": by, "shown": shown, "form": form}
        path = path_of("executions", execution_id, "approvals", node_id)
        return Decision.from_dict((yield from post_once(path, body, idempotency_key)).document)
