"""What a host offers: its handlers as cards, checked before any of them is announced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workers.cards import HandlerCard


class OfferRefused(Exception):
    """Handlers that cannot be had; the message names module and line."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The handlers of one load of the modules.

    cards  by every name, aliases included.
    files  that were loaded, with time of change and size: another one is another load.
    """

    generation: int
    cards: Mapping[str, HandlerCard]
    files: Mapping[str, tuple[int, int]]


def stamps_of(loaded: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Read the files that were loaded, with time of change and size of each."""
    return {name: (changed_ns, size) for name, changed_ns, size in loaded.get("files", ())}


def read_offer(offered: Mapping[str, Any], generation: int, *, built_in: frozenset[str]) -> Offer:
    """Read what a host offers.

    Raises OfferRefused for a name of a built-in handler, and for a retry policy that cannot be one.
    """
    cards: dict[str, HandlerCard] = {}
    for fields in offered["handlers"]:
        where = f"module {fields['module']}, line {fields['line']}"
        try:
            card = HandlerCard.from_dict(fields)
        except ValueError as error:
            raise OfferRefused(f"{where}: {error}") from None
        for name in (card.name, *card.aliases):
            if name in built_in:
                raise OfferRefused(
                    f"{where}: the handler {name!r} has the name of a built-in one; give it another name"
                )
            cards[name] = card
    return Offer(generation, cards, stamps_of(offered))
