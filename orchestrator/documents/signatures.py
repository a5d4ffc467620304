"""Verifies what strangers deliver, on its raw bytes, and signs samples of it.

Every secret is tried, whether or not one before it has matched, and each is compared in constant time: how
long a refusal takes says nothing of a secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

#: Seconds by which the time of a delivery may differ from ours, either way.
TOLERANCE_S = 300
#: Signatures of one delivery that are looked at: a sender that rotates sends two.
MOST_SIGNATURES = 16
#: Bytes of a secret of `standard`, and characters of every other one.
STANDARD_BYTES = (24, 64)
SECRET_CHARS = (1, 256)
SECRET_PREFIX = "whsec_"
#: The header of `header_token` where none is named.
TOKEN_HEADER = "x-webhook-token"
_HUB256 = re.compile(r"sha256=([0-9a-fA-F]{64})").fullmatch
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII).fullmatch
#: Stands in for a secret where there is none, so that the work is the same.
_NO_SECRET = base64.b64encode(bytes(32)).decode()
_NO_TOKEN = hashlib.sha256(b"").hexdigest()


class Scheme(StrEnum):
    """How a delivery proves where it comes from.

    hub256        `X-Hub-Signature-256: sha256=HEX`, HMAC-SHA256 of the body.
    standard      Standard Webhooks: `webhook-id`, `webhook-timestamp`, and `webhook-signature` of
                  `id.timestamp.body`, 5 minutes old at most.
    header_token  the secret itself in a header.
    none          nothing is proved.
    """

    HUB256 = "hub256"
    STANDARD = "standard"
    HEADER_TOKEN = "header_token"
    NONE = "none"


class Refusal(StrEnum):
    """Why a delivery is refused; for the owner of the webhook and the log, never for the sender."""

    NO_SECRET = "no_secret"
    MISSING = "missing"
    MALFORMED = "malformed"
    LATE = "late"
    EARLY = "early"
    MISMATCH = "mismatch"


#: What each says of the delivery, in words for the owner of the webhook.
REFUSAL_WORDS: dict[Refusal, str] = {
    Refusal.NO_SECRET: "the webhook has no valid secret, or a scheme that is for development only",
    Refusal.MISSING: "the headers that its scheme asks for are missing",
    Refusal.MALFORMED: "the signature, or the time of it, is not written as its scheme asks",
    Refusal.LATE: f"signed more than {TOLERANCE_S // 60} minutes before it came, by the clock of Redis",
    Refusal.EARLY: f"signed more than {TOLERANCE_S // 60} minutes after it came, by the clock of Redis",
    Refusal.MISMATCH: "made with none of its secrets, or the body was changed on the way",
}


def refusal_of(
    scheme: Scheme,
    secrets: Sequence[str],
    headers: Mapping[str, str],
    raw: bytes,
    *,
    now_s: float,
    header: str = TOKEN_HEADER,
) -> Refusal | None:
    """Say why a delivery is refused; None where it is genuine.

    secrets  as `kept_secret` gives them; one that matches is enough.
    headers  by their names in lower case; several of one name are joined by commas.
    raw      the body as it came.
    now_s    Unix epoch.
    header   the one that holds the token of `header_token`, in lower case.
    """
    match scheme:
        case Scheme.NONE:
            return None
        case Scheme.HUB256:
            found = _of_hub256(secrets, headers, raw)
        case Scheme.STANDARD:
            found = _of_standard(secrets, headers, raw, now_s)
        case Scheme.HEADER_TOKEN:
            found = _of_token(secrets, headers.get(header))
    return Refusal.NO_SECRET if not secrets else found


def kept_secret(scheme: Scheme, secret: str) -> str:
    """Give what is kept of a secret: of a token its SHA-256, which is all that comparing takes."""
    return _token_digest(secret) if scheme is Scheme.HEADER_TOKEN else secret


def secret_rule(scheme: Scheme, secret: str) -> str | None:
    """Say what a secret of a scheme has to be; None for one that is that."""
    if scheme is Scheme.STANDARD:
        least, most = STANDARD_BYTES
        return None if _key_of(secret) else f"'{SECRET_PREFIX}' and {least} to {most} bytes in base64"
    least, most = SECRET_CHARS
    is_right = least <= len(secret) <= most and secret.isascii() and secret.isprintable()
    if is_right and secret == secret.strip():
        return None
    return f"{least} to {most} printable ASCII characters, without blanks around them"


def signed_headers(
    scheme: Scheme,
    secret: str,
    raw: bytes,
    *,
    delivery_id: str,
    now_s: float,
    header: str = TOKEN_HEADER,
) -> dict[str, str]:
    """Give the headers of a genuine delivery; of `header_token` with the token itself as the secret."""
    match scheme:
        case Scheme.HUB256:
            signature = hmac.digest(secret.encode(), raw, "sha256").hex()
            return {"x-github-delivery": delivery_id, "x-hub-signature-256": f"sha256={signature}"}
        case Scheme.STANDARD:
            timestamp = str(int(now_s))
            return {
                "webhook-id": delivery_id,
                "webhook-timestamp": timestamp,
                "webhook-signature": "v1,"
                + _standard_signature(_key_of(secret) or b"", delivery_id, timestamp, raw),
            }
        case Scheme.HEADER_TOKEN:
            return {"idempotency-key": delivery_id, header: secret}
        case Scheme.NONE:
            return {"idempotency-key": delivery_id}


def _of_hub256(secrets: Sequence[str], headers: Mapping[str, str], raw: bytes) -> Refusal | None:
    sent = headers.get("x-hub-signature-256")
    found = _HUB256((sent or "").strip())
    presented = bytes.fromhex(found[1]) if found else bytes(32)
    is_genuine = False
    for secret in secrets or (_NO_SECRET,):
        is_genuine |= hmac.compare_digest(hmac.digest(secret.encode(), raw, "sha256"), presented)
    if sent is None:
        return Refusal.MISSING
    if found is None:
        return Refusal.MALFORMED
    return None if is_genuine else Refusal.MISMATCH


def _of_standard(
    secrets: Sequence[str], headers: Mapping[str, str], raw: bytes, now_s: float
) -> Refusal | None:
    delivery_id, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
    signatures = headers.get("webhook-signature")
    presented = [
        part.removeprefix("v1,").rstrip(",").encode("latin-1", "replace")
        for part in (signatures or "").split()
        if part.startswith("v1,")
    ]
    is_genuine = False
    for secret in secrets or (_NO_SECRET,):
        expected = _standard_signature(_key_of(secret) or bytes(32), delivery_id or "", timestamp or "", raw)
        for each in presented[:MOST_SIGNATURES] or (b"",):
            is_genuine |= hmac.compare_digest(expected.encode(), each)
    if not delivery_id or not timestamp or signatures is None:
        return Refusal.MISSING
    if not _TIMESTAMP(timestamp):
        return Refusal.MALFORMED
    if not is_genuine:
        return Refusal.MISMATCH
    age_s = now_s - int(timestamp)
    if abs(age_s) > TOLERANCE_S:
        return Refusal.LATE if age_s > 0 else Refusal.EARLY
    return None


def _of_token(digests: Sequence[str], sent: str | None) -> Refusal | None:
    # A token may come where keys usually do.
    token = (sent or "").strip()
    scheme, _, rest = token.partition(" ")
    presented = _token_digest(rest.strip() if scheme.lower() == "bearer" else token)
    is_genuine = False
    for digest in digests or (_NO_TOKEN,):
        is_genuine |= hmac.compare_digest(digest.encode(), presented.encode())
    if sent is None:
        return Refusal.MISSING
    return None if is_genuine else Refusal.MISMATCH


def _standard_signature(key: bytes, delivery_id: str, timestamp: str, raw: bytes) -> str:
    """Sign as Standard Webhooks 1.0.0 ask for it. The body need not be text, which their library expects."""
    head = f"{delivery_id}.{timestamp}.".encode("latin-1", "replace")
    made = hmac.new(key, head, "sha256")
    made.update(raw)
    return base64.b64encode(made.digest()).decode()


def _key_of(secret: str) -> bytes | None:
    """Give the bytes that a secret of `standard` stands for; None for text that is none."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if STANDARD_BYTES[0] <= len(key) <= STANDARD_BYTES[1] else None


def _token_digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
