"""Builds what a handler sees of its attempt."""

from __future__ import annotations

import time
from collections.abc import Callable

from headrace.registration import HandlerSpec
from orchestrator.definitions.interface import Interface
from orchestrator.definitions.sub_workflows import SUB_WORKFLOW
from orchestrator.documents import exact_json
from orchestrator.operations.children import ChildHandle, Children
from orchestrator.store.replies import Claim
from orchestrator.store.requests import AttemptToken
from workers.cards import HandlerCard
from workers.context import EventSink, HandlerContext, StopSignal, Toolbox
from workers.meters import Meter
from workers.runtime.durable import Durables
from workers.runtime.event_writer import AttemptEvents
from workers.runtime.redaction import Redactors
from workers.runtime.work import Work, outputs_of


class Contexts:
    """Makes the contexts of a worker's attempts; its fields are those of the runner."""

    def __init__(
        self,
        worker_id: str,
        tools: Toolbox,
        redactors: Redactors,
        *,
        children: Children | None,
        durables: Durables | None,
        meter: Callable[[Claim], Meter],
        max_bytes: int,
    ) -> None:
        self._worker_id = worker_id
        self._tools = tools
        self._redactors = redactors
        self._children = children
        self._durables = durables
        self._meter = meter
        self._max_bytes = max_bytes

    def of(
        self,
        work: Work,
        handler: HandlerSpec | HandlerCard,
        sink: EventSink,
        cancelled: StopSignal,
        events: AttemptEvents,
        interface: Interface | None,
    ) -> HandlerContext:
        """Build the context of one attempt."""
        claim = work.claim
        context = HandlerContext(
            execution_id=claim.execution_id,
            node_id=claim.node_id,
            attempt=claim.attempt,
            try_number=claim.tries,
            worker_id=self._worker_id,
            inputs=work.inputs,
            outputs=outputs_of(work),
            resume=work.resume,
            now_ms=work.now_ms,
            has_retry_policy=work.spec["retry"] is not None,
            last_heartbeat=exact_json.loads(claim.beat) if claim.beat else None,
            child=self._child(work),
            sink=sink,
            events=events,
            interface=interface,
            tools=self._tools.of(claim.tenant),
            meter=self._meter(claim),
            cancelled=cancelled,
        )
        if handler.is_durable and self._durables is not None:
            self._make_durable(context, claim, events, self._durables)
        return context

    def _make_durable(
        self, context: HandlerContext, claim: Claim, events: AttemptEvents, durables: Durables
    ) -> None:
        """Give the context a journal and an inbox."""
        token = AttemptToken(claim.execution_id, claim.node_id, claim.attempt, claim.nonce)
        context.own_journal = durables.journal(
            token,
            redactor=self._redactors.of(claim.tenant),
            interface=context.interface,
            flush=events.flush,
        )

        def show_life() -> None:
            context.last_beat_s = time.monotonic()

        context.own_inbox = durables.inbox(token, cancelled=context.cancelled, on_alive=show_life)

    def _child(self, work: Work) -> ChildHandle | None:
        """Build the access to the node's child execution; None for every handler but `sub_workflow`."""
        if self._children is None or work.spec["handler"] != SUB_WORKFLOW:
            return None
        return ChildHandle(
            self._children,
            execution_id=work.claim.execution_id,
            unit=work.claim.node_id,
            attempt=work.claim.attempt,
            is_checked=isinstance(work.spec["config"].get("workflow"), dict),
            max_bytes=self._max_bytes,
        )
