"""A provider without a model: it answers always the same, and without any network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from clients.llm.provider import SIMULATED, LlmRequest, clean, rough_tokens
from clients.llm.schema_sample import sample_of
from headrace.tools import LlmReply, LlmUsage, OnText

#: Characters streamed at a time.
PIECE = 24


class EchoProvider:
    """Gives the prompt back, or the smallest value a schema allows.

    pause_s  between the pieces of an answer that is streamed, so that people can watch it come.
    """

    def __init__(self, pause_s: float = 0.0) -> None:
        self._pause_s = pause_s

    def model_of(self, request: LlmRequest) -> str:
        return SIMULATED

    async def complete(self, request: LlmRequest, on_text: OnText | None = None) -> LlmReply:
        prompt = _last_user_text(request.messages)
        if request.schema is None:
            text = clean(f"Simulated response for: {prompt}")
        else:
            text = json.dumps(sample_of(request.schema), ensure_ascii=False)
        if on_text is not None:
            for start in range(0, len(text), PIECE):
                on_text(text[start : start + PIECE])
                await asyncio.sleep(self._pause_s)
        usage = LlmUsage(input=rough_tokens(prompt), output=rough_tokens(text))
        return LlmReply(text=text, model=SIMULATED, usage=usage, stop_reason="end_turn", is_simulated=True)

    async def aclose(self) -> None:
        return None


def _last_user_text(messages: tuple[Mapping[str, Any], ...]) -> str:
    content = next((each["content"] for each in reversed(messages) if each.get("role") == "user"), "")
    if isinstance(content, str):
        return content
    return "".join(str(block.get("text", "")) for block in content if isinstance(block, Mapping))
