"""One attempt as a pipeline: spec, references, `when`, handler, outcome."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import orjson

from orchestrator.definitions.sub_workflows import SUB_WORKFLOW
from orchestrator.errors import ErrorType, NodeError
from orchestrator.operations.children import ChildHandle, Children
from orchestrator.states import Reason
from orchestrator.store.items import Items
from orchestrator.store.replies import Claim
from orchestrator.templates.resolver import NodeResult, Scope, evaluate, resolve
from orchestrator.units import index_of
from workers.context import EventSink, HandlerContext, Meter, NullMeter, Toolbox
from workers.outcome import Completed, Failed, Outcome, Skipped, Waiting, from_exception, to_outcome
from workers.registry import HandlerSpec, find_handler
from workers.runtime.map_items import OWN, Mapped, gather, list_items
from workers.runtime.redaction import RedactingSink, Redactor
from workers.runtime.timeouts import LimitPassed, TimeLimits


@dataclass(frozen=True, slots=True)
class ConditionFalse:
    """The node's `when` was false: it is skipped without a handler call."""

    reason: Reason = Reason.CONDITION_FALSE


Result = Outcome | ConditionFalse | Mapped


class Runner:
    """Runs attempts; shared by all of a worker's.

    threads  where sync handlers run.
    items    reads what the items of a mapped node came to; for runners that meet none it may be None.
    children  starts and reads child executions; for runners that meet none it may be None.
    max_bytes  of a node's output, and of all items of a map together.
    find     gives a handler by its name.
    clock    Unix milliseconds, as templates and handlers see them.
    meter    gives what an attempt pays for its calls with.
    """

    def __init__(
        self,
        *,
        worker_id: str,
        tools: Toolbox,
        threads: Executor,
        items: Items | None = None,
        children: Children | None = None,
        max_bytes: int = 1024 * 1024,
        find: Callable[[str], HandlerSpec | None] = find_handler,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        meter: Callable[[Claim], Meter] = lambda claim: NullMeter(),
    ) -> None:
        self.items = items
        self.children = children
        self.max_bytes = max_bytes
        self._find = find
        self._clock = clock
        self._meter = meter
        self.worker_id = worker_id
        self.tools = tools
        self.threads = threads
        self._redactor = Redactor(tools.secrets.values())
        #: Threads of sync handlers that nobody waits for any more.
        self.abandoned = 0

    async def run(
        self, claim: Claim, spec: Mapping[str, Any], sink: EventSink, cancelled: asyncio.Event
    ) -> Result:
        """Run one attempt to its outcome. Raises only CancelledError; every other failure is an outcome.

        What is known to be secret is in no outcome and in nothing the sink gets.
        """
        if not self._redactor:
            return await self._run(claim, spec, sink, cancelled)
        redacting = RedactingSink(sink, self._redactor)
        result = await self._run(claim, spec, redacting, cancelled)
        if isinstance(result, Completed | Waiting):
            # Only a stream that is kept has an end; of one that is taken back, less is known by showing less.
            redacting.end()
        # What a map is made from may hold no secret: that is refused at submission.
        return result if isinstance(result, ConditionFalse | Mapped) else self._redactor.outcome(result)

    async def _run(
        self, claim: Claim, spec: Mapping[str, Any], sink: EventSink, cancelled: asyncio.Event
    ) -> Result:
        handler = OWN.get(spec["handler"]) or self._find(spec["handler"])
        if handler is None:
            return self._failed(claim, ErrorType.HANDLER_NOT_FOUND, f"no handler '{spec['handler']}' here")
        try:
            config = spec["config"]
            now_ms = self._clock()
            inputs = orjson.loads(claim.inputs) if claim.inputs else {}
            index = index_of(claim.node_id) if "map" in spec else None
            if "map" in spec and index is None:
                return await self._map(claim, spec, inputs)
            if spec["templated"] or spec["when"] is not None or spec["handler"] == "condition":
                scope = _scope(claim, inputs, self.tools.secrets, now_ms, _own_names(claim, spec, index))
                # Evaluated once: a node that runs again with what it waited for was wanted.
                is_new = index is None and not claim.resume
                if (
                    spec["when"] is not None
                    and is_new
                    and not evaluate(spec["when"], scope, node_id=claim.node_id, path="when")
                ):
                    return ConditionFalse()
                config = _resolved(spec, scope, claim.node_id)
            context = HandlerContext(
                execution_id=claim.execution_id,
                node_id=claim.node_id,
                attempt=claim.attempt,
                try_number=claim.tries,
                worker_id=self.worker_id,
                inputs=inputs,
                resume=orjson.loads(claim.resume) if claim.resume else None,
                now_ms=now_ms,
                has_retry_policy=spec["retry"] is not None,
                last_heartbeat=orjson.loads(claim.beat) if claim.beat else None,
                child=self._child(claim, spec),
                sink=sink,
                tools=self.tools,
                meter=self._meter(claim),
                cancelled=cancelled,
            )
            return await self._within(TimeLimits.from_spec(spec), handler, config, context)
        except Exception as error:
            return from_exception(error, attempt=claim.attempt, worker=self.worker_id)

    def _child(self, claim: Claim, spec: Mapping[str, Any]) -> ChildHandle | None:
        if self.children is None or spec["handler"] != SUB_WORKFLOW:
            return None
        return ChildHandle(
            self.children,
            execution_id=claim.execution_id,
            unit=claim.node_id,
            attempt=claim.attempt,
            is_checked=isinstance(spec["config"].get("workflow"), dict),
            max_bytes=self.max_bytes,
        )

    async def _map(self, claim: Claim, spec: Mapping[str, Any], inputs: Mapping[str, Any]) -> Result:
        """Run the claim of a mapped node itself: before its items, or after them."""
        if claim.resume:
            ended = orjson.loads(claim.resume)
            if "again" in ended:
                return Mapped(None)
            assert self.items is not None
            return await gather(self.items, claim, ended, max_bytes=self.max_bytes)
        scope = _scope(claim, inputs, self.tools.secrets, self._clock(), {})
        if spec["when"] is not None and not evaluate(spec["when"], scope, node_id=claim.node_id, path="when"):
            return ConditionFalse()
        return list_items(spec, scope, node_id=claim.node_id, max_bytes=self.max_bytes)

    async def _within(
        self, limits: TimeLimits, handler: HandlerSpec, config: Mapping[str, Any], context: HandlerContext
    ) -> Result:
        """Run a handler under its time limits."""
        try:
            return to_outcome(await limits.hold(self._call(handler, config, context), context))
        except LimitPassed as passed:
            # A sync handler cannot be stopped from outside; it is told, and its result is nobody's any more.
            context.cancelled.set()
            failure = NodeError(
                passed.error_type,
                str(passed),
                retryable=True,
                details=passed.details,
                attempt=context.attempt,
                worker=self.worker_id,
            )
            return Failed(failure)

    async def _call(self, handler: HandlerSpec, config: Mapping[str, Any], context: HandlerContext) -> Any:
        if handler.is_async:
            return await handler(config, context)
        thread = self.threads.submit(handler, config, context)
        try:
            return await asyncio.wrap_future(thread)
        except BaseException:
            if not thread.done():
                self._abandon(thread)
            raise

    def _abandon(self, thread: Future[Any]) -> None:
        """Count a thread that goes on without its attempt: it fills a slot until it ends."""
        loop = asyncio.get_running_loop()
        self.abandoned += 1

        def ended(_: Future[Any]) -> None:
            with contextlib.suppress(RuntimeError):  # The loop is closed when the worker has gone.
                loop.call_soon_threadsafe(self._thread_ended)

        thread.add_done_callback(ended)

    def _thread_ended(self) -> None:
        self.abandoned -= 1

    def _failed(self, claim: Claim, error_type: str, message: str) -> Failed:
        return Failed(NodeError(error_type, message, False, attempt=claim.attempt, worker=self.worker_id))


def _own_names(claim: Claim, spec: Mapping[str, Any], index: int | None) -> Mapping[str, Any]:
    if index is None:
        return {}
    return {spec["map"]["item_name"]: orjson.loads(claim.value), "index": index}


def _scope(
    claim: Claim, inputs: Mapping[str, Any], secrets: Mapping[str, str], now_ms: int, local: Mapping[str, Any]
) -> Scope:
    nodes = {
        node_id: NodeResult(status=status, output=orjson.loads(output) if output else None)
        for node_id, status, output in claim.references
    }
    return Scope(
        nodes=nodes,
        inputs=dict(inputs),
        trigger={},
        execution_id=claim.execution_id,
        now_ms=now_ms,
        secrets=secrets,
        local=local,
    )


def _resolved(spec: Mapping[str, Any], scope: Scope, node_id: str) -> dict[str, Any]:
    """Resolve every template in a config. A condition's expression is evaluated rather than rendered."""
    config: dict[str, Any] = dict(spec["config"])
    is_condition = spec["handler"] == "condition" and isinstance(config.get("expression"), str)
    # The templates in the definition of a child are the child's own.
    is_nested = spec["handler"] == SUB_WORKFLOW and isinstance(config.get("workflow"), dict)
    apart = ("expression",) if is_condition else ("workflow",) if is_nested else ()
    resolved: dict[str, Any] = resolve(config, scope, node_id=node_id, skip=apart)
    if is_condition:
        expression = evaluate(config["expression"], scope, node_id=node_id, path="config.expression")
        resolved["expression"] = expression
    return resolved


__all__ = ["Completed", "ConditionFalse", "Failed", "Result", "Runner", "Skipped"]
