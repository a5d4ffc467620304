"""Nodes of an execution: read one, and override what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.api.outputs import fill_in
from headrace.calls import (
    Document,
    Pages,
    Part,
    Steps,
    Way,
    each_of,
    get,
    get_items,
    get_pages,
    get_value,
    given,
    listing,
    operation,
    path_of,
    post_once,
)
from headrace.values import Acted, Attempt, Explanation, Item, Node


class Nodes(Part[Way]):
    """`client.nodes`. A node id names a node, or an item of a mapped one: `ask[3]`.

    by       who decides; kept in the history, as `reason` is.
    attempt  act only while the node is at this attempt.
    Each override sends an Idempotency-Key; a caller's own lets the call be repeated.
    """

    @operation
    def get(self, execution_id: str, node_id: str) -> Steps[Node]:
        """One node and its output, whole."""
        document = yield from get(_path(execution_id, node_id))
        yield from fill_in(document, _path(execution_id, node_id, "output"))
        return Node.from_dict(document)

    @operation
    def output(self, execution_id: str, node_id: str) -> Steps[Any]:
        """The output of a node or an item, whole. Raises NotFound where there is none."""
        return (yield from get_value(_path(execution_id, node_id, "output")))

    @listing
    def items(
        self, execution_id: str, node_id: str, *, limit: int | None = None, status: str | None = None
    ) -> Pages[Item]:
        """The items of a mapped node, in order, their outputs whole; only those with a status, if given."""
        path = _path(execution_id, node_id, "items")

        def whole(document: Document) -> Steps[Item]:
            unit = f"{node_id}[{document.get('index')}]"
            yield from fill_in(document, _path(execution_id, unit, "output"))
            return Item.from_dict(document)

        return each_of(get_pages(path, given(status=status), limit=limit), whole)

    @operation
    def explain(self, execution_id: str, node_id: str) -> Steps[Explanation]:
        """What a node or an item waits for, or why it ended as it did."""
        return Explanation.from_dict((yield from get(_path(execution_id, node_id, "explain"))))

    @operation
    def attempts(self, execution_id: str, node_id: str) -> Steps[tuple[Attempt, ...]]:
        """The attempts of a node or an item, oldest first, each with its last log lines."""
        return Attempt.all_of((yield from get_items(_path(execution_id, node_id, "attempts"))))

    @operation
    def complete(
        self,
        execution_id: str,
        node_id: str,
        *,
        by: str,
        output: Any = None,
        reason: str | None = None,
        attempt: int | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Acted]:
        """Complete a node with an output; a running attempt is fenced."""
        body = given(by=by, reason=reason, attempt=attempt, output=output)
        path = _path(execution_id, node_id, "complete")
        return (yield from _override(path, body, idempotency_key))

    @operation
    def fail(
        self,
        execution_id: str,
        node_id: str,
        *,
        by: str,
        error: Mapping[str, str] | None = None,
        reason: str | None = None,
        attempt: int | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Acted]:
        """Fail a node without another try. error: {type, message}, both optional."""
        body = given(by=by, reason=reason, attempt=attempt, error=error)
        path = _path(execution_id, node_id, "fail")
        return (yield from _override(path, body, idempotency_key))

    @operation
    def skip(
        self,
        execution_id: str,
        node_id: str,
        *,
        by: str,
        reason: str | None = None,
        attempt: int | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Acted]:
        """Skip a node; the trigger rules of its successors decide about them."""
        body = given(by=by, reason=reason, attempt=attempt)
        path = _path(execution_id, node_id, "skip")
        return (yield from _override(path, body, idempotency_key))

    @operation
    def retry(
        self,
        execution_id: str,
        node_id: str,
        *,
        by: str,
        reason: str | None = None,
        attempt: int | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[Acted]:
        """End a node's wait for its next try, a delay, a worker or an operator now."""
        body = given(by=by, reason=reason, attempt=attempt)
        path = _path(execution_id, node_id, "retry")
        return (yield from _override(path, body, idempotency_key))


def _override(path: str, body: Document, key: str | None) -> Steps[Acted]:
    return Acted.from_dict((yield from post_once(path, body, key)).document)


def _path(execution_id: str, node_id: str, *more: str) -> str:
    return path_of("executions", execution_id, "nodes", node_id, *more)
