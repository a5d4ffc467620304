"""An app that is served inside the process of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from fastapi import FastAPI


@asynccontextmanager
async def serving_app(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Start an app; gives a client of it, and stops it afterwards."""
    transport: Any = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://headrace") as made,
    ):
        yield made
