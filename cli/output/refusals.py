"""Deliveries to webhooks that were refused, as text: how many, of what, and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.output.text import span_words

_SIGN = "have the sender sign as the scheme asks, see docs/api.md, Webhooks"
_CLOCK = "set the clock of the sender, and that of Redis, by NTP"
#: What helps, by the reason of a refusal. The path is filled in.
CURES = {
    "no_secret": "make one for the sender: ./headrace webhooks rotate {path}",
    "missing": f"{_SIGN}; calls of strangers look like this, too",
    "malformed": _SIGN,
    "late": f"{_CLOCK}; what was signed long ago has to be signed again",
    "early": _CLOCK,
    "mismatch": "the sender signs with another secret, or a proxy changes the body; "
    "a new secret for the sender: ./headrace webhooks rotate {path}",
}


def rejected_text(deliveries: Mapping[str, Any]) -> str:
    """How many were refused, by reason, and when the last one was: `12 rejected (11 mismatch, 1 late; …)`."""
    total, reasons = deliveries["rejected"], deliveries.get("rejected_for")
    if not reasons:
        return f"{total} rejected"
    parts = [f"{count} {reason}" for reason, count in sorted(reasons.items(), key=lambda item: -item[1])]
    if earlier := total - sum(reasons.values()):
        parts.append(f"{earlier} before reasons were counted")
    last = deliveries.get("last_rejected")
    newest = f"; last {age_text(last['at'])}" if last else ""
    # Of several reasons the last one says what is wrong by now.
    which = f": {last['reason']}" if last and len(reasons) > 1 else ""
    return f"{total} rejected ({', '.join(parts)}{newest}{which})"


def age_text(moment: str) -> str:
    """How long ago a moment was."""
    from headrace.values import seconds_between

    return f"{span_words(seconds_between(moment, None) or 0.0)} ago"


def refused_last(webhook: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The last refusal, where nothing has come and nothing was changed since."""
    deliveries = webhook["deliveries"]
    last: Mapping[str, Any] | None = deliveries.get("last_rejected")
    if last is None or not webhook["is_active"] or deliveries["last_at"] != last["at"]:
        return None
    from datetime import datetime

    changed_at = datetime.fromisoformat(webhook["updated_at"])
    return last if changed_at <= datetime.fromisoformat(last["at"]) else None


def cure_of(webhook: Mapping[str, Any], reason: str) -> str:
    """What helps against refusals of a reason."""
    if reason == "no_secret" and webhook["scheme"] == "none":
        return "choose another scheme: PATCH /v1/webhooks/{path}".format(path=webhook["path"])
    return CURES.get(reason, "see the log of the API").format(path=webhook["path"])
