"""The attempts of one worker: started from claims, stopped on request, their ends recorded in batches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

import orjson

from headrace import Completed, Retryable
from headrace.backoff import Backoff
from orchestrator.errors import StoreFull
from orchestrator.store.losses import lose_call
from orchestrator.store.replies import Claim, Delivery, EndReply
from orchestrator.store.requests import AttemptToken, ClaimRequest
from orchestrator.store.script_client import Call, retry_while_unavailable
from orchestrator.store.transitions import Transitions
from workers.hosts.ends import GivenBack
from workers.outcome import from_exception
from workers.runtime.attempt import Attempt
from workers.runtime.event_buffer import EventBuffer
from workers.runtime.event_writer import LineSender
from workers.runtime.heartbeat import Heartbeat, Pulse
from workers.runtime.map_items import Mapped, stage
from workers.runtime.recording import end_call, token_of
from workers.runtime.runner import Runner

log = logging.getLogger("headrace.worker")

#: Ends recorded in one round trip.
BATCH = 64
#: After an end that Redis refused for a reason of which nothing is known; so often it is sent again.
REFUSED = Backoff(first_s=0.2, most_s=5.0)
MOST_REFUSALS = 6
#: How often log lines and streamed text of running handlers are sent.
REPORT_S = 0.05


class Attempts:
    """Bounded by the worker's slots. Everything here runs in the event loop.

    claiming   called at each recording with the handlers of the attempts that end; gives what to claim.
    hand_back  called with tasks that were read in such a call and need another worker.
    fill       reads what claims had no room for.
    on_start   called with an attempt and the name of its handler before it runs.
    on_end     called when an attempt leaves the worker, however it does.
    """

    def __init__(
        self,
        *,
        transitions: Transitions,
        runner: Runner,
        heartbeat: Heartbeat,
        output_max_bytes: int,
        claiming: Callable[[Sequence[str]], ClaimRequest | None],
        hand_back: Callable[[Delivery], Coroutine[Any, Any, None]],
        fill: Callable[[Sequence[Claim]], Coroutine[Any, Any, list[Claim]]],
        on_start: Callable[[AttemptToken, str], object] = lambda token, handler: None,
        on_end: Callable[[AttemptToken], None] = lambda token: None,
    ) -> None:
        self.running: dict[AttemptToken, Attempt] = {}
        self.slot_freed = asyncio.Event()
        self._transitions = transitions
        self._runner = runner
        self._heartbeat = heartbeat
        self._output_max_bytes = output_max_bytes
        self._claiming = claiming
        self._hand_back = hand_back
        self._fill = fill
        self._on_start, self._on_end = on_start, on_end
        self._ended: list[Attempt] = []
        self._has_ended = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()
        self._draining: set[str] = set()

    def start(self, claims: Iterable[Claim]) -> None:
        """Run what was claimed."""
        claims = list(claims)
        unread = [claim for claim in claims if claim.unread]
        reading = asyncio.create_task(self._read(unread)) if unread else None
        for claim in claims:
            token, buffer = token_of(claim), EventBuffer()
            sender = LineSender(self._transitions, token, buffer)
            attempt = Attempt(claim, token, orjson.loads(claim.spec), buffer, sender)
            attempt.reading = reading if claim.unread else None
            self.running[attempt.token] = attempt
            self._on_start(token, attempt.spec["handler"])
            self._heartbeat.hold(attempt.token, Pulse(attempt.buffer, attempt.spec.get("heartbeat_ms")))
            attempt.task = asyncio.create_task(self._run(attempt))

    def stop(self, token: AttemptToken, cause: str) -> None:
        """Stop an attempt whose execution is being cancelled ("cancel"), or that was replaced ("lost")."""
        attempt = self.running.get(token)
        if attempt is None or attempt.stop_cause == cause or attempt.has_ended:
            return
        attempt.stop_cause = cause
        attempt.cancelled.stop(cause)
        log.info("attempt.stopped", extra={"node_id": token.node_id, "cause": cause})
        # A cancel is a request: the handler may still record its result within the grace period. An attempt
        # that has not ended by then is fenced, and the next beat finds it lost.
        if cause == "lost":
            if attempt.task:
                attempt.task.cancel()
                # It fills its slot until it ends: not every handler lets itself be stopped.
                self._runner.leftovers.add_task(attempt.task, attempt.token)
            self._forget(attempt)

    async def wait_for_slot(self, timeout_s: float) -> None:
        """Wait until a slot is freed, or until the time is over."""
        self.slot_freed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.slot_freed.wait()

    @property
    def is_recording(self) -> bool:
        """Whether an attempt has ended and its end is not yet written."""
        return any(attempt.has_ended for attempt in self.running.values())

    async def release_all(self) -> int:
        """Hand back, uncharged, all that still runs; returns how many attempts."""
        left = [each for each in self.running.values() if not each.has_ended]
        calls = self.release_calls(left)
        for attempt in left:
            attempt.stop_cause = "drain"
            attempt.cancelled.stop("drain")
            if attempt.task:
                attempt.task.cancel()
        if calls:
            await self._transitions.call_all(calls)
        return len(left)

    def release_calls(self, attempts: Iterable[Attempt]) -> list[Call[Any]]:
        """Build the calls that hand attempts back, uncharged, or end those that were asked to stop."""
        calls: list[Call[Any]] = []
        for attempt in attempts:
            if attempt.stop_cause == "cancel":
                calls.append(self._transitions.cancel_node(attempt.token))
            elif not attempt.stop_cause:
                calls += [*self._last_beat(attempt), self._transitions.release_node(attempt.token)]
        return calls

    async def record_ends(self) -> None:
        """Record ends as they come, for ever: those that are ready together in one call, and none waits."""
        while True:
            await self._has_ended.wait()
            batch, self._ended = self._ended[:BATCH], self._ended[BATCH:]
            if not self._ended:
                self._has_ended.clear()
            if batch := [attempt for attempt in batch if attempt.token in self.running]:
                await self._record(batch)

    async def send_lines(self) -> None:
        """Send the log lines and streamed text of running handlers, for ever."""
        while True:
            await asyncio.sleep(REPORT_S)
            attempts = self.running.values()
            if writing := [each for each in attempts if each.buffer.has_lines and not each.has_ended]:
                await self._send_lines(writing)

    async def _send_lines(self, writing: list[Attempt]) -> None:
        parts = [attempt.buffer.waiting() for attempt in writing]
        calls = [attempt.sender.call(part) for attempt, part in zip(writing, parts, strict=True)]
        answers = await self._transitions.call_all(calls, are_apart=True)
        # Only now: the end of an attempt sends again whatever may not have arrived.
        for attempt, part, answer in zip(writing, parts, answers, strict=True):
            attempt.sender.take(part, answer)

    async def _read(self, claims: list[Claim]) -> dict[AttemptToken, Claim]:
        """Read what the claims of one reply had no room for, together: they may share it."""
        filled = await retry_while_unavailable(lambda: self._fill(claims))
        return {token_of(claim): claim for claim in filled}

    async def _run(self, attempt: Attempt) -> None:
        try:
            if attempt.reading is not None:
                # Its neighbours wait for the same reading, and may go on when it is stopped.
                attempt.claim = (await asyncio.shield(attempt.reading))[attempt.token]
                attempt.reading = None
            ending = await self._runner.run(
                attempt.claim, attempt.spec, attempt.buffer, attempt.cancelled, attempt.sender
            )
            if isinstance(ending, GivenBack):
                attempt.has_ended = True
                self._spawn(self._give_back(attempt, ending))
                return
            attempt.result = ending
            if isinstance(ending, Mapped):
                attempt.result = await stage(self._transitions, attempt.token, ending)
        except asyncio.CancelledError:
            if attempt.stop_cause in ("lost", "drain"):
                return  # Its node belongs to another attempt by now.
            if not attempt.stop_cause:
                # Nothing stopped it. Left without an end it would run for ever, its lease always renewed.
                fault = Retryable("the handler let a cancellation of its own escape")
                attempt.result = from_exception(fault, attempt=attempt.claim.attempt)
        except BaseException as error:
            # sys.exit() in a handler ends its attempt, not the worker and its neighbours.
            fault = Retryable(f"{type(error).__name__} escaped the handler")
            attempt.result = from_exception(fault, attempt=attempt.claim.attempt)
        self._end(attempt)

    def _end(self, attempt: Attempt) -> None:
        """Have the end of an attempt recorded."""
        attempt.has_ended = True
        self._ended.append(attempt)
        self._has_ended.set()

    async def _give_back(self, attempt: Attempt, given: GivenBack) -> None:
        """Queue the node of an attempt again that did not run to its end, through no fault of its own."""
        log.info("attempt.given_back", extra={"node_id": attempt.token.node_id, "cause": str(given)})
        calls = [*self._last_reports(attempt), self._return_call(attempt, given)]
        try:
            if attempt.token in self.running:
                *_, reply = await self._transitions.call_all(calls, are_apart=True)
                if isinstance(reply, Exception):
                    log.warning("attempt.not_given_back", extra={"error": str(reply)})
        finally:
            # A lease that nobody renews runs out, should it not have been written.
            self._forget(attempt)

    def _return_call(self, attempt: Attempt, given: GivenBack) -> Call[Any]:
        if attempt.stop_cause == "cancel":
            return self._transitions.cancel_node(attempt.token)
        if given.is_lost:
            token, worker = attempt.token, self._runner.worker_id
            return lose_call(
                self._transitions, token.execution_id, token.node_id, token.attempt, what="process",
                reason=str(given), worker=worker, catch=attempt.claim.catch, nonce=token.nonce,
            )  # fmt: skip
        return self._transitions.release_node(attempt.token, cause="host")

    async def _record(self, batch: list[Attempt]) -> None:
        """Record the ends of a batch in one round trip, each after its last lines; the last claims tasks."""
        calls: list[Call[Any]] = []
        places: list[tuple[int, int]] = []
        handlers = [attempt.spec["handler"] for attempt in batch]
        for attempt in batch:
            first = len(calls)
            calls += self._last_reports(attempt)
            places.append((first, len(calls)))
            is_last = attempt is batch[-1]
            calls.append(self._end_call(attempt, self._claiming(handlers) if is_last else None))
        replies = await self._transitions.end_all(calls)
        for attempt, (first, place) in zip(batch, places, strict=True):
            reply = replies[place]
            if isinstance(reply, Exception):
                self._keep_refused(attempt, reply)
                continue
            if reply.word == "unreported":
                attempt.refuse_to_complete(replies[first:place])
                self._end(attempt)
            else:
                self._forget(attempt)
            self._follow_up(attempt, reply)

    def _keep_refused(self, attempt: Attempt, error: Exception) -> None:
        """Keep an attempt whose end was refused, its lease with it, and send the end again after a pause.

        Dropped, the work would be done twice. An end refused for good is a fault of ours: its lease runs out,
        and the node is tried again.
        """
        attempt.refusals += 1
        fields = {"execution_id": attempt.token.execution_id, "node_id": attempt.token.node_id}
        # A store that is full takes the end once some memory is freed, however long that is.
        if attempt.refusals > MOST_REFUSALS and not isinstance(error, StoreFull):
            log.error("attempt.end_dropped", extra={**fields, "error": str(error)})
            self._forget(attempt)
            return
        log.warning("attempt.end_refused", extra={**fields, "error": str(error)})
        self._spawn(self._end_again(attempt))

    async def _end_again(self, attempt: Attempt) -> None:
        await asyncio.sleep(REFUSED.pause_s(attempt.refusals))
        self._end(attempt)

    def _last_reports(self, attempt: Attempt) -> list[Call[Any]]:
        """Build the calls that write the lines left, and the heartbeat details unless the node completes."""
        reports = attempt.line_calls()
        return reports if isinstance(attempt.result, Completed) else [*reports, *self._last_beat(attempt)]

    def _last_beat(self, attempt: Attempt) -> list[Call[Any]]:
        """Build the call that writes the last heartbeat details, for the attempt after this one."""
        if not (beat := attempt.buffer.beat()):
            return []
        lease_ms = self._heartbeat.lease_ms
        return [self._transitions.renew_leases([attempt.token], lease_ms=lease_ms, beats=[beat])]

    def _follow_up(self, attempt: Attempt, ended: EndReply) -> None:
        """Do what the reply to a recorded end asks for, and run the tasks claimed with it."""
        if ended.word == "uncalled":
            # Stopped for a cancel that is over (the execution was retried meanwhile): it must not be lost.
            self._spawn(self._release(attempt.token))
        # While turns are saved every end says so, and one drain is enough for all of them.
        if ended.more and attempt.claim.execution_id not in self._draining:
            self._draining.add(attempt.claim.execution_id)
            self._spawn(self._drain(attempt.claim.execution_id))
        for task in ended.unoffered:
            self._spawn(self._hand_back(task))
        self.start(ended.claims)

    def _end_call(self, attempt: Attempt, claiming: ClaimRequest | None) -> Call[EndReply]:
        if attempt.result is None:
            return self._transitions.cancel_node(attempt.token, claiming)
        return end_call(
            self._transitions,
            attempt.claim,
            attempt.spec,
            attempt.result,
            output_max_bytes=self._output_max_bytes,
            reported=attempt.buffer.last_event,
            claiming=claiming,
        )

    def _forget(self, attempt: Attempt) -> None:
        self.running.pop(attempt.token, None)
        self._heartbeat.drop(attempt.token)
        self._on_end(attempt.token)
        self.slot_freed.set()

    async def _drain(self, execution_id: str) -> None:
        try:
            await self._transitions.drain_worklist(execution_id)
        finally:
            self._draining.discard(execution_id)

    async def _release(self, token: AttemptToken) -> None:
        await self._transitions.release_node(token)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
