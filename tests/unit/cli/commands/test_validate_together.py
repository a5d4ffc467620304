"""`./headrace validate` of many files: which are sent beside one, and how often each is read."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from cli.commands import documents
from headrace import client
from headrace.client import AsyncClient

GOOD: dict[str, Any] = {"valid": True, "errors": [], "warnings": [], "summary": None}


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[bytes]:
    """The bodies that reach a server which finds all good; the command runs in a directory of its own."""
    found: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        found.append(request.content)
        return httpx2.Response(200, json=GOOD)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(client, "AsyncClient", partial(AsyncClient, transport=httpx2.MockTransport(answer)))
    return found


def validate(*texts: str) -> None:
    names = [f"{number}.yaml" for number in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        Path(name).write_text(text, encoding="utf-8")
    ended = CliRunner().invoke(app, ["validate", "--server", "http://server", *names])
    assert ended.exit_code == 0, ended.output


def test_files_that_one_names_are_sent_beside_it(bodies: list[bytes]) -> None:
    parent, child = "name: parent\nruns: the-child\n", "name: The Child\n"

    validate(parent, child)

    assert [json.loads(body).get("beside") for body in bodies] == [[child], None]


def test_files_that_name_each_other_are_sent_in_bodies_that_the_server_takes(bodies: list[bytes]) -> None:
    names = " ".join(f"flow-{number}" for number in range(12))

    validate(*(f"name: flow {number}\nrest: {names} {'é' * 400_000}\n" for number in range(12)))

    assert max(map(len, bodies)) < 8 * 1024 * 1024
    assert [len(json.loads(body)["beside"]) for body in bodies] == [4] * 12


def test_each_of_many_files_is_read_for_its_name_once(
    bodies: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = documents._read_yaml

    def counted(text: str) -> Any:
        read.append(text)
        return real(text)

    monkeypatch.setattr(documents, "_read_yaml", counted)

    validate(*(f"name: flow {number}\n" for number in range(20)))

    assert max(read.count(text) for text in set(read)) <= 2
