"""Promises about executions that their retention has purged: they ran as any other, as far as calls tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.chaos.history import Call, Expired
from tests.chaos.script import outcome_of
from tests.interpreter import interpret, nodes_of


def of_expired(
    gone: Expired, by_node: Mapping[tuple[str, str], Sequence[Call]], traced: Sequence[str]
) -> Iterator[str]:
    """Say what is wrong with the calls of one; traced: handlers that leave a trace."""
    ends, _ = interpret(dict(gone.document), outcome_of)
    needs = {node["id"]: node.get("dependencies", []) for node in nodes_of(dict(gone.document))}
    done_s: dict[str, float] = {}
    for node in nodes_of(dict(gone.document)):
        if node["handler"] not in traced:
            continue
        calls, node_id = by_node.get((gone.execution_id, node["id"]), []), node["id"]
        good = [call.end_s for call in calls if call.ended == "ok" and call.end_s is not None]
        if ends[node_id][0] == "COMPLETED" and not good:
            yield f"{node_id} must have completed, and no call of it did"
        if ends[node_id][0] == "SKIPPED" and calls:
            yield f"{node_id} must have been skipped, but its handler ran"
        if good:
            done_s[node_id] = min(good)
        early = [each for each in needs[node_id] for call in calls if call.start_s < done_s.get(each, 0)]
        if early:
            yield f"{node_id} was called before any call of {early[0]} had ended"
