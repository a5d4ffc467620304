"""The outcomes of a node, as far as its dependants distinguish them, and which of them are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from orchestrator.definitions.branches import SWITCH, TWO_BRANCHES
from orchestrator.definitions.definition import Node
from orchestrator.definitions.trigger_rules import OutcomeClass
from orchestrator.lint.budget import BUDGET, LintBudget

#: Places of the two outcomes every node has: FAILED, or SKIPPED because something upstream had failed; and
#: SKIPPED for another reason. In both it has no output; in all that follow it has one.
BAD, SKIP = 0, 1
MISSING = (BAD, SKIP)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way to end.

    kind         what dependants count it as.
    leaves_out   successors that are not taken.
    may_leave_out  successors that may be taken or not.
    taker        the successor that takes over from a failure, and counts it as a success.
    answers      the config fields that name the answer given, when the node decides something.
    """

    kind: OutcomeClass
    leaves_out: frozenset[str] = frozenset()
    may_leave_out: frozenset[str] = frozenset()
    taker: str | None = None
    answers: frozenset[str] = frozenset()

    def kind_for(self, successor: str) -> OutcomeClass | None:
        """Say what one successor counts it as; None when that one is left out."""
        if successor in self.leaves_out:
            return None
        return "ok" if self.taker == successor else self.kind


_BAD, _SKIP = Outcome("bad"), Outcome("skip")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """All outcomes of a node; and which of them its handler may bring about, the usual ones first."""

    every: tuple[Outcome, ...]
    completing: tuple[int, ...]
    failing: tuple[int, ...]


def outcomes_of(node: Node, budget: LintBudget = BUDGET) -> Outcomes:
    """List how a node may end."""
    gotos = frozenset(node.gotos)
    every = [_BAD, _SKIP]
    completing = [_place(every, each) for each in _answers(node, gotos, budget)]
    failing = []
    is_every_error_taken = False
    for rule in node.catch:
        if not is_every_error_taken:
            failing.append(_place(every, Outcome("bad", taker=rule.goto)))
        is_every_error_taken = is_every_error_taken or "*" in rule.errors
    if not is_every_error_taken:
        failing.append(_place(every, Outcome("ok", gotos)) if node.continues_on_failure else BAD)
    return Outcomes(tuple(every), tuple(completing), tuple(dict.fromkeys(failing)))


def _place(every: list[Outcome], outcome: Outcome) -> int:
    if outcome not in every:
        every.append(outcome)
    return every.index(outcome)


def _answers(node: Node, gotos: frozenset[str], budget: LintBudget) -> Iterator[Outcome]:
    """Give the outcomes of a node that completes: one for each set of successors it leaves out.

    A switch with more cases than the budget allows is treated as possibly skipping any of its successors.
    """
    targets = {choice.field: frozenset(choice.targets) for choice in node.choices}
    if not targets:
        yield Outcome("ok", gotos)
        return
    answered: frozenset[str] = frozenset().union(*targets.values())
    fields: dict[frozenset[str], set[str]] = {}
    for name in _fields(node):
        fields.setdefault(answered - targets.get(name, frozenset()), set()).add(name)
    if len(fields) + len(node.catch) + 3 > budget.max_outcomes:
        yield Outcome("ok", gotos, answered)
        return
    for left_out, names in fields.items():
        yield Outcome("ok", left_out | gotos, answers=frozenset(names))


def _fields(node: Node) -> tuple[str, ...]:
    """Name the config fields of all answers, also of those to which no successor belongs."""
    if node.handler != SWITCH:
        return TWO_BRANCHES[node.handler]
    cases = node.config.get("cases")
    names = tuple(f"cases.{case}" for case in cases) if isinstance(cases, dict) else ()
    return (*names, "default") if node.config.get("default") is not None else names


@dataclass(frozen=True, slots=True)
class KnownAnswers:
    """Answers of handlers that are known without running them.

    answers  constant answers of deciding nodes, as the config field of the answer; '' for a missing case.
    when     constant answers of the `when` of nodes.
    skips    whether a node may be skipped by its own handler.
    """

    answers: Mapping[str, str] = field(default_factory=dict)
    when: Mapping[str, bool] = field(default_factory=dict)
    skips: Callable[[Node], bool] = lambda node: True

    def of(self, node: Node, outcomes: Outcomes) -> tuple[int, ...]:
        """Give the outcomes a node may have once its rule lets it run, the usual ones first."""
        if self.when.get(node.id) is False:
            return (SKIP,)
        answer = self.answers.get(node.id) if node.choices else None
        found = [
            place
            for place in outcomes.completing
            if answer is None or not outcomes.every[place].answers or answer in outcomes.every[place].answers
        ]
        # An item that is skipped does not skip the node it belongs to.
        if (self.skips(node) and node.map is None) or (node.when is not None and node.id not in self.when):
            found.append(SKIP)
        return (*found, *outcomes.failing)
