"""The mix of workflows that is put under stress; every one of them must end COMPLETED but for `failing`."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.dags import condition, node, workflow


def work(node_id: str, dice: Random, *, after: list[str] | None = None, **fields: Any) -> dict[str, Any]:
    """A node that works for a moment, now and then for long enough to be struck in the middle."""
    work_ms = dice.randint(200, 900) if dice.random() < 0.25 else dice.randint(5, 60)
    config = {"work_ms": work_ms, **fields.pop("config", {})}
    handler = "record_in_thread" if dice.random() < 0.1 else "record"
    return node(node_id, after=after, handler=handler, config=config, **fields)


def chain(dice: Random) -> dict[str, Any]:
    nodes = [work(f"n{i}", dice, after=[f"n{i - 1}"] if i else None) for i in range(8)]
    return workflow(*nodes, name="chain")


def diamond(dice: Random) -> dict[str, Any]:
    return workflow(
        work("top", dice),
        work("left", dice, after=["top"]),
        work("right", dice, after=["top"]),
        work("bottom", dice, after=["left", "right"]),
        name="diamond",
    )


def fan(dice: Random, width: int = 50) -> dict[str, Any]:
    names = [f"n{i}" for i in range(width)]
    middle = [work(name, dice, after=["first"]) for name in names]
    return workflow(work("first", dice), *middle, work("last", dice, after=names), name="fan")


def branch(dice: Random) -> dict[str, Any]:
    return workflow(
        work("ask", dice),
        condition(
            "choose", after=["ask"], true=["yes"], false=["no"], expression=dice.choice(("true", "false"))
        ),
        work("yes", dice, after=["choose"]),
        work("no", dice, after=["choose"]),
        work("either", dice, after=["yes", "no"]),
        name="branch",
    )


def retry(dice: Random) -> dict[str, Any]:
    policy = {"max_attempts": 4, "initial_interval": "200ms", "jitter": "equal"}
    return workflow(
        work("steady", dice),
        work("shaky", dice, after=["steady"], retry=policy, config={"fail_times": dice.randint(1, 2)}),
        work("after", dice, after=["shaky"]),
        name="retry",
    )


def failing(dice: Random) -> dict[str, Any]:
    """Ends FAILED: one branch fails for good, the other goes on, the join is skipped."""
    return workflow(
        work("root", dice),
        work("bad", dice, after=["root"], config={"fail_times": 9}),
        work("good", dice, after=["root"]),
        work("join", dice, after=["bad", "good"]),
        name="failing",
    )


def delay(dice: Random) -> dict[str, Any]:
    pause = node("pause", after=["before"], handler="delay") | {
        "config": {"seconds": dice.choice((0.3, 1.0))}
    }
    return workflow(work("before", dice), pause, work("after", dice, after=["pause"]), name="delay")


MIX: tuple[Callable[[Random], dict[str, Any]], ...] = (chain, diamond, fan, branch, retry, delay, failing)


def mixed(count: int, seed: int) -> list[dict[str, Any]]:
    """So many workflows, every kind in turn."""
    dice = Random(seed)
    return [MIX[i % len(MIX)](dice) for i in range(count)]
