"""One attempt as a pipeline: find → read → when → resolve → perform → normalise → redact."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from headrace import Completed, Parked, Retryable, Terminal, Waiting
from headrace.outcome import check_output_size, park_of_no_durable, typed_events
from headrace.plain_json import plain
from headrace.registration import HandlerSpec
from orchestrator.definitions.branches import CONDITION
from orchestrator.definitions.interface import Interface
from orchestrator.documents import exact_json
from orchestrator.errors import ErrorType
from orchestrator.operations.children import Children
from orchestrator.store.interfaces import Interfaces
from orchestrator.store.items import Items
from orchestrator.store.replies import Claim
from orchestrator.store.script_client import retry_while_unavailable
from orchestrator.templates.resolver import NodeResult, Scope
from orchestrator.units import index_of
from workers.cards import HandlerCard
from workers.context import EventSink, HandlerContext, StopSignal, Toolbox
from workers.hosts.ends import GivenBack
from workers.hosts.places import PLACE_S
from workers.hosts.pool import HandlerHosts
from workers.meters import Meter, NullMeter
from workers.outcome import Failed, Outcome, Raw, to_outcome
from workers.registry import find_handler
from workers.runtime.contexts import Contexts
from workers.runtime.durable import Durables
from workers.runtime.evaluation import Evaluation
from workers.runtime.event_writer import NO_SENDER, AttemptEvents, Sender
from workers.runtime.leftovers import Leftovers
from workers.runtime.map_items import OWN, Mapped, gather
from workers.runtime.redaction import RedactingSink, Redactors
from workers.runtime.timeouts import LimitPassed, TimeLimits
from workers.runtime.tracebacks import failure_of, log_failure
from workers.runtime.work import (
    ConditionFalse,
    Work,
    config_of,
    item_names,
    items_of,
    refuse_secrets,
)

#: What is recorded of an attempt.
Result = Outcome | ConditionFalse | Mapped
#: What a run comes to: a result, or none, through no fault of the attempt; then its node is queued again.
Ending = Result | GivenBack

#: JSON of an output from which on a thread looks for secrets in it.
LARGE_BYTES = 64 * 1024


class Runner:
    """Runs attempts; all attempts of a worker share one.

    items      reads the outputs of a map's items; None where no node is mapped.
    children   starts and reads child executions; None where no node has one.
    durables   makes journals and inboxes; None where no handler is durable.
    interfaces  reads what definitions declare of their events; None: nothing is checked by it.
    max_bytes  of a node's output, and of all items of a map together.
    find       the handler of a name, which is async: it runs in the event loop.
    hosts      runs the handlers of the installation; None where there are none.
    clock      Unix milliseconds, as templates and handlers see them.
    meter      the budget meter of an attempt.
    """

    def __init__(
        self,
        *,
        worker_id: str,
        tools: Toolbox,
        items: Items | None = None,
        children: Children | None = None,
        durables: Durables | None = None,
        interfaces: Interfaces | None = None,
        max_bytes: int = 1024 * 1024,
        find: Callable[[str], HandlerSpec | None] = find_handler,
        hosts: HandlerHosts | None = None,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        meter: Callable[[Claim], Meter] = lambda claim: NullMeter(),
    ) -> None:
        self.items = items
        self.interfaces = interfaces
        self.max_bytes = max_bytes
        self.hosts = hosts
        self._find = find
        self._clock = clock
        self.worker_id = worker_id
        self.tools = tools
        self.redactors = Redactors(tools.secrets_of_all())
        #: What outlives its attempt; each of them fills a slot until it ends.
        self.leftovers = Leftovers()
        self._evaluation = Evaluation()
        self._contexts = Contexts(
            worker_id, tools, self.redactors, children=children, durables=durables, meter=meter,
            max_bytes=max_bytes,
        )  # fmt: skip

    async def run(
        self,
        claim: Claim,
        spec: Mapping[str, Any],
        sink: EventSink,
        cancelled: StopSignal,
        sender: Sender = NO_SENDER,
    ) -> Ending:
        """Run one attempt to its end. Raises only CancelledError, when the attempt is stopped; every
        other failure is an outcome.

        sender  sends what the sink has collected: a handler waits until its typed events are written.
        No known secret of any tenant is in the outcome, nor in what the sink gets, and what is too long in it
        is cut.
        """
        redactor = self.redactors.of(claim.tenant)
        if redactor:
            sink = redacting = RedactingSink(sink, redactor)
            result = await self._attempt(claim, spec, redacting, cancelled, sender)
            if isinstance(result, Completed | Waiting):
                # Only a stream that is kept has an end; of one that is taken back, less is known by showing
                # less.
                redacting.end()
        else:
            result = await self._attempt(claim, spec, sink, cancelled, sender)
        if isinstance(result, ConditionFalse | Mapped | GivenBack):
            return result  # What a map is made from may hold no secret: that is refused at submission.
        if redactor and isinstance(result, Completed | Waiting) and _is_large(result.output):
            result = await asyncio.to_thread(redactor.outcome, result)
        else:
            result = redactor.outcome(result)
        if isinstance(result, Failed):
            log_failure(claim, spec, result.error)
        return result

    async def _attempt(
        self,
        claim: Claim,
        spec: Mapping[str, Any],
        sink: EventSink,
        cancelled: StopSignal,
        sender: Sender,
    ) -> Ending:
        events = AttemptEvents(sink, sender)
        try:
            handler = self._handler(spec["handler"])
            if isinstance(handler, HandlerCard) and b"secrets" in claim.spec:
                refuse_secrets(spec["config"], handler.secrets)
            work = self._read(claim, spec)
            scope = self._scope(work)
            if work.is_map:
                return await self._map(work, scope)
            config: Mapping[str, Any] | None = spec["config"]
            if scope is not None:
                config = await self._evaluation.run(partial(config_of, work, scope))
            if config is None:
                return ConditionFalse()
            interface = await self._interface(claim, spec) if "interface" in spec else None
            context = self._contexts.of(work, handler, sink, cancelled, events, interface)
            value = await self._perform(handler, config, context, events, TimeLimits.from_spec(spec))
            return _allowed(to_outcome(value), handler)
        except asyncio.CancelledError:
            raise
        except GivenBack as error:
            return error
        except BaseException as error:
            # sys.exit() in a handler ends its attempt, not the worker and its neighbours.
            return failure_of(error, claim, worker_id=self.worker_id)
        finally:
            events.close()

    def _handler(self, name: str) -> HandlerSpec | HandlerCard:
        """Find the handler: a function of this process, or a card of one that a host runs.

        Raises Terminal (`HandlerNotFound`) where this worker has none of the name.
        """
        handler = OWN.get(name) or self._find(name)
        if handler is not None:
            return handler
        if self.hosts is not None and (card := self.hosts.cards.get(name)) is not None:
            return card
        raise Terminal(f"no handler '{name}' here", type=ErrorType.HANDLER_NOT_FOUND)

    def _read(self, claim: Claim, spec: Mapping[str, Any]) -> Work:
        """Decode the claim."""
        return Work(
            claim=claim,
            spec=spec,
            inputs=exact_json.loads(claim.inputs) if claim.inputs else {},
            index=index_of(claim.node_id) if "map" in spec else None,
            resume=exact_json.loads(claim.resume) if claim.resume else None,
            now_ms=self._clock(),
        )

    def _scope(self, work: Work) -> Scope | None:
        """Build what templates and expressions may refer to; None where the node has none of them."""
        claim, spec = work.claim, work.spec
        if work.is_map:
            needs_scope = not claim.resume
        else:
            needs_scope = spec["templated"] or spec["when"] is not None or spec["handler"] == CONDITION
        if not needs_scope:
            return None
        return Scope(
            nodes={
                node_id: NodeResult(status=status, output=exact_json.loads(output) if output else None)
                for node_id, status, output in claim.references
            },
            inputs=dict(work.inputs),
            trigger=exact_json.loads(claim.trigger) if claim.trigger else None,
            execution_id=claim.execution_id,
            now_ms=work.now_ms,
            secrets=self.tools.of(claim.tenant).secrets,
            local=item_names(work),
        )

    async def _map(self, work: Work, scope: Scope | None) -> Result:
        """Run a mapped node itself: list its items, or, once they have ended, gather their outputs."""
        if scope is not None:
            return await self._evaluation.run(partial(items_of, work, scope, self.max_bytes))
        if "again" in work.resume:
            return Mapped(None)
        assert self.items is not None
        return await gather(self.items, work.claim, work.spec, work.resume, max_bytes=self.max_bytes)

    async def _interface(self, claim: Claim, spec: Mapping[str, Any]) -> Interface | None:
        """Give what the definition declares of its events. Raises Retryable where that is lost just now."""
        if self.interfaces is None:
            return None
        if kept := self.interfaces.kept(spec["interface"]):
            return kept
        where = (claim.execution_id, claim.tenant, spec["interface"])
        found = await retry_while_unavailable(partial(self.interfaces.read, *where))
        if found is None:
            # The sweep makes it of the definition again.
            raise Retryable("what the definition declares of its events cannot be read just now")
        return found

    async def _perform(
        self,
        handler: HandlerSpec | HandlerCard,
        config: Mapping[str, Any],
        context: HandlerContext,
        events: AttemptEvents,
        limits: TimeLimits,
    ) -> Any:
        """Await the handler within its time limits. Raises LimitPassed, and what the handler raises."""
        try:
            if isinstance(handler, HandlerSpec):
                return await limits.hold(self._settled(handler(config, context), context, events), context)
            assert self.hosts is not None
            # The wait for a host is no part of the attempt's time.
            patience_s = None if limits.attempt_ms is None else PLACE_S
            async with self.hosts.places.entered(handler.name, context, patience_s) as run:
                return await limits.hold(self._settled(run(config), context, events), context)
        except LimitPassed:
            # What the handler has left behind may look at `cancelled`.
            context.cancelled.stop("time_limit")
            raise

    async def _settled(self, work: Awaitable[Any], context: HandlerContext, events: AttemptEvents) -> Any:
        """Await a handler, and wait until every event that it has emitted is written, or is with its end."""
        value = await work
        if isinstance(value, Completed) and value.events:
            if isinstance(value.output, Raw):
                # Events of an end that will be refused are of no end.
                check_output_size(len(value.output.text), self.max_bytes)
            context.emit_all(typed_events(value))
        if events.has_any:
            await (events.finish() if _ends_otherwise(value) else events.settle())
        return value


def _ends_otherwise(value: Any) -> bool:
    """Whether what a handler returned does not complete its attempt."""
    return isinstance(value, Outcome) and not isinstance(value, Completed)


def _allowed(outcome: Outcome, handler: HandlerSpec | HandlerCard) -> Outcome:
    """Give the outcome. Raises Terminal for a park of a handler that is not durable."""
    if isinstance(outcome, Parked) and not handler.is_durable:
        raise park_of_no_durable(handler.name)
    return outcome


def _is_large(output: Any) -> bool:
    """Whether looking through an output would hold up the event loop."""
    if isinstance(output, Raw):
        return len(output.text) > LARGE_BYTES
    try:
        return len(exact_json.dumps(output, default=plain)) > LARGE_BYTES
    except (TypeError, ValueError, RecursionError):
        return False  # It is refused when it is written.
