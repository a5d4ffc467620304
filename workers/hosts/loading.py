"""What the handlers of an installation offer, asked without a worker: one host loads them, and goes again."""

from __future__ import annotations

from dataclasses import replace

from workers.cards import encode_cards
from workers.hosts.host import START_S
from workers.hosts.launch import HostSettings
from workers.hosts.pool import HandlerHosts
from workers.registry import names


async def load_cards(settings: HostSettings) -> tuple[frozenset[str], tuple[bytes, ...]]:
    """Give the names of the handlers, and their cards as the catalogue takes them.

    Raises ImportError, with the reason and the traceback, where the modules cannot be loaded.
    """
    if not settings.modules:
        return frozenset(), ()
    hosts = HandlerHosts(replace(settings, processes=1, reloads=False), built_in=names)
    hosts.start()
    try:
        while hosts.is_loading:
            await hosts.changed(START_S)
        if hosts.refusal is not None:
            refusal = hosts.refusal
            text = (refusal["message"], refusal.get("hint"), refusal.get("traceback"))
            raise ImportError("\n".join(filter(None, text)).rstrip())
        return frozenset(hosts.cards), (encode_cards(hosts.cards.values())[1],)
    finally:
        await hosts.close()
