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
    reach, lost = linter.reach, set[str]()
    cases = _cases(linter)
    for node_id in reach.order if cases else ():
        node = linter.definition.node(node_id)
        if lost.intersection(node.dependencies):
            lost.add(node_id)
            continue
        for name, goto, behind in cases.get(node_id, ()):
            if (idle := _idle(reach, node, behind, _taken_over(reach, name, goto))) is not None:
                lost.add(node_id)
                yield linter.at(node), "join_skipped_after_catch", _words(node, name, goto, idle), _HINT
                break


def _cases(linter: Linter) -> dict[str, list[tuple[str, str, set[str]]]]:
    """List, for each join that waits for what takes over, the node, its goto, and all that is behind that."""
    found: dict[str, list[tuple[str, str, set[str]]]] = {}
    left = linter.budget.upstream_visits
    for node in linter.definition.nodes:
        for goto in node.gotos:
            if left <= 0 or not _taken_over(linter.reach, node.id, goto):
                continue
            behind = _behind(linter, goto)
            left -= len(behind)
            for name in behind:
                join = linter.definition.node(name)
                if join.trigger_rule in _STRICT and len(join.dependencies) > 1 and linter.reach.can_run(name):
                    found.setdefault(name, []).append((node.id, goto, behind))
    return found


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
