"""The mix of workflows that is put under stress: every kind of node there is."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.chaos.nested_workload import broken, by_rules, crowd, nested, orphans, telling
from tests.chaos.workload import (
    asking,
    branch,
    calling,
    chain,
    choice,
    delay,
    diamond,
    failing,
    fan,
    handled,
    mapping,
    retry,
    too_many,
)

Maker = Callable[[Random], dict[str, Any]]
MIX: tuple[Maker, ...] = (
    chain, nested, diamond, crowd, fan, orphans, branch, retry, broken, delay, failing, by_rules, mapping,
    choice, telling, handled, asking, too_many,
)  # fmt: skip


def mixed(count: int, seed: int, url: str) -> list[dict[str, Any]]:
    """So many workflows, every kind in turn; url is that of a server that answers on /data."""
    dice = Random(seed)
    kinds: tuple[Maker, ...] = (*MIX, lambda dice: calling(dice, url))
    return [kinds[i % len(kinds)](dice) for i in range(count)]
