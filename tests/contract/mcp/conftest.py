"""An API without keys, as in development, and an agent of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI

from config import Settings
from main import create_app

if TYPE_CHECKING:
    from tests.contract.mcp.agents import Agent


@pytest.fixture
def app(redis_url: str) -> FastAPI:
    from tests.contract.mcp.agents import NO_FILES  # here: its package may be missing

    return create_app(Settings(redis_url=redis_url, workflows_dir=NO_FILES))


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    from tests.contract.mcp.agents import served

    async with served(app) as made:
        yield made


@pytest.fixture
async def helper(address: str) -> AsyncIterator[Agent]:
    """An agent of it, in a task of its own: the client has to be left in the task that entered it."""
    from tests.contract.mcp.agents import agent

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
