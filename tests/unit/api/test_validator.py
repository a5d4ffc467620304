"""What may come in, before the engine is asked."""

import pytest
from starlette.requests import Request

from api.problems import RequestInvalid
from api.schemas.workflow import TriggerRequest
from api.validator import execution_id_in, idempotency_of, parse_envelope
from orchestrator.errors import ExecutionNotFound


def request(key: str | None) -> Request:
    headers = [] if key is None else [(b"idempotency-key", key.encode("latin-1"))]
    return Request(
        {"type": "http", "method": "POST", "path": "/workflow", "headers": headers, "query_string": b""}
    )


@pytest.mark.parametrize("text", ["", "a:b", "a/b", "x" * 129, "{tag}", "a b", "a\n"])
def test_what_cannot_be_an_id_is_an_unknown_execution(text: str) -> None:
    with pytest.raises(ExecutionNotFound):
        execution_id_in(text)


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ('"abc"', "abc"),
        ("abc", "abc"),
        (' "a b" ', "a b"),
        ('"a\\"b\\\\"', 'a"b\\'),
        ('"', '"'),
        ("a b", "a b"),
    ],
)
def test_idempotency_key_may_be_quoted_or_bare(sent: str, key: str) -> None:
    found = idempotency_of(request(sent), b"{}")

    assert found is not None
    assert found.name == key


@pytest.mark.parametrize("sent", ["", '""', "é", "x" * 256])
def test_unfit_idempotency_key_is_refused(sent: str) -> None:
    with pytest.raises(RequestInvalid):
        idempotency_of(request(sent), b"{}")


def test_without_the_header_there_is_no_key() -> None:
    assert idempotency_of(request(None), b"{}") is None


def test_same_key_with_another_body_has_another_fingerprint() -> None:
    first, second = idempotency_of(request("k"), b"{}"), idempotency_of(request("k"), b"{ }")

    assert first is not None
    assert second is not None
    assert (first.key, first.name) == (second.key, second.name)
    assert first.digest != second.digest


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_optional_body_may_be_empty(body: bytes) -> None:
    assert parse_envelope(TriggerRequest, body, may_be_empty=True).inputs is None


def test_required_body_may_not_be_empty() -> None:
    with pytest.raises(RequestInvalid, match="required"):
        parse_envelope(TriggerRequest, b"")


def test_syntax_error_names_line_and_column() -> None:
    with pytest.raises(RequestInvalid) as caught:
        parse_envelope(TriggerRequest, b'{\n"inputs": }')

    assert caught.value.problems[0].line == 2
