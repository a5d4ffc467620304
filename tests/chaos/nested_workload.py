"""Workflows under stress whose nodes have children; and what is in a child, as its unit has asked for it."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.chaos.workload import work
from tests.dags import node, workflow

AGAIN = {"max_attempts": 2, "initial_interval": "100ms"}


def parent(
    node_id: str, child: dict[str, Any], *, after: list[str] | None = None, **fields: Any
) -> dict[str, Any]:
    """A node that has a child; what is no field of nodes goes into its config."""
    names = ("inputs", "wait", "parent_close_policy")
    config = {name: fields.pop(name) for name in names if name in fields}
    made = node(node_id, after=after, handler="sub_workflow", **fields)
    return made | {"config": {"workflow": child, **config}}


def nested(dice: Random) -> dict[str, Any]:
    """A child that waits for a signal and has a child of its own; the whole puts out who ended it."""
    pay = node("paid", after=["x"], handler="wait_for_signal", config={"name": "paid", "timeout": "10m"})
    grandchild = workflow(work("deep", dice), work("deeper", dice, after=["deep"]), name="grandchild")
    below = parent("below", grandchild, after=["x"])
    last = work("y", dice, after=["paid", "below"])
    child = workflow(work("x", dice), pay, below, last, name="child")
    return workflow(
        work("first", dice),
        parent("family", child, after=["first"]),
        work("last", dice, after=["family"]),
        name="nested",
        output={"last": "{{ last.nonce }}"},
    )


def crowd(dice: Random) -> dict[str, Any]:
    """A child for each item, of which one fails, however often it goes on in place."""
    ends = [0, 0, 1, 9]
    dice.shuffle(ends)
    shaky = work("shaky", dice, after=["x"], retry=AGAIN) | {
        "config": {"work_ms": 30, "fail_times": "{{ inputs.fail_times }}"}
    }
    child = workflow(work("x", dice), shaky, work("z", dice, after=["shaky"]), name="of_many")
    every = parent(
        "every", child, after=["first"], retry=AGAIN, inputs={"fail_times": "{{ item.fail_times }}"}
    )
    items = [{"fail_times": end} for end in ends]
    limits = {"tolerated_failure_count": 1, "max_concurrency": dice.choice((0, 2))}
    every |= {"map": {"items": items, **limits}}
    return workflow(work("first", dice), every, work("last", dice, after=["every"]), name="crowd")


def orphans(dice: Random) -> dict[str, Any]:
    """A child that nobody waits for outlives its parent, whatever becomes of that."""
    pause = node("pause", after=["x"], handler="delay", config={"seconds": dice.choice((0.2, 1.5))})
    child = workflow(work("x", dice), pause, work("y", dice, after=["pause"]), name="orphan")
    is_failing = dice.random() < 0.5
    return workflow(
        work("first", dice),
        parent("away", child, after=["first"], wait=False, parent_close_policy="abandon"),
        work("last", dice, after=["away"], config={"fail_times": 9 if is_failing else 0}),
        name="orphans",
    )


def broken(dice: Random) -> dict[str, Any]:
    """A child that fails, goes on in place, and fails again; its failure is caught."""
    child = workflow(
        work("x", dice),
        work("bad", dice, after=["x"], config={"fail_times": 9}),
        work("z", dice),
        name="bad_child",
    )
    caught = parent("family", child, after=["first"], retry=AGAIN)
    return workflow(
        work("first", dice),
        caught | {"catch": [{"errors": ["*"], "goto": "rescue"}]},
        work("rescue", dice, after=["family"]),
        work("fine", dice, after=["family"]),
        name="broken",
    )


def by_rules(dice: Random) -> dict[str, Any]:
    """Each kind of error has tries of its own, and limits of time that nothing reaches."""
    rules = [
        {"errors": ["Http.*"], "max_attempts": 3, "initial_interval": "50ms"},
        {"errors": ["Mine.Odd"], "max_attempts": 2, "initial_interval": "50ms"},
    ]
    errors = ["Http.5xx", "Mine.Odd", "Http.4xx"]
    more = ["Mine.Odd"] if dice.random() < 0.5 else []
    return workflow(
        work("ruled", dice, retry=rules, schedule_to_close_timeout="10m", config={"errors": errors + more}),
        work("after", dice, after=["ruled"]),
        name="by_rules",
    )


def telling(dice: Random) -> dict[str, Any]:
    """A handler that gives signs of life, and a model that answers in pieces."""
    beating = node(
        "beating", handler="record_beating", heartbeat_timeout="20s",
        config={"work_ms": dice.randint(200, 900)},
    )  # fmt: skip
    return workflow(
        beating,
        node("say", after=["beating"], handler="llm", config={"prompt": "word " * 40, "max_tokens": 100}),
        work("last", dice, after=["say"]),
        name="telling",
    )


def child_of(holder: dict[str, Any], item: Any = None) -> dict[str, Any]:
    """Give the document of the child of a node, or of one of its items, with its inputs put in."""
    config = holder["config"]
    inputs = filled(config.get("inputs", {}), "item", item)
    made: dict[str, Any] = filled(config["workflow"], "inputs", inputs)
    return made


def filled(value: Any, word: str, values: Any) -> Any:
    """Put values in for texts that are one reference as a whole: `{{ item.n }}`."""
    if isinstance(value, dict):
        return {name: filled(each, word, values) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, word, values) for each in value]
    if isinstance(value, str) and value.startswith(f"{{{{ {word}."):
        return values[value.removeprefix(f"{{{{ {word}.").removesuffix(" }}")]
    return value
