"""What a call to a language model costs, by a table an installation may replace."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from headrace.tools import LlmUsage

DEFAULT_TABLE = Path(__file__).with_name("prices.json")
_DATED = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")


@lru_cache(maxsize=8)
def load_prices(path: Path = DEFAULT_TABLE) -> Mapping[str, Any]:
    """Read a price table. Raises OSError or ValueError."""
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(table.get("models"), dict):
        raise ValueError(f"price table {path} has no 'models'")
    return table


def cost_usd(
    model: str, usage: LlmUsage, *, cache_ttl: str = "5m", prices: Mapping[str, Any] | None = None
) -> float | None:
    """Price one call in US dollars; None for a model the table does not know. Pure.

    Tiers go by the tokens of the whole prompt, cached ones included, and apply to the whole call.
    """
    table = load_prices() if prices is None else prices
    tiers = _tiers(table, model)
    if not tiers:
        return None
    prompt = usage.input + usage.cache_read + usage.cache_write
    tier = next((each for each in tiers if prompt <= each.get("up_to_prompt_tokens", prompt)), tiers[-1])
    write_factor = table.get("cache_write_factor", {}).get(cache_ttl, 1.0)
    weighed = (
        usage.input
        + usage.cache_read * table.get("cache_read_factor", 1.0)
        + usage.cache_write * write_factor
    )
    dollars: float = (weighed * tier["input"] + usage.output * tier["output"]) / 1_000_000
    return round(dollars, 9)


def most_usd(model: str, *, input: int, output: int, prices: Mapping[str, Any] | None = None) -> float | None:
    """The most a call of so many tokens can cost, whatever is cached; None for an unknown model. Pure."""
    table = load_prices() if prices is None else prices
    tiers = _tiers(table, model)
    if not tiers:
        return None
    factor = max([1.0, table.get("cache_read_factor", 1.0), *table.get("cache_write_factor", {}).values()])
    dollars: float = (
        input * factor * max(tier["input"] for tier in tiers) + output * max(tier["output"] for tier in tiers)
    ) / 1_000_000
    return dollars


def _tiers(table: Mapping[str, Any], model: str) -> Any:
    return table["models"].get(model) or table["models"].get(_DATED.sub("", model))
