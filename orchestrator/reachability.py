"""Find out what may become of each node, before anything runs: which can never run, which may be missing.

Two outcomes may exclude each other: a condition takes one branch only, and a node cannot both complete and
fail. So for every outcome of a node the *world* it needs is kept: for each node that several others depend
on, the outcomes it may then have. A world is one whole number with four bits for each such node; the worlds
of two outcomes that cannot come together leave some node without any outcome.

What is said to be impossible is impossible. What is said to be possible need not be: `witness` looks for an
actual course of events.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from orchestrator.branches import SWITCH, TWO_BRANCHES
from orchestrator.definition import Definition, Node
from orchestrator.graph import topological_order
from orchestrator.rules import RUN, OutcomeClass, TriggerRule, Verdict, decide
from orchestrator.states import Reason

#: Outcomes of a node, as bit numbers. A condition with branches completes in one of two ways.
OK, OTHER, BAD, SKIP = range(4)
MISSING = (BAD, SKIP)
#: Nodes whose outcome worlds tell apart, times dependencies; further nodes are taken to have any outcome in
#: every world. So the work for the largest definitions stays within seconds.
MAX_WORK = 2_000_000
MOST_TOLD_APART = 1_024
LEAST_TOLD_APART = 64
#: Courses of events tried for one witness, and nodes looked at in all of them together.
MAX_COURSES = 64
MAX_STEPS = 50_000
#: Rounds in which dependencies narrow each other's outcomes.
_ROUNDS = 3

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


@dataclass(frozen=True, slots=True)
class Given:
    """What is known of handlers without running them.

    answers  constant answers: of conditions, and (under `when`) of the `when` of nodes.
    skips    whether a node may be skipped by its own handler.
    """

    answers: Mapping[str, bool] = field(default_factory=dict)
    when: Mapping[str, bool] = field(default_factory=dict)
    skips: Callable[[Node], bool] = lambda node: True

    def outcomes(self, node: Node) -> tuple[int, ...]:
        """Outcomes a node may have once its rule lets it run."""
        if self.when.get(node.id) is False:
            return (SKIP,)
        # A switch may give many answers; all of them count as one outcome here.
        answer = self.answers.get(node.id) if node.branches and node.handler in TWO_BRANCHES else True
        found = [BAD]
        if answer is not False:
            found.append(OK)
        if answer is not True:
            found.append(OTHER)
        if self.skips(node) or (node.when is not None and node.id not in self.when):
            found.append(SKIP)
        return tuple(found)


class Reachability:
    """The worlds of every node's outcomes. A world of 0 is impossible.

    worlds   for each node, the worlds of its four outcomes.
    turns    for each node, the world in which its rule lets it run.
    watched  nodes to tell apart although only one node depends on them.
    """

    def __init__(self, definition: Definition, given: Given, *, watched: Collection[str] = ()) -> None:
        self.definition = definition
        self.given = given
        self.order = topological_order(
            {node.id: node.dependencies for node in definition.nodes}, definition.successors
        )
        self.places = {name: place for place, name in enumerate(self._told_apart(watched), start=1)}
        # Place 0 is nobody's, so that the world without any knowledge is not 0.
        self._first = int("1" * (len(self.places) + 1), 16)
        self.anything = self._first * 0xF
        self.worlds: dict[str, tuple[int, int, int, int]] = {}
        self.turns: dict[str, int] = {}
        for node_id in self.order:
            self._visit(definition.node(node_id))

    def can_run(self, node_id: str) -> bool:
        """Say whether the node's handler may ever be called."""
        return bool(self.turns[node_id]) and self.given.when.get(node_id) is not False

    def can_complete(self, node_id: str) -> bool:
        """Say whether the node may end COMPLETED."""
        return bool(self.worlds[node_id][OK] or self.worlds[node_id][OTHER])

    def is_possible(self, world: int) -> bool:
        """Say whether every node told apart still has an outcome."""
        some = world | world >> 1
        return (some | some >> 2) & self._first == self._first

    def world_of(self, node_id: str, outcomes: Iterable[int]) -> int:
        """Give the world in which a node has one of these outcomes; 0 if it cannot."""
        worlds, found = self.worlds[node_id], 0
        for outcome in outcomes:
            found |= worlds[outcome]
        return found

    def may_meet(self, node_id: str, other: str, outcomes: Iterable[int]) -> bool:
        """Say whether a node may get its turn while another has, or will have, one of these outcomes."""
        return self.is_possible(self.turns[node_id] & self.world_of(other, outcomes))

    def _only(self, node_id: str, outcomes: Iterable[int]) -> int:
        """Give the world in which a node has one of these outcomes."""
        place = self.places.get(node_id)
        if place is None:
            return self.anything
        kept = sum(1 << outcome for outcome in outcomes)
        return self.anything ^ ((0xF ^ kept) << 4 * place)

    def dispute(self, one: int, other: int) -> str | None:
        """Name a node that would need two different outcomes for both worlds to come true."""
        both = one & other
        for name, place in self.places.items():
            if not both >> 4 * place & 0xF:
                return name
        return None

    def _told_apart(self, watched: Collection[str]) -> list[str]:
        after = self.definition.successors
        # What two dependencies know of a third node meets again only where that node, or one behind it, has
        # several successors: the others need no bits.
        forks = [node for node in self.definition.nodes if len(after[node.id]) > 1]
        wanted = dict.fromkeys([node.id for node in forks if node.branches])
        wanted |= dict.fromkeys(node.id for node in self.definition.nodes if node.id in watched)
        wanted |= dict.fromkeys(node.id for node in forks)
        edges = sum(len(node.dependencies) for node in self.definition.nodes)
        most = min(max(MAX_WORK // (edges + 1), LEAST_TOLD_APART), MOST_TOLD_APART)
        return list(wanted)[:most]

    def _visit(self, node: Node) -> None:
        left_out, found = 0, []
        for dependency in node.dependencies:
            worlds = list(self.worlds[dependency])
            before = self.definition.node(dependency)
            lost = outcome_leaving_out(before, node.id)
            if lost is not None:
                left_out |= worlds[lost]
                worlds[lost] = 0
            elif node.id in before.branches:
                left_out |= worlds[OK]  # a switch may take it or not
            found.append((worlds[OK] | worlds[OTHER], worlds[BAD], worlds[SKIP]))
        turn, bad, skip = (0, 0, left_out) if found else (self.anything, 0, 0)
        for present, verdict in _VERDICTS[node.trigger_rule] if found else ():
            world = self._world_of(found, present)
            if verdict is RUN:
                turn |= world
            elif verdict is Reason.UPSTREAM_FAILED:
                bad |= world
            else:
                skip |= world
        mine = self.given.outcomes(node) if turn else ()
        worlds = [turn if outcome in mine else 0 for outcome in range(4)]
        worlds[BAD] |= bad
        worlds[SKIP] |= skip
        kept = (world and world & self._only(node.id, (outcome,)) for outcome, world in enumerate(worlds))
        ok, other, bad, skip = kept
        self.worlds[node.id] = (ok, other, bad, skip)
        self.turns[node.id] = turn

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
        for _ in range(_ROUNDS):
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


def outcome_leaving_out(node: Node, successor: str) -> int | None:
    """Name the outcome of a node with two branches by which it does not take a successor, if there is one."""
    usual, other = TWO_BRANCHES.get(node.handler, ("", ""))
    if successor in node.branch(usual):
        return OTHER
    return OK if successor in node.branch(other) else None


@dataclass(frozen=True, slots=True)
class Course:
    """One course of events: how each node ended, and the reason of what was skipped by rule."""

    outcomes: Mapping[str, int]
    reasons: Mapping[str, Reason]


def witness(reach: Reachability, node_id: str, missing: str, upstream: Sequence[str]) -> Course | None:
    """Find a course of events in which a node runs although one upstream of it did not complete.

    upstream  everything upstream of the node, in topological order.
    None when there is none, or none was found: behind a switch none is looked for.
    """
    if any(reach.definition.node(name).handler == SWITCH for name in upstream):
        return None
    world = reach.turns[node_id] & reach.world_of(missing, MISSING)
    if not reach.is_possible(world):
        return None
    for course in _courses(reach, world, [*upstream, node_id]):
        if course.outcomes[missing] in MISSING and course.outcomes[node_id] in (OK, OTHER):
            return course
    return None


def _courses(reach: Reachability, world: int, ids: Sequence[str]) -> Iterator[Course]:
    """Play what the world allows, one combination of choices after the other."""
    choices: list[int] = []
    for _ in range(min(MAX_COURSES, MAX_STEPS // len(ids) + 1)):
        sizes: list[int] = []

        def choose(options: Sequence[int], sizes: list[int] = sizes) -> int:
            place = len(sizes)
            sizes.append(len(options))
            if place == len(choices):
                choices.append(0)
            return options[choices[place]]

        yield _play(reach, world, ids, choose)
        while choices and choices[-1] + 1 >= sizes[len(choices) - 1]:
            choices.pop()
        if not choices:
            return
        choices[-1] += 1


def _play(
    reach: Reachability, world: int, ids: Sequence[str], choose: Callable[[Sequence[int]], int]
) -> Course:
    outcomes: dict[str, int] = {}
    reasons: dict[str, Reason] = {}
    for node_id in ids:
        node = reach.definition.node(node_id)
        verdict = _verdict(reach.definition, node, outcomes)
        if isinstance(verdict, Reason):
            reasons[node_id] = verdict
            outcomes[node_id] = BAD if verdict is Reason.UPSTREAM_FAILED else SKIP
            continue
        options = _options(reach, world, node)
        outcomes[node_id] = options[0] if len(options) == 1 else choose(options)
    return Course(outcomes, reasons)


def _verdict(definition: Definition, node: Node, outcomes: Mapping[str, int]) -> Verdict:
    numbers = {"ok": 0, "bad": 0, "skip": 0}
    for dependency in node.dependencies:
        outcome = outcomes[dependency]
        if outcome == outcome_leaving_out(definition.node(dependency), node.id):
            return Reason.BRANCH_NOT_TAKEN
        numbers["bad" if outcome == BAD else "skip" if outcome == SKIP else "ok"] += 1
    return decide(node.trigger_rule, **numbers, total=len(node.dependencies))


def _options(reach: Reachability, world: int, node: Node) -> list[int]:
    """Give the outcomes worth trying for a node that runs, the usual one first."""
    mine = reach.given.outcomes(node)
    place = reach.places.get(node.id)
    allowed = 0xF if place is None else world >> 4 * place & 0xF
    options = [outcome for outcome in (OK, OTHER, SKIP) if outcome in mine and allowed >> outcome & 1]
    after = reach.definition.successors[node.id]
    wants_failure = any(reach.definition.node(name).trigger_rule in _FAILURE_RULES for name in after)
    if BAD in mine and allowed >> BAD & 1 and (not options or wants_failure):
        options.append(BAD)
    return options or [mine[0]]


_FAILURE_RULES = frozenset({TriggerRule.ALL_FAILED, TriggerRule.ONE_FAILED, TriggerRule.ONE_DONE})
