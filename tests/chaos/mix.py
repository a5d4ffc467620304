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
    corresponding,
    crashing,
    delay,
    diamond,
    failing,
    fan,
    fleeting,
    handled,
    mapping,
    retry,
    too_many,
)

Maker = Callable[[Random], dict[str, Any]]
#: How many of the others, beside those of which nothing is left to be asked for.
TELLING = 0.3
MIX: tuple[Maker, ...] = (
    chain, nested, diamond, fleeting, crowd, fan, orphans, branch, retry, broken, fleeting, delay, failing,
    crashing, by_rules, mapping, choice, telling, fleeting, handled, asking, corresponding,
    too_many,
)  # fmt: skip


def mixed(count: int, seed: int, url: str) -> list[dict[str, Any]]:
    """So many workflows, every kind in turn, of which some send a message about each of their ends.

    url  of a server that answers on /data, and takes messages on /told.
    """
    dice = Random(seed)
    kinds: tuple[Maker, ...] = (*MIX, lambda dice: calling(dice, url))
    return [_telling_of_ends(kinds[i % len(kinds)](dice), dice, url) for i in range(count)]


def _telling_of_ends(document: dict[str, Any], dice: Random, url: str) -> dict[str, Any]:
    if "retention" not in document and dice.random() > TELLING:
        return document
    target = {"url": f"{url}/told"}
    return document | {"on_complete": target, "on_failure": [target]}
