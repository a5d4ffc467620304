"""Runs a command against a server that is a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from cli.__main__ import app


def answer_with(monkeypatch: pytest.MonkeyPatch, answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
    """Let every request of the command line be answered by a function."""
    real = httpx2.AsyncClient

    def client(**given: Any) -> httpx2.AsyncClient:
        return real(**{**given, "transport": httpx2.MockTransport(answer)})

    monkeypatch.setattr("headrace.transport.httpx2.AsyncClient", client)


def run(*arguments: str) -> tuple[int, list[str]]:
    """Run a command; gives its exit code and the lines it printed."""
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output.splitlines()
