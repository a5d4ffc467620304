"""Holds an ended execution against the interpreter: with what its workers reported it must end so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.definitions.definition import OUTPUT
from tests.interpreter import Ends, interpret
from tests.property.model.snapshots import is_handled

if TYPE_CHECKING:
    from tests.property.model.world import Case

#: Ends that the engine decides by itself; to the semantics each is a failed handler call.
_BY_ENGINE = ("timeout", "poison")


def check_end(case: Case) -> list[str]:
    """Say what is wrong with the end of an execution; [] when nothing is."""
    now = case.now
    if cause := now.runtime.get("cancelling"):
        wanted = "CANCELLED" if cause == "user" else "FAILED"
        return [] if now.status == wanted else [f"ended {now.status}, cancelled by {cause}"]
    if now.generation != "1":
        # What a retry kept was decided by ends that are no more: only the sum of it all can be told.
        failed = now.units.get(OUTPUT) == "FAILED" or any(
            node.critical and now.nodes[node.id] in ("FAILED", "CANCELLED") and not is_handled(now, node)
            for node in case.definition.nodes
        )
        return [] if now.status == ("FAILED" if failed else "COMPLETED") else [f"ended {now.status}"]
    broken = [
        f"{unit} ended {word}, reported was {case.taken.get(unit)}"
        for unit, word in now.units.items()
        if "[" in unit and not _is_as_reported(case, unit, word)
    ]
    return broken or _of_semantics(case)


def _of_semantics(case: Case) -> list[str]:
    now = case.now

    def outcome(node: dict[str, Any]) -> str | tuple[str, tuple[str, ...]]:
        node_id = node["id"]
        if now.of("reason", node_id) in _BY_ENGINE or node_id in case.given_up:
            return "fail"
        return case.taken.get(node_id, "never reported")

    # What the output comes to is for workers to say.
    nodes = {name: value for name, value in case.document.items() if name != "output"}
    ends, status = interpret(nodes, outcome, by_hand=case.by_hand)
    if case.definition.output_node and (status == "COMPLETED") != (OUTPUT in now.units):
        return [f"the output of what has {status} is {now.units.get(OUTPUT)}"]
    # Its failure fails what would have ended well.
    status = now.units.get(OUTPUT, status)
    found: Ends = {}
    for node_id, word in now.nodes.items():
        reason = now.of("reason", node_id) or None
        is_error = reason in _BY_ENGINE or (word, reason) == ("FAILED", "operator")
        found[node_id] = (word, "error" if is_error else reason)
    return [] if (found, now.status) == (ends, status) else [f"by the semantics: {status} {ends}"]


def _is_as_reported(case: Case, unit: str, word: str) -> bool:
    """Say whether an item ended as the last call about it said; what never started may be CANCELLED."""
    if case.now.of("reason", unit) in _BY_ENGINE or unit in case.given_up:
        return word == "FAILED"
    reported = {"ok": "COMPLETED", "fail": "FAILED", "skip": "SKIPPED"}
    said = case.taken.get(unit)
    return word == "CANCELLED" or (isinstance(said, str) and reported[said] == word)
