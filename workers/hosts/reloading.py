"""Sees when a file of the handlers changes, and has them loaded again."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable

from workers.hosts.pool import HandlerHosts

log = logging.getLogger("headrace.hosts")

#: How often the files are looked at.
LOOK_S = 0.3

Stamp = tuple[int, int] | None


async def watch_files(hosts: HandlerHosts) -> None:
    """Look at the files of the handlers, for ever; or only wait, where nothing is to be loaded again."""
    if not hosts.settings.reloads or not hosts.settings.modules:
        await asyncio.Event().wait()
    seen: dict[str, Stamp] = {}
    while True:
        await asyncio.sleep(LOOK_S)
        now = stamps(files_of(hosts))
        # A file that was not looked at before, such as one that is imported since, is no change.
        if any(name in seen and seen[name] != stamp for name, stamp in now.items()):
            log.info(
                "hosts.reloading", extra={"files": [name for name in now if seen.get(name) != now[name]]}
            )
            hosts.reload()
        seen = seen | now


def files_of(hosts: HandlerHosts) -> set[str]:
    """The files that the newest load read, whether it came to its end or not, and those of the load in use."""
    refused = hosts.refusal.get("files", ()) if hosts.refusal is not None else ()
    return {*refused, *(hosts.offer.files if hosts.offer is not None else ())}


def stamps(files: Iterable[str]) -> dict[str, Stamp]:
    """When each file was changed last, and its size; None for one that is not there."""
    found: dict[str, Stamp] = {}
    for name in files:
        try:
            state = os.stat(name)
            found[name] = (state.st_mtime_ns, state.st_size)
        except OSError:
            found[name] = None
    return found
