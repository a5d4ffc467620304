"""The attempts one worker runs: started from claims, stopped when told, their ends recorded together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from orchestrator.store.replies import Claim, Delivery, EndReply
from orchestrator.store.requests import AttemptToken, ClaimRequest
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from workers.outcome import Completed, Retryable, from_exception
from workers.runtime.event_buffer import Reporter
from workers.runtime.heartbeat import Heartbeat, Pulse
from workers.runtime.recording import ending, holding_of
from workers.runtime.runner import Result, Runner

log = logging.getLogger("headrace.worker")

#: Ends recorded in one round trip.
TOGETHER = 64
#: How often what handlers wrote and streamed is sent.
REPORT_S = 0.05


@dataclass(slots=True, eq=False)
class Attempt:
    """A claim this worker runs. `stop` says why it was told to stop: cancel, lost, drain, or nothing."""

    claim: Claim
    token: AttemptToken
    spec: dict[str, Any]
    reporter: Reporter = field(default_factory=Reporter)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    stop: str = ""
    #: Set when the runner has come to an end; None then means that the handler was stopped.
    result: Result | None = None
    has_ended: bool = False


class Attempts:
    """Bounded by the worker's slots. Everything here runs in the event loop.

    take       asked at each recording for what to claim in the same call; gets the number of slots it frees.
    hand_back  told of tasks that were read on the way and need another worker.
    """

    def __init__(
        self,
        *,
        transitions: Transitions,
        runner: Runner,
        heartbeat: Heartbeat,
        output_max_bytes: int,
        claiming: Callable[[int], ClaimRequest | None],
        hand_back: Callable[[Delivery], Coroutine[Any, Any, None]],
    ) -> None:
        self.running: dict[AttemptToken, Attempt] = {}
        self.slot_freed = asyncio.Event()
        self._transitions = transitions
        self._runner = runner
        self._heartbeat = heartbeat
        self._output_max_bytes = output_max_bytes
        self._take = claiming
        self._hand_back = hand_back
        self._ended: list[Attempt] = []
        self._has_ended = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()

    def start(self, claims: Iterable[Claim]) -> None:
        """Run what was claimed."""
        for claim in claims:
            attempt = Attempt(claim, holding_of(claim), orjson.loads(claim.spec))
            self.running[attempt.token] = attempt
            self._heartbeat.hold(attempt.token, Pulse(attempt.reporter, attempt.spec.get("heartbeat_ms")))
            attempt.task = asyncio.create_task(self._run(attempt))

    def told(self, token: AttemptToken, word: str) -> None:
        """Stop an attempt that is no longer wanted (cancel) or no longer ours (lost)."""
        attempt = self.running.get(token)
        if attempt is None or attempt.stop == word or attempt.has_ended:
            return
        attempt.stop = word
        attempt.cancelled.set()
        log.info("attempt.stopped", extra={"node_id": token.node_id, "cause": word})
        # A cancel only tells: the handler may still record its result within the grace. What does not end by
        # then is fenced, which is the next word that comes.
        if word == "lost":
            if attempt.task:
                attempt.task.cancel()
            self._forget(attempt)

    async def wait_for_slot(self, timeout_s: float) -> None:
        """Wait until an attempt has left, or for so long."""
        self.slot_freed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.slot_freed.wait()

    @property
    def is_recording(self) -> bool:
        """Whether an attempt has ended and its end is not yet written."""
        return any(attempt.has_ended for attempt in self.running.values())

    async def release_all(self) -> int:
        """Hand back, uncharged, whatever still runs; returns how many attempts."""
        left = [attempt for attempt in self.running.values() if not attempt.stop and not attempt.has_ended]
        for attempt in left:
            attempt.stop = "drain"
            attempt.cancelled.set()
            if attempt.task:
                attempt.task.cancel()
        if left:
            calls: list[Call[Any]] = []
            for attempt in left:
                calls += [*self._last_beat(attempt), self._transitions.release_node(attempt.token)]
            await self._transitions.call_all(calls)
        return len(left)

    async def record_ends(self) -> None:
        """Record ends as they come, for ever: what is ready together travels together, and none waits."""
        while True:
            await self._has_ended.wait()
            batch, self._ended = self._ended[:TOGETHER], self._ended[TOGETHER:]
            if not self._ended:
                self._has_ended.clear()
            if batch := [attempt for attempt in batch if attempt.token in self.running]:
                await self._record(batch)

    async def send_lines(self) -> None:
        """Send what running handlers wrote, for ever."""
        while True:
            await asyncio.sleep(REPORT_S)
            writing = [
                attempt
                for attempt in self.running.values()
                if attempt.reporter.has_lines and not attempt.has_ended
            ]
            if writing:
                parts = [attempt.reporter.waiting() for attempt in writing]
                calls = [
                    self._transitions.report_events(attempt.token, part)
                    for attempt, part in zip(writing, parts, strict=True)
                ]
                await self._transitions.call_all(calls, are_apart=True)
                # Only now: the end of an attempt sends again whatever may not have arrived.
                for attempt, part in zip(writing, parts, strict=True):
                    attempt.reporter.confirm(part[-1][0])

    async def _run(self, attempt: Attempt) -> None:
        try:
            attempt.result = await self._runner.run(
                attempt.claim, attempt.spec, attempt.reporter, attempt.cancelled
            )
        except asyncio.CancelledError:
            if attempt.stop in ("lost", "drain"):
                return  # Somebody else's attempt by now.
            if not attempt.stop:
                # Nobody stopped it. Left without an end it would run for ever, its lease always renewed.
                fault = Retryable("the handler let a cancellation of its own escape")
                attempt.result = from_exception(fault, attempt=attempt.claim.attempt)
        except BaseException as error:
            # sys.exit() in a handler ends its attempt, not the worker and its neighbours.
            fault = Retryable(f"{type(error).__name__} escaped the handler")
            attempt.result = from_exception(fault, attempt=attempt.claim.attempt)
        attempt.has_ended = True
        self._ended.append(attempt)
        self._has_ended.set()

    async def _record(self, batch: list[Attempt]) -> None:
        calls: list[Call[Any]] = []
        ends: list[int] = []
        for attempt in batch:
            calls += [
                self._transitions.report_events(attempt.token, part) for part in attempt.reporter.rest()
            ]
            if not isinstance(attempt.result, Completed):
                calls += self._last_beat(attempt)
            ends.append(len(calls))
            is_last = attempt is batch[-1]
            calls.append(self._ending(attempt, self._take(len(batch)) if is_last else None))
        replies = await self._transitions.call_all(calls, are_apart=True)
        for attempt in batch:
            self._forget(attempt)
        for attempt, position in zip(batch, ends, strict=True):
            # An end that cannot be recorded is a fault of ours: its lease runs out, the node is tried anew.
            if not isinstance(replies[position], Exception):
                self._follow(attempt, replies[position])

    def _last_beat(self, attempt: Attempt) -> list[Call[Any]]:
        """Give the call that writes what the handler said last, for the attempt after this one."""
        if not (beat := attempt.reporter.beat()):
            return []
        lease_ms = self._heartbeat.lease_ms
        return [self._transitions.renew_leases([attempt.token], lease_ms=lease_ms, beats=[beat])]

    def _follow(self, attempt: Attempt, ended: EndReply) -> None:
        if ended.word == "uncalled":
            # Stopped for a cancel that is not there (the execution was retried meanwhile): it must not be
            # lost.
            self._spawn(self._release(attempt.token))
        if ended.more:
            self._spawn(self._transitions.drain_worklist(attempt.claim.execution_id))
        for task in ended.unoffered:
            self._spawn(self._hand_back(task))
        self.start(ended.claims)

    def _ending(self, attempt: Attempt, claiming: ClaimRequest | None) -> Call[EndReply]:
        if attempt.result is None:
            return self._transitions.cancel_node(attempt.token, claiming)
        return ending(
            self._transitions,
            attempt.claim,
            attempt.spec,
            attempt.result,
            output_max_bytes=self._output_max_bytes,
            claiming=claiming,
        )

    def _forget(self, attempt: Attempt) -> None:
        self.running.pop(attempt.token, None)
        self._heartbeat.drop(attempt.token)
        self.slot_freed.set()

    async def _release(self, token: AttemptToken) -> None:
        await self._transitions.release_node(token)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
