"""An API without keys, as in development, and an agent of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI

from config import Settings
from main import create_app

pytest.importorskip("mcp", reason="pip install -r requirements-mcp.lock")

from tests.contract.mcp.agents import NO_FILES, Agent, agent, served


@pytest.fixture
def app(redis_url: str) -> FastAPI:
    return create_app(Settings(redis_url=redis_url, workflows_dir=NO_FILES))


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with served(app) as made:
        yield made


@pytest.fixture
async def helper(address: str) -> AsyncIterator[Agent]:
    """An agent of it, in a task of its own: the client has to be left in the task that entered it."""
    found: asyncio.Future[Agent] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def live() -> None:
        async with agent(address) as made:
            found.set_result(made)
            await over.wait()

    living = asyncio.create_task(live())
    either: list[asyncio.Future[Any]] = [living, found]
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if living.done():
        living.result()
    yield await found
    over.set()
    await living
