"""The demo of the dev stack: further settings of its processes, and the execution that it starts."""

from __future__ import annotations

import base64
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from cli.stack import ports
from config import Settings

HANDLERS = "examples.handlers"
#: The name under which the demo's workflow calls the API, and that of its inbox.
SERVICE, INBOX = "demo", "demo-inbox"
#: Shorter than usual, so that the work of a killed worker is taken over while the page is open.
LEASE_MS = 5_000
#: Without a pause the echo provider answers at once, and no streamed text would be seen.
ECHO_PAUSE_MS = 150
#: How long the API may take to start the demo's execution.
START_WITHIN_S = 15.0
#: How long one answer of it may take.
CALL_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class DemoRun:
    """What came of starting the demo.

    execution_id  None where there is none.
    is_new        False: it goes on from before.
    problem       why there is none.
    """

    execution_id: str | None = None
    is_new: bool = True
    problem: str = ""


class NoDemo(Exception):
    """The demo cannot be had with these settings."""


def require_development(settings: Settings) -> None:
    """Let the demo only be started in development. Raises NoDemo."""
    if settings.is_production:
        raise NoDemo("--demo is for development only; found ENVIRONMENT=production")


def handler_modules(settings: Settings, *, is_demo: bool) -> tuple[str, ...]:
    """Modules of handlers that workers load: those of the settings, and those of the demo."""
    return tuple(dict.fromkeys((*settings.handler_modules, *([HANDLERS] if is_demo else []))))


def demo_environment(settings: Settings, services: Mapping[str, str], *, api_port: int) -> dict[str, str]:
    """Give the variables that every process of the stack gets for the demo; what is set stays as it is.

    services  those that the stack's processes know already, by name.
    """
    url = f"http://{ports.LOCAL}:{api_port}/demo"
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    found = {
        "DEMO": "true",
        "HANDLERS": ",".join(handler_modules(settings, is_demo=True)),
        "SERVICES": json.dumps({**services, SERVICE: url}),
        "NOTIFY_URLS": json.dumps({**settings.notify_urls, INBOX: f"{url}/inbox"}),
        "WEBHOOK_SECRETS": json.dumps({"default": secret, **settings.webhook_secrets}),
    }
    own = {"LEASE_MS": LEASE_MS, "LLM_ECHO_PAUSE_MS": ECHO_PAUSE_MS}
    return found | {
        name: str(value) for name, value in own.items() if name.lower() not in settings.model_fields_set
    }


def start_demo(api_port: int, api_key: str | None, *, within_s: float = START_WITHIN_S) -> DemoRun:
    """Start the demo's execution, or find the one that has not ended. Blocks, and asks a busy API again."""
    request = urllib.request.Request(
        f"http://{ports.LOCAL}:{api_port}/demo/start",
        b'{"go_on": true}',
        {"Content-Type": "application/json"} | ({"X-API-Key": api_key} if api_key else {}),
        method="POST",
    )
    give_up_at = time.monotonic() + within_s
    while True:
        try:
            with urllib.request.urlopen(request, timeout=CALL_WITHIN_S) as answer:
                found = json.load(answer)
                return DemoRun(str(found["execution_id"]), is_new=not found["existing"])
        except urllib.error.HTTPError as error:
            problem = _detail(error)
            if error.code < 500:
                return DemoRun(problem=problem)
        except (OSError, ValueError) as error:
            problem = str(error)
        if time.monotonic() >= give_up_at:
            return DemoRun(problem=problem)
        time.sleep(0.2)


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["detail"])
    except (OSError, ValueError, LookupError, TypeError):
        return f"HTTP {error.code}"
