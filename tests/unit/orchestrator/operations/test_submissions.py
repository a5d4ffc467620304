"""Large definitions are compiled one after the other, and not without end."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from orchestrator.engine import Engine
from orchestrator.errors import TooBusy
from orchestrator.operations import submissions
from orchestrator.operations.turns import MOST_WAITING


async def test_what_finds_enough_others_waiting_is_refused_for_now(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    compile_now = submissions.compile_definition  # type: ignore[attr-defined]

    def slow(*arguments: Any, **named: Any) -> Any:
        may_go_on.wait(30)
        return compile_now(*arguments, **named)

    monkeypatch.setattr(submissions, "_takes_long", lambda text: True)
    monkeypatch.setattr(submissions, "compile_definition", slow)
    document = {"name": "large", "nodes": [{"id": "A", "handler": "noop"}]}
    waiting = [asyncio.create_task(engine.executions.submit(document)) for _ in range(MOST_WAITING + 1)]
    done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    may_go_on.set()

    (refused,) = done
    with pytest.raises(TooBusy, match="16 large documents"):
        await refused
    others = await asyncio.gather(*(task for task in waiting if task is not refused))
    assert len({each.execution_id for each in others}) == MOST_WAITING
