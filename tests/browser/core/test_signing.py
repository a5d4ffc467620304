"""Deliveries that are signed in the browser: the server takes them for genuine."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from orchestrator.documents.signatures import Refusal, Scheme, kept_secret, refusal_of
from tests.browser.modules import Module

STANDARD_SECRET = "whsec_1Yt+lgkHBAon72ric6hoUom9tDZZdV28Aq8AobSEyeI="
BODY = '{"text": "it\'s späť", "n": [1, 2]}'


@pytest.fixture
def signing(pure: Callable[[str], Module]) -> Module:
    return pure("core/signing.js")


@pytest.mark.parametrize(
    ("scheme", "secret"),
    [
        (Scheme.HUB256, "a secret of letters"),
        (Scheme.HUB256, STANDARD_SECRET),
        (Scheme.STANDARD, STANDARD_SECRET),
        (Scheme.HEADER_TOKEN, "token-4711"),
        (Scheme.NONE, ""),
    ],
)
def test_a_signed_delivery_is_genuine_and_another_body_is_not(
    signing: Module, scheme: Scheme, secret: str
) -> None:
    asked = {
        "scheme": scheme,
        "header": None,
        "secret": secret,
        "body": BODY,
        "id": "d-1",
        "seconds": 1_000_000,
    }

    sent = signing.call("signedHeaders", asked)

    headers = {name.lower(): value for name, value in sent.items()}
    kept = [kept_secret(scheme, secret)] if secret else []
    assert refusal_of(scheme, kept, headers, BODY.encode(), now_s=1_000_010) is None
    if scheme in (Scheme.HUB256, Scheme.STANDARD):
        assert refusal_of(scheme, kept, headers, b"{}", now_s=1_000_010) is Refusal.MISMATCH


def test_a_secret_that_the_scheme_cannot_have_is_refused(signing: Module) -> None:
    asked = {"scheme": "standard", "header": None, "secret": "short", "body": "{}", "id": "d", "seconds": 1}

    said = signing.run(
        "(module, asked) => module.signedHeaders(asked).catch((error) => error.message)", asked
    )

    assert "whsec_" in said


def test_the_command_is_one_for_a_shell(signing: Module) -> None:
    command = signing.call("curlCommand", "http://host/webhooks/a", {"X-One": "it's"}, BODY)

    words = shlex.split(command.replace("\\\n", " "))
    assert words[:4] == ["curl", "-X", "POST", "http://host/webhooks/a"]
    assert words[-2:] == ["--data-binary", BODY]
    assert "X-One: it's" in words
