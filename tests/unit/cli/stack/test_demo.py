"""The demo of the stack: what its processes are told, and how its execution is started."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cli.stack.demo import DemoRun, NoDemo, demo_environment, require_development, start_demo
from config import Settings


class Api(ThreadingHTTPServer):
    """An API that gives the answers it is told to, one after the other."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ApiHandler)
        self.answers: list[tuple[int, object]] = []
        self.seen: list[tuple[str, str | None, object]] = []


class ApiHandler(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:  # name of the base class
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, self.headers["X-API-Key"], sent))
        status, answer = self.server.answers.pop(0)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return None


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_processes_find_the_demo_s_service_handler_and_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    found = demo_environment(Settings(_env_file=None), {"consumer": "http://c"}, api_port=8000)

    assert found["DEMO"] == "true"
    assert found["HANDLERS"] == "examples.handlers"
    assert json.loads(found["SERVICES"]) == {"consumer": "http://c", "demo": "http://127.0.0.1:8000/demo"}
    assert json.loads(found["NOTIFY_URLS"]) == {"demo-inbox": "http://127.0.0.1:8000/demo/inbox"}
    assert json.loads(found["WEBHOOK_SECRETS"])["default"].startswith("whsec_")
    assert int(found["LEASE_MS"]) < Settings(_env_file=None).lease_ms
    assert int(found["LLM_ECHO_PAUSE_MS"]) > 0
    for name, text in found.items():
        monkeypatch.setenv(name, text)
    read = Settings(_env_file=None)
    assert read.is_demo and read.services["demo"].endswith("/demo")


def test_what_is_set_stays_as_it_is() -> None:
    settings = Settings(
        _env_file=None, handlers="mine.handlers", notify_urls={"mine": "http://m"}, lease_ms=9_000,
        webhook_secrets={"default": "whsec_bWluZQ=="}, llm_echo_pause_ms=0,
    )  # fmt: skip

    found = demo_environment(settings, {}, api_port=8000)

    assert found["HANDLERS"] == "mine.handlers,examples.handlers"
    assert json.loads(found["NOTIFY_URLS"]).keys() == {"mine", "demo-inbox"}
    assert json.loads(found["WEBHOOK_SECRETS"]) == {"default": "whsec_bWluZQ=="}
    assert not {"LEASE_MS", "LLM_ECHO_PAUSE_MS"} & found.keys()


def test_in_production_there_is_none() -> None:
    with pytest.raises(NoDemo, match="ENVIRONMENT=production"):
        require_development(Settings(_env_file=None, environment="production"))
    require_development(Settings(_env_file=None))


def test_an_execution_is_started_or_the_one_found_that_goes_on(api: Api) -> None:
    api.answers = [
        (202, {"execution_id": "e1", "existing": False}),
        (200, {"execution_id": "e1", "existing": True}),
    ]

    runs = [start_demo(api.server_port, key) for key in (None, "hr_key")]

    assert runs == [DemoRun("e1", is_new=True), DemoRun("e1", is_new=False)]
    assert api.seen == [("/demo/start", key, {"go_on": True}) for key in (None, "hr_key")]


def test_a_busy_api_is_asked_again_and_one_that_refuses_is_not(api: Api) -> None:
    api.answers = [
        (503, {"detail": "the store is away"}),
        (202, {"execution_id": "e1", "existing": False}),
        (401, {"detail": "a key is required"}),
    ]

    assert start_demo(api.server_port, None).execution_id == "e1"
    assert start_demo(api.server_port, None) == DemoRun(problem="a key is required")


def test_one_that_stays_busy_or_away_is_given_up(api: Api) -> None:
    api.answers = [(503, "no problem document")]

    assert start_demo(api.server_port, None, within_s=0).problem == "HTTP 503"
    assert start_demo(1, None, within_s=0).problem
