"""The history of an execution as it grows: server-sent events over as many connections as it takes."""

from __future__ import annotations

import time

import httpx2

from headrace.backoff import Backoff
from headrace.calls import History
from headrace.errors import ServerUnreachable
from headrace.values import Event

#: After a stream was lost; a thousand watchers of a restarted server should not come back in one instant.
RECONNECT = Backoff(first_s=0.2, most_s=5.0)
#: A stream that was open for so long came from a server, whether or not there were events to give.
OPEN_S = 5.0
#: Redis away, or too many watchers: another try may succeed. Every other refusal stays as it is.
PASSING = (429, 500, 502, 503, 504)


class Reading:
    """How far a history has been read, over the connections that this has taken so far.

    Every event is given once, in order, until the execution has ended.
    """

    def __init__(self, history: History) -> None:
        self.after = history.after
        self.has_ended = False
        self._give_up_after_s = history.give_up_after_s
        self._tries = 0
        self._away_since_s = time.monotonic()
        self._opened_s: float | None = None

    def opened(self) -> None:
        """Note that the server has begun a stream."""
        self._opened_s = time.monotonic()

    def take(self, frame: httpx2.ServerSentEvent) -> Event | None:
        """Read one frame; None for one without an event, or with one that was there before."""
        if not frame.data:
            return None
        event = Event.from_json(frame.data, default_seq=self.after)
        if event.type != "gap" and event.seq <= self.after:
            return None
        self._tries, self._away_since_s = 0, time.monotonic()
        self.after, self.has_ended = event.seq, event.is_terminal
        return event

    def pause_s(self, broken: ServerUnreachable | None) -> float:
        """How long to wait before the next connection. Raises what broke the last one, after too long."""
        now_s = time.monotonic()
        if self._opened_s is not None and now_s - self._opened_s >= OPEN_S:
            self._tries, self._away_since_s = 0, now_s
        self._opened_s = None
        away_s = now_s - self._away_since_s
        if broken is not None and self._give_up_after_s is not None and away_s > self._give_up_after_s:
            raise broken
        self._tries += 1
        return RECONNECT.pause_s(self._tries)
