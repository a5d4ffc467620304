"""Secrets are hidden in every spelling, and before anything is cut."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from pydantic import BaseModel, computed_field

from clients.http.wire import RequestInvalid, parse_url
from headrace import Completed
from orchestrator.errors import NodeError
from workers.excerpts import Excerpt
from workers.outcome import Failed
from workers.runtime.redaction import WINDOW, Redactor, Redactors

ODD = 's3cr"et\\val-Zürich/9+x'
LINES = "line-one-aaaa\nline-two-bbbb"


@pytest.mark.parametrize("secret", [ODD, LINES, "abc/def+ghi/jkl==", "пароль-секрет", "<a&b>'c'12"])
def test_a_secret_is_hidden_in_every_spelling(secret: str) -> None:
    raw = secret.encode()
    spelled = [
        secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), json.dumps(json.dumps(secret)),
        json.dumps(secret).replace("/", "\\/"), json.dumps(secret).replace("\\u00fc", "\\u00FC"),
        quote(secret), quote(secret, safe=""), quote_plus(secret),
        quote(secret, safe="").replace("%C3%BC", "%c3%bc"),
        *(base64.b64encode(b"x" * n + raw).decode()[n and n + 1 :] for n in range(3)),
        base64.urlsafe_b64encode(raw).decode(), " ".join(secret.split()), repr(secret),
    ]  # fmt: skip

    shown = [Redactor([secret]).text(f"<{text}>") for text in spelled]

    assert not [text for text in shown if len(text.strip("<>\"'\\").replace("***", "")) > 0]


def test_each_long_line_of_a_secret_is_hidden_alone() -> None:
    assert Redactor([LINES]).text("at line-two-bbbb") == "at ***"


class Computing(BaseModel):
    """Says what it holds where it cannot be written."""

    token: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def size(self) -> int:
        raise LookupError(f"no size of {self.token}")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"hunter2-token": {1}}, "output.*** is of the type set"),
        ({("hunter2-token",): 1}, "output has a key that is not text: ('***',)"),
        ([Computing(token="hunter2-token")], "output[0] of the type Computing cannot be made into JSON: "),
    ],
)
def test_what_is_said_of_an_output_that_is_no_json_has_no_secret(output: object, said: str) -> None:
    shown = Redactor(["hunter2-token"]).outcome(Completed(output))

    assert isinstance(shown, Failed)
    assert said in shown.error.message and "hunter2" not in shown.error.message
    assert not shown.error.retryable


def test_a_text_is_cut_after_secrets_are_out_of_it() -> None:
    error = NodeError("X", Excerpt("x" * 1990 + ODD, 2000), details={"body": Excerpt("." * 985 + ODD, 1000)})

    shown = Redactor([ODD]).error(error)

    assert (shown.message, shown.details) == ("x" * 1990 + "***", {"body": "." * 985 + "***"})


def test_the_beginning_of_a_secret_before_a_cut_is_hidden() -> None:
    assert Redactor(["hunter2-token"]).text("with hunter2… (3 more)") == "with ***… (3 more)"


@pytest.mark.parametrize("before", range(88, 100))
def test_a_message_of_a_client_that_cuts_a_secret_in_two_hides_its_beginning(before: int) -> None:
    with pytest.raises(RequestInvalid) as raised:
        parse_url("x" * before + "hunter2-token" + "y" * 50)

    assert "hunt" not in Redactor(["hunter2-token"]).text(str(raised.value))


def test_a_whole_secret_of_another_tenant_is_hidden_and_its_beginning_is_not() -> None:
    redactors = Redactors({"default": ["default-0123456789"], "acme": ["acme-0123456789"]})

    for tenant in ("default", "acme", "beta"):
        shown = redactors.of(tenant)
        assert shown.text("<acme-0123456789> <default-0123456789>") == "<***> <***>"
        for owner in ("default", "acme"):
            # Cut visibly, at the end of a message, and in a stream that goes on.
            hidden, guess = ("***" if tenant == owner else f"{owner}-01234"), f"{owner}-01234"
            assert shown.text(f"with {guess}… (3 more)") == f"with {hidden}… (3 more)"
            assert shown.excerpt(Excerpt(f"with {guess}", 2000)) == f"with {hidden}"
            assert shown.settled(f"with {guess}") == (
                ("with ", guess) if tenant == owner else (f"with {guess}", "")
            )
    # A log is nobody's.
    assert redactors.all.text("default-0… acme-0…") == "***… ***…"


def test_a_long_text_is_cut_behind_whole_secrets_of_other_tenants() -> None:
    redactor = Redactors({"default": [], "acme": ["k3y-" * 500]}).of("default")

    shown = redactor.error(NodeError("X", Excerpt("x" * 1990 + "k3y-" * 500 + "y" * WINDOW, 2000)))

    assert "k3y" not in shown.message
