"""Processes that run as one group: told to stop by a signal, and then stopped in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from cli.stack.process import Child


@dataclass(slots=True)
class Supervision:
    """The processes of one command. `emit(name, line)` gets what is to be said of them."""

    emit: Callable[[str, str], None]
    #: In the order in which they are stopped; each group at once.
    groups: list[list[Child]] = field(default_factory=list)
    #: Set once they are to end.
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _signals: int = 0

    @property
    def children(self) -> list[Child]:
        """All of them."""
        return [child for group in self.groups for child in group]

    def listen_for_signals(self) -> None:
        """Let Ctrl-C, SIGTERM and the end of the terminal stop them."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop)

    def stop(self) -> None:
        """Begin to stop; the second call kills what is left."""
        self._signals += 1
        self.stopping.set()
        if self._signals > 1:
            for child in self.children:
                # Never Redis: it is the one whose haste could cost data.
                if child.name != "redis":
                    child.kill()

    async def wait_for_stop(self, watchers: list[asyncio.Task[None]]) -> None:
        """Until a signal comes, or supervision itself fails, which must not pass unnoticed."""
        stop = asyncio.create_task(self.stopping.wait())
        done, _ = await asyncio.wait([stop, *watchers], return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        for task in done:
            if task is not stop:
                task.result()

    async def stop_all(self, watchers: list[asyncio.Task[None]]) -> None:
        """Stop all processes, group after group, and what watches them."""
        # From here on nothing is started again, not even what is stopped last.
        for child in self.children:
            child.is_stopping = True
        for group in self.groups:
            slow = asyncio.get_running_loop().call_later(2.0, self._explain_wait, group)
            await asyncio.gather(*(child.stop() for child in group))
            slow.cancel()
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)

    def _explain_wait(self, group: list[Child]) -> None:
        names = [c.name for c in group if c.process is not None and c.process.returncode is None]
        if names:
            waiting = f"waiting for {', '.join(names)} to finish running attempts"
            self.emit("stack", f"{waiting} (a second Ctrl-C kills them)")
