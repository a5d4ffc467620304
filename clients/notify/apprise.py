"""Notifications by way of Apprise, an optional package that speaks to a hundred services."""

from __future__ import annotations

from typing import Literal

#: Where the optional package is listed.
EXTRA = "requirements-notify.lock"

Level = Literal["debug", "info", "warning", "error"]
_KINDS = {"warning": "warning", "error": "failure"}


class AppriseMissing(Exception):
    """The optional package is not installed."""

    error_type = "Notify.NotConfigured"
    retryable = False

    def __init__(self) -> None:
        super().__init__(
            f"channel 'apprise' needs the optional extra 'notify': pip install -r {EXTRA} (package apprise)"
        )


class AppriseFailed(Exception):
    """Apprise could not deliver. Its own log says why; the URL, which holds keys, is never shown."""

    error_type = "Notify.Failed"

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


async def send_apprise(urls: str, *, text: str, title: str = "", level: Level = "info") -> int:
    """Deliver to every URL (parted by blanks or commas); return how many there were.

    Raises AppriseMissing, AppriseFailed.
    """
    try:
        import apprise
    except ImportError as error:
        raise AppriseMissing from error
    target = apprise.Apprise()
    if not target.add(urls):
        raise AppriseFailed("Apprise does not know what to do with the URL", retryable=False)
    if not await target.async_notify(body=text, title=title, notify_type=_KINDS.get(level, "info")):
        raise AppriseFailed("Apprise could not deliver to every URL", retryable=True)
    return len(target)
