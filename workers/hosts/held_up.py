"""Sees when an `async def` holds up the loop of its host: then others get a host that goes on."""

from __future__ import annotations

import asyncio
import logging

from workers.hosts.host import Host
from workers.hosts.pool import HandlerHosts

log = logging.getLogger("headrace.hosts")

#: How often the loops are looked at, and how long one may be held up before its host is replaced.
LOOK_S, PATIENCE_S = 0.5, 2.0
#: Hosts that are held up are replaced as long as there are fewer of them than this: each has its memory.
MOST_HELD_UP = 4
ADVICE = "await what takes time, or write a plain function: that has a process of its own"


async def watch_loops(hosts: HandlerHosts) -> None:
    """Look at the hosts, for ever."""
    while True:
        await asyncio.sleep(LOOK_S)
        look(hosts)


def look(hosts: HandlerHosts) -> None:
    """Look at each host once."""
    for host in hosts.running("async"):
        number = host.holder(PATIENCE_S)
        if number and not host.is_held_up:
            host.is_held_up = True
            _warn(host, number)
        elif host.is_held_up and not number:
            host.is_held_up = False
            hosts.places.freed()
        # Again with each look: there may have been too many of them when it began.
        if host.is_held_up and hosts.held_up < MOST_HELD_UP:
            hosts.replace(host)


def _warn(host: Host, number: int) -> None:
    """Say in the log, and in the history of its node, which attempt it is."""
    call = host.calls.get(number)
    unit = call.unit if call is not None else None
    log.warning("host.held_up", extra={"pid": host.pid, "attempt": unit, "others": len(host.calls) - 1})
    if call is not None:
        message = f"the handler has held up its event loop for more than {PATIENCE_S:g} s: {ADVICE}"
        call.report({"type": "log", "level": "warning", "message": message, "data": {}}, b"")
