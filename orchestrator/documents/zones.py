"""Time zones by the names of the IANA database, and the one that was probably meant."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import available_timezones

from headrace.wording import did_you_mean

_CONTINENTS = frozenset(
    {"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)


def zone_hint(name: str) -> str | None:
    """Hint at the time zone that was probably meant: one of that place, in whatever case, or one like it."""
    names, word = _names(), name.strip().lower().replace(" ", "_")
    same = [each for each in names if each.lower() == word]
    there = same or [each for each in names if each.rpartition("/")[2].lower() == word]
    return f"did you mean {there[0]!r}?" if there else did_you_mean(name, names)


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    """Those of a continent first: others, such as `Iceland`, only stand for one of them."""
    return tuple(
        sorted(available_timezones(), key=lambda name: (name.partition("/")[0] not in _CONTINENTS, name))
    )
