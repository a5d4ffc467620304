"""The response that a feed is listened to by."""

from __future__ import annotations

from api.streaming.feed import FeedWatcher
from api.streaming.hub import RETRY, Hub
from api.streaming.listener import Send as SendNow
from api.streaming.open_stream import OpenStream
from orchestrator.engine import TenantEngine


class FeedStream(OpenStream[FeedWatcher]):
    """A response that lasts until its client leaves, its key is revoked, or the process stops."""

    def __init__(self, hub: Hub, engine: TenantEngine, *, credential: str | None = None) -> None:
        super().__init__(media_type="text/event-stream", head=RETRY, subject={"tenant": engine.tenant})
        self._hub = hub
        self._engine = engine
        self._credential = credential

    def _join(self, send: SendNow) -> FeedWatcher:
        return self._hub.join_feed(self._engine, credential=self._credential)

    def _leave(self, listener: FeedWatcher) -> None:
        self._hub.leave_feed(listener)
