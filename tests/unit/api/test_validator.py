"""What may come in, before the engine is asked."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from starlette.requests import Request

from api import validator
from api.problems import RequestInvalid
from api.schemas.workflow import TriggerRequest
from api.validator import execution_id_in, idempotency_of, parse_envelope
from orchestrator.documents import strict_json
from orchestrator.documents.yaml import load_yaml
from orchestrator.errors import ExecutionNotFound
from orchestrator.operations.turns import LONG_BYTES


def request(key: str | None) -> Request:
    headers = [] if key is None else [(b"idempotency-key", key.encode("latin-1"))]
    return Request(
        {"type": "http", "method": "POST", "path": "/workflow", "headers": headers, "query_string": b""}
    )


@pytest.mark.parametrize("text", ["", "x" * 257, "a\n", "\x1f", "\ud800"])
def test_what_can_be_neither_id_nor_key_is_an_unknown_execution(text: str) -> None:
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


@pytest.mark.parametrize("route", ["/v1/executions", "/v1/validate", "/v1/simulate"])
@pytest.mark.parametrize("media_type", ["application/json", "application/yaml"])
async def test_a_large_body_keeps_nobody_waiting(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, media_type: str, route: str
) -> None:
    may_go_on = threading.Event()

    def held(read: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*arguments: Any, **named: Any) -> Any:
            may_go_on.wait(30)
            return read(*arguments, **named)

        return slow

    monkeypatch.setattr(strict_json, "parse", held(strict_json.parse))
    monkeypatch.setattr(validator, "load_yaml", held(load_yaml))
    large = b'{"definition": {}, "strange": "' + b"x" * LONG_BYTES + b'"}'

    asked = asyncio.create_task(client.post(route, content=large, headers={"Content-Type": media_type}))
    alive = await client.get("/livez")
    assert alive.is_success
    assert not asked.done()
    may_go_on.set()
    assert (await asked).status_code == 422
