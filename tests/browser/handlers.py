"""Handlers that do what their config says, so that a test decides what its page has to show."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from headrace import Context, Parked, Terminal, handler
from headrace.registration import HANDLER_REGISTRY

DAY_MS = 24 * 60 * 60 * 1000


class Gates:
    """What the `hold` handlers wait for: each goes on when the test opens the gate of its name."""

    def __init__(self) -> None:
        self._gates: dict[str, threading.Event] = {}

    def of(self, name: str) -> threading.Event:
        return self._gates.setdefault(name, threading.Event())

    def open_all(self) -> None:
        for gate in list(self._gates.values()):
            gate.set()


@contextmanager
def registered(gates: Gates) -> Iterator[None]:
    """Register the handlers of these tests; afterwards the catalogue is as it was."""
    before = dict(HANDLER_REGISTRY)
    _register(gates)
    _register_durable()
    try:
        yield
    finally:
        HANDLER_REGISTRY.clear()
        HANDLER_REGISTRY.update(before)


def _register(gates: Gates) -> None:
    @handler("give")
    async def give(config: Mapping[str, Any], context: Context) -> Any:
        """End with `output`, after saying `lines` in the log and `progress` on the way."""
        for line in config.get("lines", ()):
            context.log(line, text=line)
        if "progress" in config:
            context.progress(0.5, config["progress"])
        return config.get("output")

    @handler("break")
    async def fail(config: Mapping[str, Any], context: Context) -> None:
        """Fail for good with `message`, `type` and `details`, after saying `lines` in the log."""
        for line in config.get("lines", ()):
            context.log(line, "error", text=line)
        raise Terminal(
            config.get("message", "it broke"),
            type=config.get("type", "Test.Broken"),
            details=config.get("details"),
        )

    @handler("hold")
    async def hold(config: Mapping[str, Any], context: Context) -> Any:
        """Run until the gate `gate` is open, then end with `output`; with `message`, fail instead."""
        gate = gates.of(config.get("gate", "gate"))
        while not context.is_cancelled() and not gate.is_set():
            await asyncio.sleep(0.01)
        if "message" in config:
            raise Terminal(config["message"], type="Test.Broken")
        return config.get("output")

    @handler("tell")
    async def tell(config: Mapping[str, Any], context: Context) -> None:
        """Say `words` as typed events, and then once more, marked as repeated."""
        for is_repeated in (False, True):
            for word in config["words"]:
                await context.emit("Said", {"word": word}, repeated=is_repeated)

    @handler("mend")
    async def mend(config: Mapping[str, Any], context: Context) -> None:
        """Fail for good with `message` until the gate `gate` is open."""
        if not gates.of(config.get("gate", "gate")).is_set():
            raise Terminal(config.get("message", "it broke"), type="Test.Broken")


def _register_durable() -> None:
    @handler("clerk", durable=True)
    async def clerk(config: Mapping[str, Any], context: Context) -> Any:
        """Write down `entries`, a snapshot standing for the first `through`; end with `wanted` letters.

        Waits parked, for `waits_for` and a day at most; with `is_busy`, in a slot of the worker.
        """
        journal = await context.journal.read()
        for entry in config.get("entries", ()) if journal.last == 0 else ():
            await context.journal.append(entry)
        if journal.last == 0 and "through" in config:
            await context.journal.snapshot({"before": config["through"]}, through=config["through"])
        letters = [each.data["letter"] for each in journal.entries if "letter" in each.data]
        while len(letters) < config.get("wanted", 1):
            try:
                letter = await context.inbox.receive(None if config.get("is_busy") else 0)
            except TimeoutError:
                words = [str(each)[:200] for each in config.get("waits_for", ())[:20]]
                return Parked(until_ms=context.now_ms + DAY_MS, waits_for=words)
            letters.append(letter.payload)
            await context.journal.append({"letter": letter.payload}, takes=letter)
        return {"letters": letters}
