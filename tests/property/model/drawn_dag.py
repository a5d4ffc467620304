"""Draws small definitions that use all the scripts know: rules, branches, time limits, several queues."""

from __future__ import annotations

from random import Random
from typing import Any

from orchestrator.compile import compile_definition
from orchestrator.definition import Definition, PlainHandlers
from orchestrator.limits import Limits
from tests.dags import EARLY_RULES, RULES, condition, node, workflow

#: `odd` is offered by one of the workers only.
HANDLERS = PlainHandlers(frozenset({"noop", "condition", "odd"}))
QUEUES = ("default", "side")


def draw_document(dice: Random, *, most_nodes: int = 9) -> dict[str, Any]:
    """Draw one definition; equal dice give equal documents."""
    names = [f"n{i}" for i in range(dice.randint(1, most_nodes))]
    parents = {
        name: sorted(dice.sample(names[:i], min(i, dice.choice((0, 1, 1, 2, 2, 3)))))
        for i, name in enumerate(names)
    }
    successors = {name: [n for n in names if name in parents[n]] for name in names}
    conditions = {name for name in names if successors[name] and dice.random() < 0.25}
    branched: set[str] = set()
    nodes: dict[str, dict[str, Any]] = {}
    for name in names:
        fields = _fields(dice)
        if name not in conditions:
            handler = "odd" if dice.random() < 0.1 else "noop"
            nodes[name] = node(name, after=parents[name], handler=handler, **fields)
            continue
        sides: dict[str, list[str]] = {"true": [], "false": [], "neither": []}
        for successor in successors[name]:
            sides[dice.choice(("true", "false", "neither"))].append(successor)
        nodes[name] = condition(name, after=parents[name], true=sides["true"], false=sides["false"], **fields)
        branched.update(sides["true"], sides["false"])
    for name in names:
        if successors[name] and name not in conditions and dice.random() < 0.2:
            goto = dice.choice(successors[name])
            nodes[name]["catch"] = [{"errors": ["*"], "goto": goto}]
            branched.add(goto)
    for name in names:
        if name not in conditions and dice.random() < 0.2:
            nodes[name]["map"] = _map(dice)
    for name in names:
        if parents[name] and dice.random() < 0.6:
            nodes[name]["trigger_rule"] = dice.choice(RULES if name in branched else RULES + EARLY_RULES)
    extras: dict[str, Any] = {}
    if dice.random() < 0.15:
        extras["fail_fast"] = True
    if dice.random() < 0.15:
        extras["execution_timeout"] = dice.choice((2, 30))
    return workflow(*nodes.values(), **extras)


def _map(dice: Random) -> dict[str, Any]:
    return {
        "items": list(range(dice.choice((1, 2, 3, 4, 7)))),
        "max_concurrency": dice.choice((0, 1, 2)),
        "tolerated_failure_count": dice.choice((0, 0, 1, 3)),
        "on_item_failure": dice.choice(("continue", "stop")),
    }


def compiled(document: dict[str, Any]) -> Definition:
    return compile_definition(document, handlers=HANDLERS, limits=Limits())


def _fields(dice: Random) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if dice.random() < 0.2:
        fields["critical"] = False
    if dice.random() < 0.2:
        fields["queue"] = "side"
    if dice.random() < 0.1:
        fields["start_to_close_timeout"] = 5
    if dice.random() < 0.1:
        fields["schedule_to_start_timeout"] = 5
    if dice.random() < 0.3:
        fields["retry"] = {"max_attempts": 3, "on_exhausted": dice.choice(("fail", "continue", "pause"))}
    return fields
