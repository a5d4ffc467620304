"""What a stub without an output gives: an output with the fields of the real handler's. Pure.

So that templates such as `{{ fetch.body }}` and `{{ ask.answer }}` resolve in a simulation without stubs.
What a real service or model would say is not known; texts say that they are simulated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from clients.llm.provider import SIMULATED
from clients.llm.schema_sample import sample_of
from headrace.tools import LlmUsage

Config = Mapping[str, Any]


def sample_output(handler: str, config: Config) -> dict[str, Any]:
    """Give the sample of a handler, by any of its names, with the config beside it, templates resolved.

    Of a handler that is not built in, only that.
    """
    sample = _SAMPLES[handler](config) if handler in _SAMPLES else {}
    return {"status": "ok", **sample, "config": dict(config)}


def _service(config: Config) -> dict[str, Any]:
    return {"data": f"Simulated call to {config.get('url')}", "url": config.get("url"), "status_code": 200}


def _http(config: Config) -> dict[str, Any]:
    expected = config.get("expect_status")
    status = expected[0] if isinstance(expected, list) and expected else 200
    return {
        "status_code": status if isinstance(status, int) else 200,
        "headers": {},
        "body": {},
        "duration_ms": 0,
    }


def _llm(config: Config) -> dict[str, Any]:
    schema = config.get("schema")
    parsed = sample_of(schema) if isinstance(schema, Mapping) else None
    answer = f"Simulated response for: {_question(config)}" if parsed is None else json.dumps(parsed)
    output = {
        "answer": answer,
        "content": answer,
        "model": SIMULATED,
        "usage": LlmUsage().to_dict(),
        "stop_reason": "end_turn",
        "cost_usd": 0.0,
        "simulated": True,
    }
    return output | {"parsed": parsed} if schema is not None or config.get("parse") else output


def _question(config: Config) -> str:
    """Find the text of the last thing that the model is told."""
    if isinstance(prompt := config.get("prompt"), str):
        return prompt
    messages = config.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, Mapping) else None
    return content if isinstance(content, str) else ""


def _container(config: Config) -> dict[str, Any]:
    return {"exit_code": 0, "output": "", "duration_ms": 0}


def _notify(config: Config) -> dict[str, Any]:
    channel = config.get("channel", "log")
    known: dict[str, dict[str, Any]] = {
        "log": {"message": config.get("message"), "data": config.get("data")},
        "webhook": {"id": "msg_simulated", "status_code": 200, "is_signed": True},
        "slack": {"status_code": 200},
        "email": {"message_id": "<simulated@localhost>", "recipients": 1, "refused": {}},
        "apprise": {"targets": 1},
    }
    return {"channel": channel, **known.get(str(channel), {})}


def _unreliable(config: Config) -> dict[str, Any]:
    return {"message": "Sometimes it works"}


_SAMPLES: Mapping[str, Callable[[Config], dict[str, Any]]] = {
    "call_external_service": _service,
    "http": _http,
    "llm": _llm,
    "container": _container,
    "notify": _notify,
    "unreliable": _unreliable,
    "unreliable_handler": _unreliable,
}
