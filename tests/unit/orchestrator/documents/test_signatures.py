"""Every scheme: what is genuine, and each way in which a delivery may not be."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from standardwebhooks import Webhook

from api.schemas.webhooks import ReasonName
from cli.output.refusals import CURES
from orchestrator.documents.signatures import (
    REFUSAL_WORDS,
    Refusal,
    Scheme,
    kept_secret,
    refusal_of,
    secret_rule,
    signed_headers,
)

NOW_S = 1_800_000_000.0
BODY = b'{"order": 7, "note": "\xc3\xa4"}'
ONE = "whsec_" + base64.b64encode(b"1" * 32).decode()
TWO = "whsec_" + base64.b64encode(b"2" * 32).decode()
HUB, STANDARD, TOKEN = Scheme.HUB256, Scheme.STANDARD, Scheme.HEADER_TOKEN


def sent(scheme: Scheme, secret: str = ONE, raw: bytes = BODY, **changed: Any) -> dict[str, str]:
    """Headers of a genuine delivery, some of them changed; None takes one away."""
    headers: dict[str, str | None] = dict(signed_headers(scheme, secret, raw, delivery_id="d1", now_s=NOW_S))
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in headers.items() if value is not None}


def judged(
    scheme: Scheme, headers: dict[str, str], *secrets: str, raw: bytes = BODY, now_s: float = NOW_S
) -> Refusal | None:
    kept = [kept_secret(scheme, secret) for secret in secrets]
    return refusal_of(scheme, kept, headers, raw, now_s=now_s)


@pytest.mark.parametrize("scheme", [HUB, STANDARD, TOKEN])
def test_what_is_signed_with_any_of_the_secrets_is_genuine(scheme: Scheme) -> None:
    assert judged(scheme, sent(scheme), ONE) is None
    assert judged(scheme, sent(scheme), TWO, ONE) is None
    assert judged(scheme, sent(scheme, TWO), ONE, TWO) is None
    assert judged(scheme, sent(scheme), TWO) is Refusal.MISMATCH
    assert judged(scheme, sent(scheme)) is Refusal.NO_SECRET


@pytest.mark.parametrize("scheme", [HUB, STANDARD])
def test_every_byte_of_the_body_counts(scheme: Scheme) -> None:
    headers = sent(scheme)

    for place in range(len(BODY)):
        changed = bytearray(BODY)
        changed[place] ^= 1
        assert judged(scheme, headers, ONE, raw=bytes(changed)) is Refusal.MISMATCH
    assert judged(scheme, headers, ONE, raw=BODY + b" ") is Refusal.MISMATCH
    # Equal JSON is another body.
    assert judged(scheme, headers, ONE, raw=BODY.replace(b": ", b":")) is Refusal.MISMATCH


@pytest.mark.parametrize("raw", [b"", b"\xff\x00\xfe", b"x" * 70_000])
@pytest.mark.parametrize("scheme", [HUB, STANDARD, TOKEN])
def test_a_body_need_not_be_text(scheme: Scheme, raw: bytes) -> None:
    assert judged(scheme, sent(scheme, raw=raw), ONE, raw=raw) is None


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        (None, Refusal.MISSING),
        ("", Refusal.MALFORMED),
        ("sha256=", Refusal.MALFORMED),
        ("sha1=" + "0" * 40, Refusal.MALFORMED),
        ("sha256=" + "0" * 64, Refusal.MISMATCH),
        ("sha256=" + "é" * 64, Refusal.MALFORMED),
        ("0" * 64, Refusal.MALFORMED),
        (f"sha256={'0' * 64}, sha256={'1' * 64}", Refusal.MALFORMED),
    ],
)
def test_a_signature_of_a_hub_that_is_none(signature: str | None, expected: Refusal) -> None:
    assert judged(HUB, sent(HUB, x_hub_signature_256=signature), ONE) is expected


def test_a_signature_of_a_hub_is_hex_of_any_case() -> None:
    hexed = hmac.digest(ONE.encode(), BODY, "sha256").hex().upper()

    assert judged(HUB, {"x-hub-signature-256": f"sha256={hexed}"}, ONE) is None


@pytest.mark.parametrize(
    ("offset_s", "expected"),
    [
        (0, None),
        (300, None),
        (301, Refusal.LATE),
        (86_400, Refusal.LATE),
        (-300, None),
        (-301, Refusal.EARLY),
    ],
)
def test_a_standard_delivery_is_good_for_five_minutes(offset_s: int, expected: Refusal | None) -> None:
    assert judged(STANDARD, sent(STANDARD), ONE, now_s=NOW_S + offset_s) is expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"webhook_id": None}, Refusal.MISSING),
        ({"webhook_timestamp": None}, Refusal.MISSING),
        ({"webhook_signature": None}, Refusal.MISSING),
        ({"webhook_id": "d2"}, Refusal.MISMATCH),
        ({"webhook_id": "d1.1800000000"}, Refusal.MISMATCH),
        ({"webhook_timestamp": "1800000001"}, Refusal.MISMATCH),
        ({"webhook_timestamp": "soon"}, Refusal.MALFORMED),
        ({"webhook_timestamp": "1800000000.5"}, Refusal.MALFORMED),
        ({"webhook_timestamp": "-1"}, Refusal.MALFORMED),
        ({"webhook_timestamp": "9" * 30}, Refusal.MALFORMED),
        ({"webhook_signature": ""}, Refusal.MISMATCH),
        ({"webhook_signature": "v1,"}, Refusal.MISMATCH),
        ({"webhook_signature": "v1,AAAA"}, Refusal.MISMATCH),
        ({"webhook_signature": "v1,é"}, Refusal.MISMATCH),
    ],
)
def test_a_standard_delivery_that_is_wrong(changed: dict[str, Any], expected: Refusal) -> None:
    assert judged(STANDARD, sent(STANDARD, **changed), ONE) is expected


def test_one_of_several_signatures_in_a_header_is_enough() -> None:
    good = sent(STANDARD)["webhook-signature"]
    other = sent(STANDARD, TWO)["webhook-signature"]

    for several in (f"{other} {good}", f"v1a,AAAA {good}", f"{other}, {good}", f"{good} nonsense"):
        assert judged(STANDARD, sent(STANDARD, webhook_signature=several), ONE) is None
    crowd = " ".join(["v1,AAAA"] * 16 + [good])
    assert judged(STANDARD, sent(STANDARD, webhook_signature=crowd), ONE) is Refusal.MISMATCH
    # Another version of the scheme is no signature of this one.
    asymmetric = good.replace("v1,", "v1a,")
    assert judged(STANDARD, sent(STANDARD, webhook_signature=asymmetric), ONE) is Refusal.MISMATCH


def test_signatures_are_those_of_the_standard_library_of_senders() -> None:
    when = datetime.fromtimestamp(NOW_S, UTC)

    signature = Webhook(ONE).sign("d1", when, BODY.decode())

    assert sent(STANDARD)["webhook-signature"] == signature


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ONE, None),
        (f"Bearer {ONE}", None),
        (f"bearer  {ONE} ", None),
        (None, Refusal.MISSING),
        ("", Refusal.MISMATCH),
        (ONE[:-1], Refusal.MISMATCH),
        (f"{ONE}, {ONE}", Refusal.MISMATCH),
        (f"Basic {ONE}", Refusal.MISMATCH),
    ],
)
def test_a_token_in_a_header(value: str | None, expected: Refusal | None) -> None:
    assert judged(TOKEN, sent(TOKEN, x_webhook_token=value), ONE) is expected


def test_a_token_comes_in_the_header_that_is_named_and_only_its_hash_is_kept() -> None:
    kept = kept_secret(TOKEN, ONE)

    found = refusal_of(TOKEN, [kept], {"x-gitlab-token": ONE}, b"", now_s=NOW_S, header="x-gitlab-token")
    with_hash = refusal_of(TOKEN, [kept], {"x-webhook-token": kept}, b"", now_s=NOW_S)

    assert found is None
    assert ONE not in kept
    assert with_hash is Refusal.MISMATCH


def test_the_scheme_none_proves_nothing() -> None:
    assert judged(Scheme.NONE, {}) is None


@pytest.mark.parametrize(
    ("scheme", "secret", "is_right"),
    [
        (HUB, "s3cret", True),
        (HUB, "x" * 256, True),
        (HUB, "x" * 257, False),
        (HUB, "", False),
        (HUB, " x", False),
        (HUB, "a\nb", False),
        (HUB, "ä", False),
        (TOKEN, "t", True),
        (STANDARD, ONE, True),
        (STANDARD, ONE.removeprefix("whsec_"), True),
        (STANDARD, "whsec_" + base64.b64encode(b"x" * 24).decode(), True),
        (STANDARD, "whsec_" + base64.b64encode(b"x" * 23).decode(), False),
        (STANDARD, "whsec_" + base64.b64encode(b"x" * 65).decode(), False),
        (STANDARD, "whsec_not base64", False),
        (STANDARD, "s3cret", False),
    ],
)
def test_what_a_secret_may_be(scheme: Scheme, secret: str, is_right: bool) -> None:
    assert (secret_rule(scheme, secret) is None) is is_right


def test_every_reason_has_its_words_and_its_cure() -> None:
    assert set(Refusal) == REFUSAL_WORDS.keys() == CURES.keys() == set(get_args(ReasonName))
