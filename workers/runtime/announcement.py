"""What a worker announces: its record with every beat, and the cards of the handlers it has loaded."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence

import orjson

from orchestrator.store.layout import VERSION
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from workers.cards import HandlerCard, encode_cards
from workers.hosts.pool import HandlerHosts
from workers.registry import names
from workers.runtime.brought_workflows import BroughtWorkflows
from workers.runtime.leftovers import Leftovers
from workers.runtime.map_items import OWN
from workers.runtime.redaction import Redactor
from workers.runtime.settings import WorkerConfig
from workers.runtime.shares import Shares

#: Nodes named in the worker's own record.
NODES_SHOWN = 20
#: How often the cards of handlers are written again, should they have been lost.
PUBLISH_S = 30.0
#: Characters shown of why handlers do not load.
REFUSAL_CHARS = 4_000
#: Of the names in settings, in each record.
CONFIGURED_BYTES = 16 * 1024


class Announcement:
    """Read from any thread.

    running     how many attempts the worker runs.
    redactor    for what the code of an installation says when it does not load.
    configured  what the settings name, by tenant and kind.
    """

    def __init__(
        self,
        config: WorkerConfig,
        worker_id: str,
        *,
        transitions: Transitions,
        shares: Shares,
        hosts: HandlerHosts,
        leftovers: Leftovers,
        brought: BroughtWorkflows,
        redactor: Redactor,
        running: Callable[[], int],
        configured: Mapping[str, Mapping[str, Sequence[str]]],
    ) -> None:
        self._config, self._worker_id = config, worker_id
        self._transitions, self._shares, self._hosts = transitions, shares, hosts
        self._leftovers, self._redactor, self._running = leftovers, redactor, running
        self._brought = brought
        names = orjson.dumps(configured)
        #: What the settings name; "" where it is too much to be said with each beat.
        self._configured = names if len(names) <= CONFIGURED_BYTES else b""
        self._started_ms = time.time_ns() // 1_000_000
        self._encoded: tuple[Mapping[str, HandlerCard], str, bytes] | None = None

    def call(self) -> Call[list[int]]:
        """Build the call that writes the record."""
        # First: what is looked up after it is as new at least.
        made = time.monotonic_ns()
        return self._transitions.announce_worker(
            self._worker_id, self._config.queues, self.describe(), made=made
        )

    def describe(self) -> list[str | bytes | int]:
        """The worker's own record, as announced."""
        blocked = self._leftovers.units()
        return [
            "name", self._config.name, "host", socket.gethostname(), "pid", os.getpid(),
            "instance", self._config.instance,
            "handlers", " ".join(sorted(self._names())), "queues", " ".join(self._config.queues),
            "slots", self._config.concurrency, "running", self._running(),
            "blocked", len(blocked), "blocked_by", " ".join(blocked[:NODES_SHOWN]),
            "started_ms", self._started_ms, "layout", VERSION, "cards", self.cards()[0],
            "hosts", orjson.dumps(self._hosts.describe()), "refusal", self.refusal(),
            "workflows", orjson.dumps(
                {name: self._redactor.text(text) for name, text in self._brought.refusals.items()}
            ),
            "configured", self._configured,
        ]  # fmt: skip

    def _names(self) -> frozenset[str]:
        """All handlers this worker offers."""
        return names() | OWN.keys() | self._hosts.cards.keys()

    def cards(self) -> tuple[str, bytes]:
        """The cards of the installation's handlers, and their digest; empty without any."""
        cards = self._hosts.cards
        if self._encoded is None or self._encoded[0] is not cards:
            self._encoded = (cards, *(encode_cards(cards.values()) if cards else ("", b"")))
        return self._encoded[1:]

    def refusal(self) -> str:
        """Why the installation's handlers are not loaded; "" where they are."""
        refusal = self._hosts.refusal
        if refusal is None:
            return ""
        text = "\n".join(filter(None, (refusal["message"], refusal.get("hint"), refusal.get("traceback"))))
        return self._redactor.text(text).rstrip()[:REFUSAL_CHARS]

    async def publish_cards(self) -> None:
        """Keep the cards of the installation's handlers in Redis, for ever, and register their workflows."""
        published, again_s = "", 0.0
        while True:
            digest, text = self.cards()
            if digest and (digest != published or time.monotonic() > again_s):
                await self._transitions.publish_handlers(digest, text)
                # Known at once, rather than with the next beat: somebody may wait for a handler.
                self._shares.update(await self.call())
                if digest != published or self._brought.are_refused:
                    await self._register()
                published, again_s = digest, time.monotonic() + PUBLISH_S
            elif not digest and published:
                published = ""
                await self._brought.register(())
                self._shares.update(await self.call())
            await self._hosts.changed(PUBLISH_S)

    async def _register(self) -> None:
        """Register what the handlers bring, and announce what has become of it."""
        if await self._brought.register(self._hosts.cards.values()):
            self._shares.update(await self.call())
