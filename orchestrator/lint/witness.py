"""Searches for a concrete run (a witness) in which a reference is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.definitions.definition import Node
from orchestrator.definitions.trigger_rules import TriggerRule, Verdict, decide
from orchestrator.lint.outcomes import BAD, MISSING, SKIP
from orchestrator.lint.reachability import Reachability
from orchestrator.states import Reason


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a definition: how each node ended, and the reason of what was skipped by rule."""

    outcomes: Mapping[str, int]
    reasons: Mapping[str, Reason]


def find_witness(
    reach: Reachability,
    node_id: str,
    missing: str,
    upstream: Sequence[str],
    outcomes: Sequence[int] = MISSING,
) -> Run | None:
    """Find a run in which a node runs although one upstream of it did not complete.

    upstream  everything upstream of the node, in topological order.
    outcomes  the ones of the node upstream that are searched for.
    None when there is none, or none was found: behind a switch with many answers none is looked for.
    """
    if any(outcome.may_leave_out for name in upstream for outcome in reach.outcomes[name].every):
        return None
    # Failed and skipped are tried separately: each world alone narrows the rest more than both together.
    for outcome in outcomes:
        world = reach.run_worlds[node_id] & reach.world_of(missing, [outcome])
        if not reach.is_possible(world):
            continue
        for run in _runs(reach, world, [*upstream, node_id]):
            if run.outcomes[missing] in outcomes and run.outcomes[node_id] not in MISSING:
                return run
    return None


def _runs(reach: Reachability, world: int, ids: Sequence[str]) -> Iterator[Run]:
    """Give the runs the world allows, one combination of choices after the other."""
    choices: list[int] = []
    budget = reach.budget
    for _ in range(min(budget.witness_runs, budget.witness_visits // len(ids) + 1)):
        sizes: list[int] = []

        def choose(options: Sequence[int], sizes: list[int] = sizes) -> int:
            place = len(sizes)
            sizes.append(len(options))
            if place == len(choices):
                choices.append(0)
            return options[choices[place]]

        yield _play_out(reach, world, ids, choose)
        while choices and choices[-1] + 1 >= sizes[len(choices) - 1]:
            choices.pop()
        if not choices:
            return
        choices[-1] += 1


def _play_out(
    reach: Reachability, world: int, ids: Sequence[str], choose: Callable[[Sequence[int]], int]
) -> Run:
    outcomes: dict[str, int] = {}
    reasons: dict[str, Reason] = {}
    for node_id in ids:
        node = reach.definition.node(node_id)
        verdict = _verdict(reach, node, outcomes)
        if isinstance(verdict, Reason):
            reasons[node_id] = verdict
            outcomes[node_id] = BAD if verdict is Reason.UPSTREAM_FAILED else SKIP
            continue
        options = _options(reach, world, node)
        outcomes[node_id] = options[0] if len(options) == 1 else choose(options)
    return Run(outcomes, reasons)


def _verdict(reach: Reachability, node: Node, outcomes: Mapping[str, int]) -> Verdict:
    numbers = {"ok": 0, "bad": 0, "skip": 0}
    for dependency in node.dependencies:
        kind = reach.outcomes[dependency].every[outcomes[dependency]].kind_for(node.id)
        if kind is None:
            return Reason.BRANCH_NOT_TAKEN
        numbers[kind] += 1
    return decide(node.trigger_rule, **numbers, total=len(node.dependencies))


def _options(reach: Reachability, world: int, node: Node) -> list[int]:
    """Give the outcomes worth trying for a node that runs, the usual one first."""
    mine = reach.known.of(node, reach.outcomes[node.id])
    allowed = reach.allowed(world, node.id)
    options = [place for place in mine if place != BAD and allowed >> place & 1]
    after = reach.definition.successors[node.id]
    wants_failure = any(reach.definition.node(name).trigger_rule in _FAILURE_RULES for name in after)
    if BAD in mine and allowed >> BAD & 1 and (not options or wants_failure):
        options.append(BAD)
    return options or [mine[0]]


_FAILURE_RULES = frozenset({TriggerRule.ALL_FAILED, TriggerRule.ONE_FAILED, TriggerRule.ONE_DONE})
