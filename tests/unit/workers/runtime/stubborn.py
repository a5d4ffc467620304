"""A task that does not let itself be cancelled."""

from __future__ import annotations

import asyncio


async def stubborn(may_end: asyncio.Event) -> None:
    """Wait until it may end, whoever cancels it."""
    while not may_end.is_set():
        try:
            await may_end.wait()
        except asyncio.CancelledError:
            pass
