"""The whole API over the real engine and a flushed Redis, in process."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from config import Settings
from main import create_app


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(Settings(redis_url=redis_url))
    transport: Any = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://headrace") as made,
    ):
        yield made
