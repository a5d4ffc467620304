"""Draws small definitions that use all the scripts know: rules, branches, limits, maps, children, queues."""

from __future__ import annotations

from random import Random
from typing import Any

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import PARENT_CLOSE_POLICIES, Definition, PlainHandlers
from orchestrator.documents.limits import Limits
from tests.dags import EARLY_RULES, RULES, condition, node, workflow

#: `odd` is offered by one of the workers only.
HANDLERS = PlainHandlers(frozenset({"noop", "condition", "odd", "sub_workflow"}))
QUEUES = ("default", "side")
#: At each level, the share of nodes that run a definition of the next. The last level is one too deep to run.
NESTED = (0.25, 0.3, 0.3, 0.0)
#: A receiver of messages about ends; nothing is ever sent to it.
URL = "https://receiver.example/hook"


def draw_document(dice: Random, *, level: int = 0, starts: tuple[str, ...] = ()) -> dict[str, Any]:
    """Draw one definition, with those of its children in it; equal dice give equal documents.

    starts  names of workflows that its end may have started.
    """
    names = [f"n{i}" for i in range(dice.randint(1, 3 if level else 9))]
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
            if dice.random() < NESTED[level]:
                nodes[name].update(handler="sub_workflow", config=_child(dice, level + 1))
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
            is_nested = nodes[name]["handler"] == "sub_workflow"
            nodes[name]["map"] = _map(dice, (1, 2, 3) if is_nested else (1, 2, 3, 4, 7))
    for name in names:
        if parents[name] and dice.random() < 0.6:
            nodes[name]["trigger_rule"] = dice.choice(RULES if name in branched else RULES + EARLY_RULES)
    extras: dict[str, Any] = {}
    if dice.random() < 0.15:
        extras["fail_fast"] = True
    if dice.random() < 0.15:
        extras["execution_timeout"] = dice.choice((2, 30))
    if dice.random() < 0.25:
        extras["output"] = dice.choice(({"of": "the whole"}, f"{{{{ {dice.choice(names)} }}}}"))
    if level < 2 and dice.random() < 0.4:
        extras |= _targets(dice, starts)
    return workflow(*nodes.values(), name=f"level{level}", **extras)


def _targets(dice: Random, starts: tuple[str, ...]) -> dict[str, Any]:
    """Draw who learns of the end."""
    drawn: dict[str, Any] = {}
    for name in ("on_complete", "on_failure", "on_cancel"):
        targets: list[dict[str, Any]] = [{"url": URL}] * dice.choice((0, 1, 1, 2))
        if starts and dice.random() < 0.3:
            targets.append({"workflow": dice.choice(starts)})
        if targets:
            drawn[name] = targets
    return drawn


def _child(dice: Random, level: int) -> dict[str, Any]:
    return {
        "workflow": draw_document(dice, level=level),
        "wait": dice.random() < 0.8,
        "parent_close_policy": dice.choice(PARENT_CLOSE_POLICIES),
    }


def _map(dice: Random, totals: tuple[int, ...]) -> dict[str, Any]:
    return {
        "items": list(range(dice.choice(totals))),
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
    if dice.random() < 0.1:
        fields["schedule_to_close_timeout"] = dice.choice((3, 20))
    if dice.random() < 0.3:
        fields["retry"] = {"max_attempts": 3, "on_exhausted": dice.choice(("fail", "continue", "pause"))}
    return fields
