"""A second, independent reading of the semantics: what a workflow must end as, without counters or queues.

Knows nothing of the engine's rules and planner, on purpose. It looks at a node only when all its dependencies
have ended, which the documented rules must make equivalent to deciding some of them early.

A definition is its JSON document; the script says what each handler call would do:
  outcome(node) -> "ok" | "fail" | "skip" | ("branch", ids not taken) | ("items", (one for each item, …))
                 | ("tries", (what each try comes to, the last one for ever; seconds that each of them takes))
                 | ("child", script of its child) | ("detached", script of the child nobody waits for)
A try comes to "ok" or to a type of error.
"""

from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from typing import Any, Protocol

from tests.interpreting_tries import end_of_tries

Result = str | tuple[str, Any]
Script = Callable[[dict[str, Any]], Result]
#: {node_id: (status, reason)}; the reason of a COMPLETED node is None, of a FAILED one "error", or "timeout".
Ends = dict[str, tuple[str, str | None]]


class Scripted(Protocol):
    """A document with its script."""

    @property
    def document(self) -> dict[str, Any]: ...

    def outcome(self, of: dict[str, Any]) -> Result: ...


#: Says what a script ends as: COMPLETED or FAILED.
EndReply = Callable[[Scripted], str]

REASON_IF_NOTHING_SUCCEEDED = {
    "none_failed_min_one_success",
    "all_success",
    "all_done_min_one_success",
    "one_success",
}


def interpret(
    document: dict[str, Any], outcome: Script, *, by_hand: Collection[str] = ()
) -> tuple[Ends, str]:
    """Give every node's end and the execution's status. The execution has neither fail_fast nor a cancel.

    by_hand  nodes that an operator ended as the script says, whatever came before them.
    """
    nodes = {node["id"]: node for node in nodes_of(document)}
    ends: Ends = {}
    left_out: set[str] = set()
    for node_id in in_order(nodes):
        node = nodes[node_id]
        before = [as_seen_by(node_id, nodes[d], ends[d]) for d in node.get("dependencies", [])]
        if node_id in by_hand:
            ends[node_id] = end_by_hand(outcome(node))
        else:
            ends[node_id] = end_of(node, before, node_id in left_out, outcome)
        result = outcome(node)
        if ends[node_id][0] == "COMPLETED" and not isinstance(result, str) and result[0] == "branch":
            left_out.update(result[1])
        if ends[node_id][0] == "COMPLETED" or (ends[node_id][0] == "FAILED" and handling(node) == "goes on"):
            left_out.update(rule["goto"] for rule in node.get("catch", []))
    failed = any(
        ends[node_id][0] == "FAILED" and node.get("critical", True) and handling(node) == "nothing"
        for node_id, node in nodes.items()
    )
    failed = failed or not has_output(document, ends, outcome)
    return ends, "FAILED" if failed else "COMPLETED"


def status_of(scripted: Scripted) -> str:
    """Give the status that an execution ends in."""
    return interpret(scripted.document, scripted.outcome)[1]


def has_output(document: dict[str, Any], ends: Mapping[str, tuple[str, Any]], outcome: Script) -> bool:
    """Say whether all that the `output` of a document reads, {name: "{{ NODE.field }}"}, is there."""
    nodes = {node["id"]: node for node in nodes_of(document)}
    texts = [text for text in document.get("output", {}).values() if "{{" in text and "|" not in text]
    read = {text.split()[1].partition(".")[0] for text in texts}
    return all(ends[node_id][0] == "COMPLETED" and has_of(nodes[node_id], outcome) for node_id in read)


def has_of(node: dict[str, Any], outcome: Script) -> bool:
    """Say whether the output of a node, once it has completed, has an "of"."""
    result = outcome(node)
    is_plain = isinstance(result, str) or result[0] == "tries"
    return is_plain and "map" not in node and node["handler"] not in ("condition", "switch", "sub_workflow")


def handling(node: dict[str, Any]) -> str:
    """Say what follows from a failure of this node: nothing, it "goes on", or the id of who takes over."""
    for rule in node.get("catch", []):
        if {"*", "HandlerError", "Handler*"} & set(rule["errors"]):
            return str(rule["goto"])
    retry = node.get("retry") or {}
    return "goes on" if isinstance(retry, dict) and retry.get("on_exhausted") == "continue" else "nothing"


def as_seen_by(
    node_id: str, dependency: dict[str, Any], end: tuple[str, str | None]
) -> tuple[str, str | None]:
    """Give a dependency's end as a dependant takes it: a handled failure may count as a success."""
    if end[0] == "FAILED" and handling(dependency) in ("goes on", node_id):
        return "COMPLETED", None
    return end


def end_by_hand(result: Result) -> tuple[str, str | None]:
    """Read an operator's word."""
    return {"fail": ("FAILED", "error"), "skip": ("SKIPPED", "operator")}.get(
        str(result), ("COMPLETED", None)
    )


def end_of(
    node: dict[str, Any], before: list[tuple[str, str | None]], is_left_out: bool, outcome: Script
) -> tuple[str, str | None]:
    """Decide one node from the ends of its dependencies."""
    if is_left_out:
        return "SKIPPED", "branch_not_taken"
    completed = [end for end in before if end[0] == "COMPLETED"]
    failed = [end for end in before if end[0] == "FAILED" or end[1] == "upstream_failed"]
    skipped = [end for end in before if end[0] == "SKIPPED" and end[1] != "upstream_failed"]
    rule = node.get("trigger_rule", "none_failed_min_one_success")
    if before and not is_met(rule, len(completed), len(failed), len(skipped)):
        if rule not in REASON_IF_NOTHING_SUCCEEDED:
            return "SKIPPED", "trigger_rule_unmet"
        return "SKIPPED", "upstream_failed" if failed else "upstream_skipped"
    word = word_of(node, outcome(node), status_of)
    if word in ("fail", "late"):
        return "FAILED", "error" if word == "fail" else "timeout"
    if word == "skip":
        return "SKIPPED", "condition_false" if node.get("when") else "handler_skipped"
    return "COMPLETED", None


def word_of(node: dict[str, Any], result: Result, ended: EndReply) -> str:
    """Put what a node that runs comes to into one word: ok, fail, skip, late (a time limit ended it)."""
    if isinstance(result, str):
        return result
    match result[0]:
        case "items":
            return of_items(node, words_of_items(node, result[1], ended))
        case "tries":
            return end_of_tries(node, *result[1])[0]
        case "child":
            return "ok" if ended(result[1]) == "COMPLETED" else "fail"
    return "ok"


def words_of_items(node: dict[str, Any], results: Collection[Result], ended: EndReply) -> list[str]:
    """Put what each item of a mapped node comes to into one word: ok, fail, skip."""
    words = [word_of(node, result, ended) for result in results]
    return ["fail" if word == "late" else word for word in words]


def of_items(node: dict[str, Any], items: list[str]) -> str:
    """Say what the ends of its items make of a mapped node."""
    by_share = len(items) * Fraction(str(node["map"].get("tolerated_failure_percentage", 0))) // 100
    return (
        "fail" if items.count("fail") > max(by_share, node["map"].get("tolerated_failure_count", 0)) else "ok"
    )


def output_of_items(node: dict[str, Any], items: list[str], outputs: list[Any], error: Any) -> list[Any]:
    """Give the output of a mapped node that completed; `outputs` are what its items would put out."""
    limits = ("tolerated_failure_count", "tolerated_failure_percentage")
    if not any(node["map"].get(limit) for limit in limits):
        return [output if item == "ok" else None for item, output in zip(items, outputs, strict=False)]
    rows: list[Any] = []
    for index, (item, output) in enumerate(zip(items, outputs, strict=False)):
        if item == "ok":
            rows.append({"index": index, "status": "COMPLETED", "output": output})
        elif item == "fail":
            rows.append({"index": index, "status": "FAILED", "error": error})
        else:
            rows.append({"index": index, "status": "SKIPPED", "error": None})
    return rows


def is_met(rule: str, completed: int, failed: int, skipped: int) -> bool:
    """Say whether a trigger rule lets a node run whose dependencies, at least one, have all ended."""
    match rule:
        case "always" | "all_done":
            return True
        case "none_failed_min_one_success":
            return failed == 0 and completed > 0
        case "all_success":
            return failed == skipped == 0
        case "all_done_min_one_success" | "one_success":
            return completed > 0
        case "all_failed":
            return completed == skipped == 0
        case "all_skipped":
            return completed == failed == 0
        case "none_failed":
            return failed == 0
        case "none_skipped":
            return skipped == 0
        case "one_failed":
            return failed > 0
        case "one_done":
            return completed + failed > 0
    raise ValueError(f"unknown trigger rule {rule!r}")


def nodes_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Find the nodes of a native or flat document."""
    nodes: list[dict[str, Any]] = document["dag"]["nodes"] if "dag" in document else document["nodes"]
    return nodes


def in_order(nodes: dict[str, dict[str, Any]]) -> list[str]:
    """List node ids so that each comes after its dependencies."""
    ordered: dict[str, None] = {}
    while len(ordered) < len(nodes):
        ready = [
            i
            for i, n in nodes.items()
            if i not in ordered and all(d in ordered for d in n.get("dependencies", []))
        ]
        assert ready, "the graph has a cycle"
        ordered.update(dict.fromkeys(ready))
    return list(ordered)
