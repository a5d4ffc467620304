"""Warns of joins that are skipped whenever a catch has taken over."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.definitions.definition import Node
from orchestrator.definitions.trigger_rules import TriggerRule
from orchestrator.lint.context import Linter
from orchestrator.lint.reachability import Reachability

#: Path, code, message, hint.
Finding = tuple[str, str, str, str]
#: Rules that skip a node for one dependency that counts as failed.
_STRICT = frozenset({TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS, TriggerRule.NONE_FAILED})
_LENIENT = TriggerRule.ALL_DONE_MIN_ONE_SUCCESS


def joins_behind_catches(linter: Linter) -> Iterator[Finding]:
    """Give the joins that wait for what takes over, and run only when nothing had to be taken over.

    Of several, one behind the other, the first is given: the others follow from it.
    """
    reach = linter.reach
    catching = [(node, goto) for node in linter.definition.nodes for goto in node.gotos]
    caught = [(node.id, goto, _taken_over(reach, node.id, goto)) for node, goto in catching]
    behind = {goto: _behind(linter, goto) for _, goto, world in caught if world}
    lost: set[str] = set()
    for node_id in reach.order if behind else ():
        node = linter.definition.node(node_id)
        if lost.intersection(node.dependencies):
            lost.add(node_id)
        elif node.trigger_rule in _STRICT and reach.can_run(node_id):
            for name, goto, world in caught:
                if world and (idle := _idle(reach, node, behind[goto], world)) is not None:
                    lost.add(node_id)
                    yield linter.at(node), "join_skipped_after_catch", _words(node, name, goto, idle), _HINT
                    break


_HINT = f"trigger_rule {_LENIENT} runs it behind either path"


def _taken_over(reach: Reachability, node_id: str, goto: str) -> int:
    """Give the world in which a node has failed and a successor takes over; 0 if there is none."""
    every = reach.outcomes[node_id].every
    return reach.world_of(node_id, (place for place, each in enumerate(every) if each.taker == goto))


def _idle(reach: Reachability, node: Node, behind: set[str], world: int) -> str | None:
    """Name the dependency for which a join never runs in a world in which what takes over reaches it."""
    if reach.is_possible(reach.run_worlds[node.id] & world):
        return None
    arriving = [name for name in node.dependencies if name in behind]
    if not any(reach.is_possible(reach.success(name, node.id) & world) for name in arriving):
        return None
    others = (name for name in node.dependencies if name not in behind)
    return next((name for name in others if not _may_not_fail(reach, name, node.id, world)), None)


def _may_not_fail(reach: Reachability, name: str, join: str, world: int) -> bool:
    outcomes = zip(reach.outcomes[name].every, reach.worlds[name], strict=True)
    return any(reach.is_possible(its & world) for each, its in outcomes if each.kind_for(join) != "bad")


def _words(node: Node, name: str, goto: str, idle: str) -> str:
    why = "which has failed then" if idle == name else "which is skipped as upstream_failed then"
    return (
        f"{node.id!r} is skipped whenever {goto!r} takes over from {name!r}: it also depends on {idle!r}, "
        f"{why}, and its trigger rule is {node.trigger_rule}"
    )


def _behind(linter: Linter, node_id: str) -> set[str]:
    """Name a node and all that depends on it."""
    seen, stack = {node_id}, [node_id]
    while stack:
        for name in linter.definition.successors[stack.pop()]:
            if name not in seen:
                seen.add(name)
                stack.append(name)
    return seen
