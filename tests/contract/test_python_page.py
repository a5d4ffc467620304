"""Every Python block of docs/python.md and of the README's section on handlers runs as it stands there."""

from __future__ import annotations

import asyncio
import inspect
import re
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from docs.generate import ROOT
from headrace.registration import HANDLER_REGISTRY
from tests.api_process import api_process
from tests.makers import WorkerFleet

SERVER = "http://localhost:8000"


def blocks(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def page() -> Iterator[ModuleType]:
    """What the blocks share, as if they were one module."""
    before = dict(HANDLER_REGISTRY)
    made = sys.modules["python_page"] = ModuleType("python_page")
    yield made
    del sys.modules["python_page"]
    HANDLER_REGISTRY.clear()
    HANDLER_REGISTRY.update(before)


def run_block(page: ModuleType, code: str) -> None:
    known = set(vars(page))
    exec(compile(code, "<block>", "exec"), vars(page))
    for name in set(vars(page)) - known:
        if name.startswith("test_") and not inspect.signature(test := getattr(page, name)).parameters:
            test()


def sources() -> Iterator[list[str]]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    yield blocks((ROOT / "docs" / "python.md").read_text(encoding="utf-8"))
    yield blocks(readme.partition("\n## Your own handlers\n")[2].partition("\n## ")[0])


@pytest.mark.parametrize("code", list(sources()), ids=["page", "readme"])
async def test_the_blocks_of_a_page_run_one_after_the_other(
    code: list[str], page: ModuleType, redis_url: str, fleet: WorkerFleet
) -> None:
    with api_process(redis_url) as (_, port):
        is_started = False
        for each in code:
            if SERVER in each and not is_started:
                is_started = await fleet.start() is not None
            own = each.replace(SERVER, f"http://127.0.0.1:{port}")
            await asyncio.to_thread(run_block, page, own)

    assert is_started
