"""The page of a workflow server: what it runs, in which order it stands, and what a browser makes of it."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import httpx2
import pytest

from config import Settings
from main import workflow_server
from tests.api_process import api_process
from tests.contract.workflow_server.served import Served
from tests.patience import PATIENCE_S
from tests.serving import serving_app

SCRIPTS = ("page.js", "page-calls.js", "page-graph.js")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
#: A browser that calls nobody but the page's server.
SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.mark.parametrize("is_alone", [False, True])
async def test_the_page_runs_its_own_scripts_and_nothing_else(
    served: Served, redis_url: str, is_alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("main.get_settings", lambda: Settings(redis_url=redis_url))
    async with serving_app(workflow_server()) as alone:
        get = alone.get if is_alone else served.client.get
        prefix = "" if is_alone else "/llama"
        page = await get(f"{prefix}/")
        scripts = [await get(f"{prefix}/{name}") for name in SCRIPTS]
        style = await get(f"{prefix}/page.css")

    kinds = ((page, "html"), (style, "css"), *((script, "javascript") for script in scripts))
    for answer, kind in kinds:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == f"text/{kind}; charset=utf-8"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "://" not in answer.text
    # Relative, so that they are found at both places; nothing stands in the page itself.
    assert '<script type="module" src="page.js"></script>' in page.text
    assert '<link rel="stylesheet" href="page.css">' in page.text
    assert page.text.count("<script") == 1 and "<style" not in page.text
    for script in scripts:
        # Every other part of the script is one that is served.
        assert set(re.findall(r'from "([^"]*)"', script.text)) <= {f"./{name}" for name in SCRIPTS}
        # A timer takes a function: a text would be a program.
        assert set(re.findall(r"setTimeout\((.{5})", script.text)) <= {"() =>"}
        for sink in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "Function(",
            "on=",
        ):
            assert sink not in script.text and sink not in page.text


async def test_failures_and_the_run_stand_before_the_long_list_of_runs(served: Served) -> None:
    page = (await served.client.get("/llama/")).text

    places = [page.index(f'id="{name}"') for name in ("failure", "start", "run", "runs")]
    assert page.index("</header>") < places[0]
    assert places == sorted(places)
    assert '<p id="failure" role="alert" hidden>' in page


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
async def test_an_address_opens_a_run_with_the_event_that_it_waits_for(
    redis_url: str, tmp_path: Path
) -> None:
    with api_process(redis_url) as (_, port):
        url = f"http://127.0.0.1:{port}/llama"
        async with httpx2.AsyncClient(timeout=PATIENCE_S) as client:
            started = await client.post(f"{url}/workflows/human/run-nowait", json={"handler_id": "<b>mine"})
        shown = await _shown(f"{url}/#%3Cb%3Emine", tmp_path)

    assert started.status_code == 200
    assert "Run &lt;b&gt;mine</h2>" in shown
    assert re.search(r'<p id="run-status" role="status">human running</p>', shown)
    # What the run gives is not offered; what it takes has its fields.
    assert re.search(r'<select id="event-type"><option>ResponseEvent</option></select>', shown)
    assert 'data-name="response"' in shown


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
async def test_a_workflow_is_drawn(redis_url: str, tmp_path: Path) -> None:
    with api_process(redis_url) as (_, port):
        shown = await _shown(f"http://127.0.0.1:{port}/llama/", tmp_path)

    # Of `greet`: six steps, three of which emit one type, a start and a stop.
    kinds = re.findall(r'<g class="(step|event|external)">', shown)
    assert (kinds.count("step"), kinds.count("event"), kinds.count("external")) == (6, 3, 0)
    assert '<button id="start-button" type="submit">' in shown


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
async def test_where_no_workflow_can_be_started_the_page_says_how_to_register_one(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOWS_DIR", str(tmp_path))
    with api_process(redis_url) as (_, port):
        shown = await _shown(f"http://127.0.0.1:{port}/llama/", tmp_path)

    assert '<p id="none">No workflow' in shown
    assert '<button id="start-button" type="submit" disabled="">' in shown
    assert '<p id="failure" role="alert" hidden=""></p>' in shown


async def _shown(url: str, directory: Path) -> str:
    """Open a page in a browser and give what it has become."""
    assert CHROMIUM is not None
    profile = f"--user-data-dir={directory / 'profile'}"
    browser = await asyncio.create_subprocess_exec(
        CHROMIUM, *SWITCHES, profile, "--virtual-time-budget=5000", "--dump-dom", url,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    found, _ = await asyncio.wait_for(browser.communicate(), PATIENCE_S)
    return found.decode()
