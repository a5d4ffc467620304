"""The page at /docs has all routes, and needs nothing from elsewhere."""

import asyncio
import re
import threading
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from docs import generate
from tests.patience import PATIENCE_S


async def test_the_page_has_every_route(client: httpx2.AsyncClient) -> None:
    page = await client.get("/docs")

    assert page.headers["content-type"].startswith("text/html")
    for path, operations in generate.openapi()["paths"].items():
        for method in operations:
            assert f"<b>{method.upper()}</b> {path}<" in page.text


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
async def test_other_requests_are_answered_while_it_is_made(
    client: httpx2.AsyncClient, app: FastAPI, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_answered = threading.Event()

    def openapi() -> dict[str, Any]:
        assert is_answered.wait(PATIENCE_S)
        return {"info": {"title": "Headrace", "version": "1"}, "paths": {}}

    monkeypatch.setattr(app, "openapi", openapi)
    page = asyncio.create_task(client.get(path))
    assert (await client.get("/livez")).status_code == 200
    is_answered.set()

    assert "Headrace" in (await page).text


async def test_the_page_runs_and_loads_nothing(client: httpx2.AsyncClient) -> None:
    page = await client.get("/docs")

    assert not re.search(r"<(script|link|img|iframe|object|form)\b|\bsrc=|\bon\w+=", page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert re.findall(r"href=[\"']?([^\"'>]*)", page.text) == ["openapi.json"]


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect"])
async def test_there_is_no_page_with_scripts_of_others(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404
