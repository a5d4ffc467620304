"""What renders the output of a whole execution: a handler of the engine's own that no definition names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.definition import OUTPUT
from workers.context import HandlerContext
from workers.outcome import Completed
from workers.registry import HandlerSpec


async def _give_output(config: dict[str, Any], context: HandlerContext) -> Completed:
    """Give the output as it was resolved."""
    return Completed(config["output"])


#: Every worker has these, whatever handlers it loads.
OWN: Mapping[str, HandlerSpec] = {OUTPUT: HandlerSpec(OUTPUT, _give_output, is_async=True)}
