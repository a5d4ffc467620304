"""Nodes that ask a language model, and the tools of a worker that asks the server of the test."""

from __future__ import annotations

from typing import Any

from clients.llm.provider import LlmSettings
from tests.llm_server import LlmServer
from tests.makers import node
from workers.context import Toolbox

#: Two dollars for a million tokens of a prompt, ten for those of an answer.
MODEL = "claude-sonnet-5-5"


def tools(server: LlmServer, model: str = MODEL) -> Toolbox:
    return Toolbox(llm_settings=LlmSettings(api_key="sk-test", base_url=server.url, model=model))


def asking(number: int = 0, **fields: Any) -> dict[str, Any]:
    config = {"prompt": f"Question {number}", "max_tokens": 400}
    return node(f"ask{number}", handler="llm", config=config, **fields)
