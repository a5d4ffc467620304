"""Find references that fail because the node they read did not complete, although nothing went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from orchestrator.branches import CONDITION, SWITCH
from orchestrator.courses import Course, witness
from orchestrator.definition import Definition, Node
from orchestrator.outcomes import BAD, MISSING, Given
from orchestrator.reachability import Reachability
from orchestrator.rules import EARLY_RULES, TriggerRule
from orchestrator.template_uses import Use

#: Nodes looked at in all searches upstream together; then it is enough.
MAX_LOOKS = 100_000

#: The field of the config that decides, by handler.
_DECIDING = {CONDITION: "config.expression", SWITCH: "config.value"}

#: Node, path relative to it, code, message, hint.
Finding = tuple[Node, str, str, str, str | None]
Uses = Mapping[str, Sequence[Use]]


def missing_references(
    definition: Definition, uses: Uses, reach: Reachability, expected: Given
) -> Iterator[Finding]:
    """Give what is read without default() and is never, or not always, there.

    reach     what may happen at all.
    expected  what handlers are expected to do: to complete or fail, not to skip.
    """
    if not any(use.root in definition.by_id for each in uses.values() for use in each):
        return
    search = _Search(definition, uses, expected)
    for node in definition.nodes:
        if not reach.can_run(node.id):
            continue
        told: set[str] = set()
        for use in uses.get(node.id, ()):
            if use.is_status or not use.is_needed or use.root in told or use.root not in definition.by_id:
                continue
            found = _always_missing(reach, node, use) or search.judge(node, use)
            if found is not None:
                told.add(use.root)
                yield found


def _always_missing(reach: Reachability, node: Node, use: Use) -> Finding | None:
    if reach.may_meet(node.id, use.root, reach.present(use.root)):
        return None
    message = f"{node.id!r} reads {use.root!r}, which can never have completed when {node.id!r} runs"
    return node, use.path, "reference_never_there", message, "use default(), or leave the reference out"


class _Search:
    """Looks for courses of events in which a reference fails."""

    def __init__(self, definition: Definition, uses: Uses, expected: Given) -> None:
        self.definition = definition
        self.uses = uses
        self.looks = 0
        read = {use.root for each in uses.values() for use in each}
        self.reach = Reachability(definition, expected, watched=read)
        self.ranks = {node_id: rank for rank, node_id in enumerate(self.reach.order)}

    def judge(self, node: Node, use: Use) -> Finding | None:
        """Say whether a node may run without what it reads."""
        if not self._may_lack(node, use.root) or self.looks > MAX_LOOKS:
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
        self.looks += 8 * len(upstream)
        course = witness(self.reach, node.id, use.root, upstream)
        if course is None or not self._is_free(gates, course):
            return None
        how = "failed" if course.outcomes[use.root] == BAD else "was skipped"
        reason = course.reasons.get(use.root)
        message = f"{node.id!r} also runs when {use.root!r} {how}" + (f" ({reason})" if reason else "")
        return node, use.path, "reference_may_be_missing", f"{message}; {text}", hint

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
        self.looks += len(seen)
        seen.remove(node_id)
        return sorted(seen, key=self.ranks.__getitem__)

    def _is_gate(self, node: Node) -> bool:
        given = self.reach.given
        is_open = node.when is not None and node.id not in given.when
        return is_open or (bool(node.branches) and node.id not in given.answers)

    def _reads(self, gate: Node) -> Iterator[tuple[str, str | None]]:
        for use in self.uses.get(gate.id, ()):
            if use.path == "when" or use.path == _DECIDING.get(gate.handler):
                yield use.root, use.key
        if gate.branches:
            yield gate.id, None

    def _is_free(self, gates: Iterable[Node], course: Course) -> bool:
        """Say whether no two gates on this course read the same: then any mix of their answers may occur."""
        met: dict[str, set[str | None]] = {}
        for gate in gates:
            if gate.id in course.reasons:
                continue
            mine = set(self._reads(gate))
            for root, key in mine:
                keys = met.get(root, set())
                if keys and (key is None or None in keys or key in keys):
                    return False
            for root, key in mine:
                met.setdefault(root, set()).add(key)
        return True
