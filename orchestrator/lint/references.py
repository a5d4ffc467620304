"""Warns of references, in nodes and in the output, to nodes that may not have completed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from orchestrator.definitions.branches import CONDITION, SWITCH
from orchestrator.definitions.definition import OUTPUT, Definition, Node
from orchestrator.definitions.graph import successors_of
from orchestrator.definitions.trigger_rules import EARLY_RULES, TriggerRule
from orchestrator.lint.budget import LintBudget
from orchestrator.lint.context import Linter
from orchestrator.lint.outcomes import BAD, MISSING, KnownAnswers, Outcomes
from orchestrator.lint.reachability import Reachability
from orchestrator.lint.template_reads import Use, uses_of
from orchestrator.lint.witness import Run, find_witness

#: The field of the config that decides, by handler.
_DECIDING = {CONDITION: "config.expression", SWITCH: "config.value"}

#: Node, path relative to it, code, message, hint.
Finding = tuple[Node, str, str, str, str | None]
Uses = Mapping[str, Sequence[Use]]


# Nodes


def missing_references(
    definition: Definition, uses: Uses, reach: Reachability, expected: KnownAnswers
) -> Iterator[Finding]:
    """Give what is read without default() and is never, or not always, there.

    reach     what may happen at all.
    expected  what handlers are expected to do: to complete or fail, not to skip.
    """
    if not any(use.root in definition.by_id for each in uses.values() for use in each):
        return
    search = _Search(definition, uses, expected, reach.budget)
    for node in definition.nodes:
        if not reach.can_run(node.id):
            continue
        warned: set[str] = set()
        for use in uses.get(node.id, ()):
            if use.is_status or not use.is_needed or use.root in warned or use.root not in definition.by_id:
                continue
            found = (
                _always_missing(reach, node, use)
                or _always_an_error(reach, node, use)
                or search.judge(node, use)
                or search.judge_key(node, use)
            )
            if found is not None:
                warned.add(use.root)
                yield found


def _always_missing(reach: Reachability, node: Node, use: Use) -> Finding | None:
    if reach.may_meet(node.id, use.root, reach.present(use.root)):
        return None
    message = f"{node.id!r} reads {use.root!r}, which can never have completed when {node.id!r} runs"
    return node, use.path, "reference_never_there", message, "use default(), or leave the reference out"


def _always_an_error(reach: Reachability, node: Node, use: Use) -> Finding | None:
    """Judge what is read of a node that has failed whenever this one runs."""
    handled = _handled(reach, use)
    others = [place for place in reach.present(use.root) if place not in handled]
    if not handled or not others or reach.may_meet(node.id, use.root, others):
        return None
    message = f"{node.id!r} reads {use.key!r} of {use.root!r}, which has failed when {node.id!r} runs: its"
    message += ' output is {"error": …} then'
    hint = f"read {{{{ {use.root}.error.message }}}}, or .type, or .details"
    return node, use.path, "reference_never_there", message, hint


def _handled(reach: Reachability, use: Use) -> list[int]:
    """Give the outcomes of what is read in which it has failed and left its error alone, without this key."""
    if use.key in (None, "error") or reach.definition.node(use.root).map is not None:
        return []
    return [place for place in reach.outcomes[use.root].failing if place != BAD]


class _Search:
    """Searches for runs in which a reference fails."""

    def __init__(
        self, definition: Definition, uses: Uses, expected: KnownAnswers, budget: LintBudget
    ) -> None:
        self.definition = definition
        self.uses = uses
        self.visits = 0
        watched = {use.root for each in uses.values() for use in each}
        if OUTPUT in uses:  # A failure that fails nothing else may be what leaves another node out.
            watched |= {node.id for node in definition.nodes if not node.critical}
        self.reach = Reachability(definition, expected, watched=watched, budget=budget)
        self.ranks = {node_id: rank for rank, node_id in enumerate(self.reach.order)}

    def judge(self, node: Node, use: Use) -> Finding | None:
        """Say whether a node may run without what it reads."""
        if not self._may_lack(node, use.root) or self.visits > self.reach.budget.upstream_visits:
            return None
        upstream = self._upstream(node.id)
        gates = [each for each in map(self.definition.node, [*upstream, node.id]) if self._is_gate(each)]
        if any(root == use.root for gate in gates if gate.id != use.root for root, _ in self._reads(gate)):
            return None  # whether it runs may depend on just that
        text = f"{use.source[:80]!r} then fails it"
        hint = f"use default(…) where {use.root!r} may be missing"
        if node.trigger_rule in EARLY_RULES and self._may_be_early(node, use.root):
            rule = node.trigger_rule.value
            message = f"{node.id!r} may run before {use.root!r} has ended (trigger rule {rule})"
            return node, use.path, "reference_may_be_early", f"{message}; {text}", hint
        self.visits += 8 * len(upstream)
        run = find_witness(self.reach, node.id, use.root, upstream)
        if run is None or not self._is_free(gates, run):
            return None
        reason = run.reasons.get(use.root)
        how = "failed" if run.outcomes[use.root] == BAD and reason is None else "was skipped"
        message = f"{node.id!r} also runs when {use.root!r} {how}" + (f" ({reason})" if reason else "")
        return node, use.path, "reference_may_be_missing", f"{message}; {text}", hint

    def judge_key(self, node: Node, use: Use) -> Finding | None:
        """Say whether a node may run when what it reads has failed, with its error as the output."""
        handled = _handled(self.reach, use)
        if not handled or node.trigger_rule in EARLY_RULES or self.visits > self.reach.budget.upstream_visits:
            return None
        if not self.reach.may_meet(node.id, use.root, handled):
            return None
        upstream = self._upstream(node.id)
        gates = [each for each in map(self.definition.node, [*upstream, node.id]) if self._is_gate(each)]
        if any(root == use.root for gate in gates if gate.id != use.root for root, _ in self._reads(gate)):
            return None
        self.visits += 8 * len(upstream)
        run = find_witness(self.reach, node.id, use.root, upstream, handled)
        if run is None or not self._is_free(gates, run):
            return None
        message = f'{node.id!r} also runs when {use.root!r} failed, whose output is {{"error": …}} then'
        message += f"; {use.source[:80]!r} then fails it"
        hint = f"use default(…) where {use.root!r} may have failed"
        return node, use.path, "reference_may_be_missing", message, hint

    def _may_lack(self, node: Node, missing: str) -> bool:
        """Say quickly whether a search could find anything; most of what is read must have completed."""
        return node.trigger_rule in EARLY_RULES or self.reach.may_meet(node.id, missing, MISSING)

    def _may_be_early(self, node: Node, missing: str) -> bool:
        """Say whether another dependency can let the node run while this one has not ended."""
        if node.trigger_rule is TriggerRule.ALWAYS:
            return True
        wants_failure = node.trigger_rule is TriggerRule.ONE_FAILED
        for name in node.dependencies:
            lets_run = self.reach.worlds[name][BAD] if wants_failure else self.reach.success(name, node.id)
            if lets_run and name != missing and missing not in self._upstream(name):
                return True
        return False

    def _upstream(self, node_id: str) -> list[str]:
        seen = {node_id}
        stack = [node_id]
        while stack:
            for name in self.definition.node(stack.pop()).dependencies:
                if name not in seen:
                    seen.add(name)
                    stack.append(name)
        self.visits += len(seen)
        seen.remove(node_id)
        return sorted(seen, key=self.ranks.__getitem__)

    def _is_gate(self, node: Node) -> bool:
        given = self.reach.known
        is_open = node.when is not None and node.id not in given.when
        return is_open or (bool(node.branches) and node.id not in given.answers)

    def _reads(self, gate: Node) -> Iterator[tuple[str, str | None]]:
        for use in self.uses.get(gate.id, ()):
            if use.path == "when" or use.path == _DECIDING.get(gate.handler):
                yield use.root, use.key
        if gate.branches:
            yield gate.id, None

    def _is_free(self, gates: Iterable[Node], run: Run) -> bool:
        """Say whether no two gates of this run read the same: then any mix of their answers may occur."""
        met: dict[str, set[str | None]] = {}
        for gate in gates:
            if gate.id in run.reasons:
                continue
            mine = set(self._reads(gate))
            for root, key in mine:
                keys = met.get(root, set())
                if keys and (key is None or None in keys or key in keys):
                    return False
            for root, key in mine:
                met.setdefault(root, set()).add(key)
        return True


# The output


def missing_in_output(linter: Linter, expected: KnownAnswers) -> Iterator[tuple[str, str, str, str | None]]:
    """Give path, code, message and hint for what the output reads without default() and may lack."""
    definition, last = linter.definition, linter.definition.output_node
    if last is None or len(definition.nodes) > linter.budget.output_nodes:
        return
    uses = {**linter.uses, OUTPUT: list(uses_of(last))}
    if not any(use.root in definition.by_id for use in uses[OUTPUT]):
        return
    whole = _with_output(definition, last)
    watched = linter.watched | {use.root for use in uses[OUTPUT]}.intersection(definition.by_id)
    reach = Reachability(whole, _completing(linter.known), watched=watched, budget=linter.budget)
    for node, path, code, message, hint in missing_references(whole, uses, reach, _completing(expected)):
        if node.id == OUTPUT:
            yield path.removeprefix("config."), code, message.replace(f"'{OUTPUT}'", "'output'"), hint


def _completing(known: KnownAnswers) -> KnownAnswers:
    return _Completing(known.answers, known.when, known.skips)


class _Completing(KnownAnswers):
    """Answers in executions that do not fail, the only ones that have an output."""

    def of(self, node: Node, outcomes: Outcomes) -> tuple[int, ...]:
        """Leave out the failure of a critical node that nothing takes over."""
        found = KnownAnswers.of(self, node, outcomes)
        return tuple(place for place in found if place != BAD) if node.critical else found


def _with_output(definition: Definition, last: Node) -> Definition:
    """Add the output as a node that runs once all others have ended; see `_Completing`."""
    node = replace(last, dependencies=tuple(definition.by_id), trigger_rule=TriggerRule.ALL_DONE)
    nodes = (*definition.nodes, node)
    return replace(
        definition,
        nodes=nodes,
        by_id={each.id: each for each in nodes},
        successors=successors_of({each.id: each.dependencies for each in nodes}),
    )
