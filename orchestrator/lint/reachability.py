"""Computes which nodes can never run and which outputs may be missing, before anything runs.

Two outcomes may exclude each other: a condition takes one branch only, and a node cannot both complete and
fail. So for every outcome of a node the *world* it needs is kept: for each tracked node, the outcomes it may
then have. A world is one whole number with a few bits for each tracked node, one for each outcome; the
worlds of two outcomes that exclude each other leave some node without any outcome.

An impossible world is impossible. A possible one need not be: `find_witness` searches for a concrete run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import combinations

from orchestrator.definitions.definition import Definition, Node
from orchestrator.definitions.graph import topological_order
from orchestrator.definitions.trigger_rules import RUN, OutcomeClass, TriggerRule, Verdict, decide
from orchestrator.lint.budget import BUDGET, LintBudget
from orchestrator.lint.outcomes import BAD, SKIP, KnownAnswers, Outcomes, outcomes_of
from orchestrator.states import Reason

#: Outcomes of one node that a world has room for: at most 16 of one that decides, 16 of its catch, and 3.
_WIDTHS = (4, 8, 16, 32)
_CLASSES: tuple[OutcomeClass, ...] = ("ok", "bad", "skip")
_Present = tuple[int, ...]
#: The worlds of a dependency by class: ok, bad, skip.
_Classes = tuple[int, int, int]


def _verdicts(rule: TriggerRule) -> tuple[tuple[_Present, Verdict], ...]:
    """Say what a rule decides when all dependencies are done, for each set of classes found among them."""
    found = []
    for count in (1, 2, 3):
        for present in combinations(range(3), count):
            numbers = {name: int(index in present) for index, name in enumerate(_CLASSES)}
            found.append((present, decide(rule, **numbers, total=count)))
    return tuple(found)


# No rule asks for more than none, some or all, so seven cases stand for every number of dependencies.
_VERDICTS = {rule: _verdicts(rule) for rule in TriggerRule}


class Reachability:
    """The worlds of every node's outcomes. A world of 0 is impossible.

    outcomes  for each node, the ways it may end at all.
    worlds    for each node, the worlds of its outcomes, in that order.
    run_worlds  for each node, the world in which its rule lets it run.
    watched   nodes to track although only one node depends on them.
    """

    def __init__(
        self,
        definition: Definition,
        known: KnownAnswers,
        *,
        watched: Collection[str] = (),
        budget: LintBudget = BUDGET,
    ) -> None:
        self.definition = definition
        self.known = known
        self.budget = budget
        self.order = topological_order(
            {node.id: node.dependencies for node in definition.nodes}, definition.successors
        )
        self.outcomes: dict[str, Outcomes] = {node.id: outcomes_of(node, budget) for node in definition.nodes}
        most = max((len(each.every) for each in self.outcomes.values()), default=0)
        #: Bits of a tracked node.
        self.width = next(width for width in _WIDTHS if width >= most)
        self._any = (1 << self.width) - 1
        self.places = {name: place for place, name in enumerate(self._tracked(watched), start=1)}
        # Place 0 belongs to no node, so that the world without any knowledge is not 0.
        self._first = sum(1 << self.width * place for place in range(len(self.places) + 1))
        self.anything = self._first * self._any
        self.worlds: dict[str, tuple[int, ...]] = {}
        self.run_worlds: dict[str, int] = {}
        for node_id in self.order:
            self._visit(definition.node(node_id))

    def can_run(self, node_id: str) -> bool:
        """Say whether the node's handler may ever be called."""
        return bool(self.run_worlds[node_id]) and self.known.when.get(node_id) is not False

    def present(self, node_id: str) -> range:
        """Give the places of the outcomes that leave an output."""
        return range(SKIP + 1, len(self.worlds[node_id]))

    def can_succeed(self, node_id: str, successor: str) -> bool:
        """Say whether a successor may ever see the node complete, or be left out by its completion."""
        every, worlds = self.outcomes[node_id].every, self.worlds[node_id]
        return any(
            worlds[place] and every[place].kind_for(successor) in ("ok", None)
            for place in self.present(node_id)
        )

    def success(self, node_id: str, successor: str) -> int:
        """Give the world in which a successor counts the node as a success."""
        found = 0
        for outcome, world in zip(self.outcomes[node_id].every, self.worlds[node_id], strict=True):
            if outcome.kind_for(successor) == "ok":
                found |= world
        return found

    def is_possible(self, world: int) -> bool:
        """Say whether every tracked node still has an outcome."""
        some, shift = world, 1
        while shift < self.width:
            some |= some >> shift
            shift *= 2
        return some & self._first == self._first

    def world_of(self, node_id: str, outcomes: Iterable[int]) -> int:
        """Give the world in which a node has one of these outcomes; 0 if it cannot."""
        worlds, found = self.worlds[node_id], 0
        for outcome in outcomes:
            found |= worlds[outcome]
        return found

    def may_meet(self, node_id: str, other: str, outcomes: Iterable[int]) -> bool:
        """Say whether a node may run while another has, or will have, one of these outcomes."""
        return self.is_possible(self.run_worlds[node_id] & self.world_of(other, outcomes))

    def allowed(self, world: int, node_id: str) -> int:
        """Give the outcomes a node may have in a world, one bit each."""
        place = self.places.get(node_id)
        return self._any if place is None else world >> self.width * place & self._any

    def dispute(self, world: int) -> str | None:
        """Name a node that would need two different outcomes for this world to come true."""
        return next((name for name in self.places if not self.allowed(world, name)), None)

    def _only(self, node_id: str, outcome: int) -> int:
        """Give the world in which a node has this outcome."""
        place = self.places.get(node_id)
        if place is None:
            return self.anything
        return self.anything ^ ((self._any ^ 1 << outcome) << self.width * place)

    def _tracked(self, watched: Collection[str]) -> list[str]:
        after = self.definition.successors
        # What two dependencies know of a third node meets again only where that node, or one behind it, has
        # several successors: the others need no bits.
        forks = [node for node in self.definition.nodes if len(after[node.id]) > 1]
        wanted = dict.fromkeys([node.id for node in forks if node.branches])
        wanted |= dict.fromkeys(node.id for node in self.definition.nodes if node.id in watched)
        wanted |= dict.fromkeys(node.id for node in forks)
        budget = self.budget
        edges = sum(len(node.dependencies) for node in self.definition.nodes)
        most = min(
            max(budget.tracking_work // (edges + 1), budget.min_tracked_nodes), budget.max_tracked_nodes
        )
        return list(wanted)[: most * 4 // self.width]

    def _visit(self, node: Node) -> None:
        left_out, found = 0, []
        for dependency in node.dependencies:
            classes = {"ok": 0, "bad": 0, "skip": 0}
            for outcome, world in zip(self.outcomes[dependency].every, self.worlds[dependency], strict=True):
                kind = outcome.kind_for(node.id)
                if kind is None or node.id in outcome.may_leave_out:
                    left_out |= world
                if kind is not None:
                    classes[kind] |= world
            found.append((classes["ok"], classes["bad"], classes["skip"]))
        run_world, bad, skip = (0, 0, left_out) if found else (self.anything, 0, 0)
        for present, verdict in _VERDICTS[node.trigger_rule] if found else ():
            world = self._world_of(found, present)
            if verdict is RUN:
                run_world |= world
            elif verdict is Reason.UPSTREAM_FAILED:
                bad |= world
            else:
                skip |= world
        outcomes = self.outcomes[node.id]
        mine = self.known.of(node, outcomes) if run_world else ()
        worlds = [run_world if place in mine else 0 for place in range(len(outcomes.every))]
        worlds[BAD] |= bad
        worlds[SKIP] |= skip
        self.worlds[node.id] = tuple(
            world and world & self._only(node.id, place) for place, world in enumerate(worlds)
        )
        self.run_worlds[node.id] = run_world

    def _world_of(self, found: Sequence[_Classes], present: _Present) -> int:
        """Give the world in which the dependencies' classes are exactly these; 0 if there is none."""
        if len(present) > len(found):
            return 0
        if len(found) == 1:
            return found[0][present[0]]
        world = self._narrowed(found, present)
        if len(present) == 1:
            return world
        for kind in present:
            some = 0
            for worlds in found:
                if worlds[kind] and self.is_possible(world & worlds[kind]):
                    some |= world & worlds[kind]
            world = some
        return world

    def _narrowed(self, found: Sequence[_Classes], present: _Present) -> int:
        """Give the world in which no dependency has another class; each narrows what the others may have."""
        world = self.anything
        for worlds in found:
            allowed = 0
            for kind in present:
                allowed |= worlds[kind]
            world &= allowed
        for _ in range(self.budget.narrowing_rounds):
            if not self.is_possible(world):
                return 0
            before = world
            for worlds in found:
                allowed = 0
                for kind in present:
                    if worlds[kind] and self.is_possible(world & worlds[kind]):
                        allowed |= worlds[kind]
                world &= allowed
            if world == before:
                break
        return world if self.is_possible(world) else 0
