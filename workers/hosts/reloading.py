"""Sees when a file of the handlers changes, and has them loaded again."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable

from workers.hosts.offer import stamps_of
from workers.hosts.pool import HandlerHosts

log = logging.getLogger("headrace.hosts")

#: How often the files are looked at.
LOOK_S = 0.3

#: Time of change in nanoseconds and size; None for a file that is not there.
Stamp = tuple[int, int] | None


async def watch_files(hosts: HandlerHosts) -> None:
    """Look at the files of the handlers, for ever; or only wait, where nothing is to be loaded again."""
    if not hosts.settings.reloads or not hosts.settings.modules:
        await asyncio.Event().wait()
    asked: dict[str, Stamp] = {}
    while True:
        await asyncio.sleep(LOOK_S)
        loaded = _loaded(hosts)
        now = stamps(loaded)
        changed = {name: stamp for name, stamp in now.items() if stamp != loaded[name]}
        # What has been asked for is loaded just now, or was refused as it is.
        if any(name not in asked or asked[name] != stamp for name, stamp in changed.items()):
            log.info("hosts.reloading", extra={"files": sorted(changed)})
            hosts.reload()
        asked = changed


def _loaded(hosts: HandlerHosts) -> dict[str, Stamp]:
    """The files of the load in use, and those that a newer one had read when it failed."""
    offered = hosts.offer.files if hosts.offer is not None else {}
    refused = stamps_of(hosts.refusal) if hosts.refusal is not None else {}
    return {**offered, **refused}


def stamps(files: Iterable[str]) -> dict[str, Stamp]:
    """Look when each file was changed last, and how long it is."""
    found: dict[str, Stamp] = {}
    for name in files:
        try:
            state = os.stat(name)
            found[name] = (state.st_mtime_ns, state.st_size)
        except OSError:
            found[name] = None
    return found
