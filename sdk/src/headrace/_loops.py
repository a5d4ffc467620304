"""The event loop that async handlers share."""

from __future__ import annotations

import asyncio
import sys

#: What lets a loop run within itself can do so with that of asyncio only.
NESTING = frozenset({"nest_asyncio", "nest_asyncio2"})


def new_loop(wanted: str) -> asyncio.AbstractEventLoop:
    """Make the loop of a host. A worker of an older version wants none, and gets that of asyncio.

    wanted  "auto": that of uvloop where it is installed with the handlers, unless these have loaded a module
            of NESTING. "asyncio": that of asyncio in any case.
    """
    if wanted != "auto" or not NESTING.isdisjoint(sys.modules):
        return asyncio.new_event_loop()
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    made: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return made
