"""Renews a worker's leases from a thread of its own: a busy event loop must not look like a dead worker."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from orchestrator.store.requests import AttemptToken
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from workers.runtime.event_buffer import EventBuffer

log = logging.getLogger("headrace.heartbeat")

#: However long a lease is, a worker announces itself this often: one silent for longer counts as gone.
MOST_SILENT_S = 5.0
#: An event loop that has not turned for this many leases counts as dead; its leases are left to expire.
STUCK_LEASES = 4


@dataclass(frozen=True, slots=True)
class Pulse:
    """The signs of life of one handler.

    silence_ms  its heartbeat_timeout; None if it has none.
    """

    buffer: EventBuffer
    silence_ms: int | None = None

    def has_stopped(self, slack_ms: int) -> bool:
        """Whether it has been silent for so long that its time limit must have been missed."""
        if self.silence_ms is None:
            return False
        return time.monotonic() - self.buffer.last_beat_s > (self.silence_ms + slack_ms) / 1000


class Heartbeat(threading.Thread):
    """Renews every lease in one call each third of a lease, and reports which attempts must stop.

    on_stop       called in the event loop with (token, "cancel" or "lost").
    announce      gives the call that writes the worker's own record, made with each beat.
    on_announced  called in this thread with its reply.
    """

    def __init__(
        self,
        redis: Redis,
        transitions: Transitions,
        *,
        worker_id: str,
        lease_ms: int,
        on_stop: Callable[[AttemptToken, str], None],
        announce: Callable[[], Call[list[int]]],
        on_announced: Callable[[list[int]], None],
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._redis = redis
        self._transitions = transitions
        self._worker_id = worker_id
        self._lease_ms = lease_ms
        self._on_stop = on_stop
        self._announce = announce
        self._on_announced = on_announced
        self._loop = asyncio.get_running_loop()
        self._held: dict[AttemptToken, Pulse] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.loop_turned_s = time.monotonic()

    @property
    def lease_ms(self) -> int:
        return self._lease_ms

    def hold(self, token: AttemptToken, pulse: Pulse) -> None:
        with self._lock:
            self._held[token] = pulse

    def drop(self, token: AttemptToken) -> None:
        with self._lock:
            self._held.pop(token, None)

    async def keep_turning(self) -> None:
        """Record, from the event loop, that it turns; for ever."""
        while True:
            self.loop_turned_s = time.monotonic()
            await asyncio.sleep(min(0.5, self._lease_ms / 6000))

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        most_s = min(self._lease_ms / 3000, MOST_SILENT_S)
        # Workers that start together soon know of each other.
        period_s = pause_s = most_s / 16
        while not self._stopped.wait(pause_s):
            try:
                # Once Redis is back, little may be left of a lease: a failed beat is soon repeated.
                pause_s = period_s / 5
                self.beat()
                pause_s = period_s = min(2 * period_s, most_s)
            except Exception as error:
                # Whatever it was: a heartbeat that ends takes all running attempts with it.
                log.warning("heartbeat.unanswered", extra={"worker_id": self._worker_id, "error": str(error)})
        self._redis.close()

    def beat(self) -> None:
        """Renew all leases once, and the worker's own record."""
        stuck_s = time.monotonic() - self.loop_turned_s
        if stuck_s > STUCK_LEASES * self._lease_ms / 1000:
            log.error(
                "heartbeat.loop_is_stuck", extra={"worker_id": self._worker_id, "stuck_s": round(stuck_s, 1)}
            )
            return
        self._on_announced(self.send(self._announce()))
        with self._lock:
            # The loop ends an attempt that is silent for too long. One that it has not ended by now it
            # cannot end: the lease runs out.
            held = [each for each in self._held.items() if not each[1].has_stopped(self._lease_ms)]
        for start in range(0, len(held), 200):
            part = held[start : start + 200]
            beats = [pulse.buffer.beat() for _, pulse in part]
            replies = self.send(
                self._transitions.renew_leases(
                    [token for token, _ in part], lease_ms=self._lease_ms, beats=beats
                )
            )
            for (token, pulse), beat, reply in zip(part, beats, replies, strict=True):
                pulse.buffer.confirm_beat(beat)
                if reply != "ok":
                    self._loop.call_soon_threadsafe(self._on_stop, token, reply)

    def send(self, call: Call[Any]) -> Any:
        """Make one call through the client of this thread, which other threads may use as well."""
        library = self._transitions.library
        now = "" if self._transitions.now_ms is None else self._transitions.now_ms
        try:
            reply = self._redis.fcall(
                library.function(call.name), len(call.keys), *call.keys, now, *call.arguments
            )
        except ResponseError as error:
            if "Function not found" not in str(error):
                raise
            self._redis.function_load(library.text, replace=True)
            reply = self._redis.fcall(
                library.function(call.name), len(call.keys), *call.keys, now, *call.arguments
            )
        return call.read(reply)
