"""Stops an attempt in a host: it is told, then interrupted, then its process is killed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from workers.context import HandlerContext
from workers.hosts.call import Call
from workers.hosts.ends import GivenBack
from workers.hosts.host import Host
from workers.outcome import Outcome

log = logging.getLogger("headrace.hosts")

#: What an attempt whose time is over has for ending by itself, and then for letting itself be interrupted.
TOLD_S, INTERRUPTED_S = 2.0, 2.0


class Stops:
    """Waits for attempts, and stops those that nobody waits for any more."""

    def __init__(self, on_leftover: Callable[[asyncio.Task[Any], HandlerContext], None]) -> None:
        self._on_leftover = on_leftover

    async def watch(self, host: Host, call: Call) -> Outcome:
        """Wait for the end of an attempt.

        Raises CancelledError where it was stopped, GivenBack or HandlerCrashed where its host ended.
        """
        stop_listening = call.context.cancelled.on_set(lambda cause: host.tell(call, cause, hard=False))
        try:
            outcome = await asyncio.shield(call.ended)
        except asyncio.CancelledError:
            if call.ended.done():
                raise
            if not call.context.cancelled.is_set() and host.is_bystander(call):
                # Its time is over, but it was not given any. It runs nowhere, so it fills no slot.
                call.leave()
                host.tell(call, "lost", hard=True)
                raise GivenBack("another attempt held up the process") from None
            self._leave(host, call)
            raise
        finally:
            stop_listening()
        if outcome is None:
            raise asyncio.CancelledError("the handler let itself be stopped")
        return outcome

    def _leave(self, host: Host, call: Call) -> None:
        """Go on without an attempt: its code fills a slot until it has ended, a few seconds at the most."""
        call.leave()
        cause = call.context.cancelled.cause or "time_limit"
        self._on_leftover(asyncio.create_task(_stop(host, call, cause)), call.context)


async def _stop(host: Host, call: Call, cause: str) -> None:
    # Of an attempt that was replaced, or given back, nothing is wanted any more.
    if cause not in ("lost", "drain"):
        host.tell(call, cause, hard=False)
        if await _has_ended(call, TOLD_S):
            return
    host.tell(call, cause, hard=True)
    if await _has_ended(call, INTERRUPTED_S):
        return
    log.warning("host.killed", extra={"pid": host.pid, "attempt": call.unit, "cause": cause})
    host.kill()
    await host.gone()


async def _has_ended(call: Call, within_s: float) -> bool:
    done, _ = await asyncio.wait([call.ended], timeout=within_s)
    return bool(done)
