"""When a cron expression is due, in the time of a place, also where its clocks change.

`cronsim` does the search, as Debian's cron would: an expression that names its minutes and hours is local
time, one with a `*` at the beginning of either follows the hours that really pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from orchestrator.definitions.cron_fields import idle_steps, never_due, wrong_fields

#: What stands for five fields.
ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
#: Characters of an expression; lists of numbers can be long.
MOST_CHARS = 256
_RULE = "five fields (minute, hour, day of month, month, day of week) such as '30 8 * * 1-5'"


class Cron:
    """A cron expression of five fields in a time zone. Raises ValueError for one that is none."""

    __slots__ = ("_fields", "_zone")

    def __init__(self, expression: str, zone: ZoneInfo) -> None:
        text = expression.strip()
        if text.startswith("@"):
            if text.lower() not in ALIASES:
                more = "; for a fixed interval use 'every'" if text.lower().startswith("@every") else ""
                raise ValueError(f"{text[:80]!r} is not known; allowed: {', '.join(ALIASES)}{more}")
            text = ALIASES[text.lower()]
        fields = text.split()
        if len(text) > MOST_CHARS or len(fields) != 5:
            count = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
            found = count if len(text) <= MOST_CHARS else f"{len(text)} characters"
            found += " (seconds are no field of it)" if len(fields) == 6 else ""
            raise ValueError(f"must be {_RULE}, or one of {', '.join(ALIASES)}; found {found}")
        self._fields, self._zone = " ".join(fields), zone
        try:
            CronSim(self._fields, datetime(2000, 1, 1, tzinfo=UTC))
        except CronSimError:
            wrong = wrong_fields(fields)
            reason = f": {'; '.join(wrong)}" if wrong else f" {never_due(fields)}"
            raise ValueError(f"{text!r}{reason}") from None

    @property
    def oddities(self) -> list[str]:
        """Say what of it is taken, as other tools do, but hardly means what it seems to."""
        return list(idle_steps(self._fields.split()))

    @property
    def why_never(self) -> str:
        """Say why it is due at no time at all."""
        return never_due(self._fields.split())

    def after(self, time_ms: int) -> Iterator[int]:
        """Give the times it is due after a moment, in order, Unix epoch ms; ends after 50 years of none.

        A time that a change of clocks leaves out is due right after the gap, and several such times are
        one. A time that comes twice is due the first time.
        """
        last = time_ms
        try:
            start = datetime.fromtimestamp(time_ms // 1000, UTC).astimezone(self._zone)
            for moment in CronSim(self._fields, start):
                due = round(moment.timestamp()) * 1000
                if due > last:
                    last = due
                    yield due
        except (OverflowError, ValueError):  # before the year 1, or after 9999
            return
