"""`client.workflows`: how a change is made whatever there is, and the name a title makes."""

from __future__ import annotations

import httpx2
import pytest

from headrace.api.workflows import name_of
from headrace.client import AsyncClient
from headrace.errors import ApiError
from orchestrator.definitions import registry

RECORD = {"name": "orders", "version": 2, "outcome": "updated"}


def client_of(answers: list[httpx2.Response], asked: list[httpx2.Request]) -> AsyncClient:
    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return answers.pop(0)

    return AsyncClient("http://server", transport=httpx2.MockTransport(answer))


def refused(status: int) -> httpx2.Response:
    return httpx2.Response(status, json={"code": "X", "detail": "no"})


async def test_apply_changes_what_is_there_and_creates_what_has_just_gone() -> None:
    asked: list[httpx2.Request] = []
    answers = [refused(428), refused(412), httpx2.Response(201, json=RECORD)]

    async with client_of(answers, asked) as client:
        done = await client.workflows.apply("orders", b"name: x", media_type="text/yaml")

    assert (done.name, done.version, done.outcome) == ("orders", 2, "updated")
    assert [request.headers.get("if-match") for request in asked] == [None, "*", None]
    assert {(request.content, request.headers["content-type"]) for request in asked} == {
        (b"name: x", "text/yaml")
    }


async def test_apply_raises_what_it_cannot_mend() -> None:
    asked: list[httpx2.Request] = []

    async with client_of([refused(400)], asked) as client:
        with pytest.raises(ApiError):
            await client.workflows.apply("orders", {"name": "x"})

    assert len(asked) == 1


@pytest.mark.parametrize(
    "title", ["Order Pipeline", "Bestellung prüfen", "  --A!", "注文", "x" * 63 + " y", "①"]
)
def test_a_title_makes_the_name_that_the_server_makes(title: str) -> None:
    assert name_of(title) == registry.name_of(title)
