"""Workflows that are put under stress. Each must end as the interpreter says."""

from __future__ import annotations

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


def fleeting(dice: Random) -> dict[str, Any]:
    """Is purged by its retention soon after its end; long enough after it for a request to be made again."""
    return diamond(dice) | {"name": "fleeting", "retention": "8s"}


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


def crashing(dice: Random) -> dict[str, Any]:
    """Takes processes along in which calls of other executions run."""
    policy = {"max_attempts": 3, "initial_interval": "200ms"}
    crashes = dice.choices(("exit", "signal", "hang"), k=dice.randint(1, 2))
    crash = node("crash", after=["root"], handler="record_crashing", retry=policy)
    config = {"work_ms": dice.randint(5, 200), "crashes": crashes}
    return workflow(
        work("root", dice),
        crash | {"config": config, "start_to_close_timeout": "1s"},
        *(work(f"beside{i}", dice, after=["root"]) for i in range(4)),
        work("after", dice, after=["crash"]),
        name="crashing",
    )


def each(node_id: str, dice: Random, ends: list[str], *, after: list[str], **fields: Any) -> dict[str, Any]:
    """A node that works once for each item; those that are to "fail" do so however often they are tried."""
    tries = {"ok": 0, "again": 1, "fail": 9}
    items = [{"fail_times": tries[end], "work_ms": dice.randint(5, 200)} for end in ends]
    config = {"work_ms": "{{ item.work_ms }}", "fail_times": "{{ item.fail_times }}"}
    policy = {"max_attempts": 2, "initial_interval": "100ms"}
    made = node(node_id, after=after, handler="record", retry=policy, map={"items": items, **fields})
    return made | {"config": config}


def mapping(dice: Random) -> dict[str, Any]:
    ends = ["ok", "ok", "again", "ok", "fail", "ok", "ok", "again"]
    dice.shuffle(ends)
    limits = {"tolerated_failure_count": 1, "max_concurrency": dice.choice((0, 2, 3))}
    return workflow(
        work("list", dice),
        each("every", dice, ends, after=["list"], **limits),
        work("sum", dice, after=["every"]),
        name="mapping",
    )


def too_many(dice: Random) -> dict[str, Any]:
    """Ends FAILED: more items fail than are tolerated, so no other is started."""
    return workflow(
        work("list", dice),
        each("every", dice, ["fail", "ok", "fail", "ok"], after=["list"], on_item_failure="stop"),
        work("sum", dice, after=["every"]),
        name="too_many",
    )


def choice(dice: Random) -> dict[str, Any]:
    cases = {"a": ["first"], "b": ["second"]}
    config = {"value": dice.choice("abc"), "cases": cases, "default": ["third"]}
    return workflow(
        work("ask", dice),
        node("choose", after=["ask"], handler="switch") | {"config": config},
        *(work(name, dice, after=["choose"]) for name in ("first", "second", "third")),
        work("any", dice, after=["first", "second", "third"]),
        name="choice",
    )


def handled(dice: Random) -> dict[str, Any]:
    """Ends COMPLETED: of two failures one is caught, and the other is gone on from."""
    caught = work("caught", dice, after=["root"], config={"fail_times": 9})
    goes_on = {"max_attempts": 2, "initial_interval": "100ms", "on_exhausted": "continue"}
    return workflow(
        work("root", dice),
        caught | {"catch": [{"errors": ["HandlerError"], "goto": "rescue"}]},
        work("rescue", dice, after=["caught"]),
        work("fine", dice, after=["caught"]),
        work("shaky", dice, after=["root"], retry=goes_on, config={"fail_times": 9}),
        work("anyway", dice, after=["shaky"]),
        name="handled",
    )


def asking(dice: Random) -> dict[str, Any]:
    """Waits for a signal and for people; the client gives both, early or late, some of it twice."""
    return workflow(
        work("root", dice),
        node("paid", after=["root"], handler="wait_for_signal")
        | {"config": {"name": "paid", "timeout": "10m"}},
        node("review", after=["root"], handler="approval")
        | {"config": {"prompt": "Go on?", "quorum": dice.choice((1, 2)), "timeout": "10m"}},
        node("late", after=["root"], handler="wait_for_signal")
        | {"config": {"name": "never", "timeout": dice.choice(("300ms", "1s")), "on_timeout": "continue"}},
        work("after", dice, after=["paid", "review", "late"]),
        name="asking",
    )


def corresponding(dice: Random) -> dict[str, Any]:
    """Takes letters that the client posts, early or late, some of them twice; parks or waits between them."""
    config = {
        "letters": dice.randint(2, 6),
        "work_ms": dice.randint(5, 200),
        "patience_s": dice.choice((0, 0, 1)),
    }
    return workflow(
        work("root", dice),
        node("letters", after=["root"], handler="record_durable") | {"config": config},
        work("after", dice, after=["letters"]),
        name="corresponding",
    )


def calling(dice: Random, url: str) -> dict[str, Any]:
    """Calls a local server, works on what it said, and notifies."""
    return workflow(
        node("fetch", handler="http") | {"config": {"url": f"{url}/data"}},
        node("shape", after=["fetch"], handler="transform")
        | {"config": {"expression": "{{ fetch.body.n + 1 }}"}},
        node("tell", after=["shape"], handler="notify")
        | {"config": {"channel": "log", "message": "{{ shape.result }}"}},
        work("last", dice, after=["tell"]),
        name="calling",
    )
