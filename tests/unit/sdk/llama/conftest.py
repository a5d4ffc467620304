"""The handlers of a file with workflows, loaded once: a module cannot be loaded twice under one name."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.lives import Lived
from headrace.llama import letters
from headrace.llama.handlers import register
from headrace.llama.loading import load_server
from headrace.llama.runtime import JournaledRuntime
from headrace.registration import HANDLER_REGISTRY, HandlerSpec
from headrace.testing import run_durable_async
from tests.source_tree import ROOT

#: Runs one workflow of the file with inputs, and gives how it lived.
Play = Callable[..., Any]


@pytest.fixture(scope="session")
def _specs() -> dict[str, HandlerSpec]:
    runtime = JournaledRuntime()
    before = dict(HANDLER_REGISTRY)
    server = load_server(ROOT / "tests" / "served_flows.py", runtime)
    register(server, runtime, may_pickle=False)
    found = {name: spec for name, spec in HANDLER_REGISTRY.items() if name not in before}
    HANDLER_REGISTRY.clear()
    HANDLER_REGISTRY.update(before)
    return found


@pytest.fixture
def counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Counter[str]]:
    """How often each step of a run has begun."""
    file = tmp_path / "counts"
    file.touch()
    monkeypatch.setenv("COUNTS", os.fspath(file))
    return lambda: Counter(line.split(" ", 1)[1] for line in file.read_text().splitlines())


@pytest.fixture
def play(_specs: dict[str, HandlerSpec], counts: object, monkeypatch: pytest.MonkeyPatch) -> Play:
    for name, spec in _specs.items():
        monkeypatch.setitem(HANDLER_REGISTRY, name, spec)
    # The clock stands still but for those who wait for letters: while steps are at work nobody does.
    monkeypatch.setattr(letters, "LISTEN_AFTER_S", 3600.0)

    async def played(name: str, inputs: dict[str, Any] | None = None, **more: Any) -> Lived:
        return await run_durable_async(f"workflow_server.{name}", {"start": inputs or {}}, **more)

    return played
