"""Says which promises a history breaks. Pure: it sees only what anyone outside the engine could see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from orchestrator.definitions.definition import OUTPUT
from tests.chaos.expiry import of_expired
from tests.chaos.history import Call, EndReply, History, Line
from tests.chaos.kinship import of_children, of_output
from tests.chaos.letters import DURABLE, of_letters
from tests.chaos.messages import of_messages
from tests.chaos.receipts import of_hooks
from tests.chaos.script import outcome_of
from tests.chaos.slots import of_clocks
from tests.interpreter import interpret, nodes_of, status_of, words_of_items

TRACED = ("record", "record_in_thread", "record_beating", "record_crashing", DURABLE)
_ENDS = {
    "node.completed": "COMPLETED",
    "node.failed": "FAILED",
    "node.skipped": "SKIPPED",
    "node.cancelled": "CANCELLED",
}
_LAST = {
    "execution.completed": "COMPLETED",
    "execution.failed": "FAILED",
    "execution.cancelled": "CANCELLED",
}
#: How long before a replacement begins the strike may have been that made it necessary.
PAUSE_S = 20.0
#: How long before a call begins its process may have been struck: told to end while it could not run, it
#: first begins what it was given.
NOTICED_S = 1.0
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """broken names every promise that was not kept; the figures are for the report.

    duplicates  calls beyond one for each charged try; excused, those that a strike explains.
    """

    broken: tuple[str, ...]
    calls: int
    duplicates: int
    excused: int


def judge(history: History) -> Verdict:
    """Hold a history against the promises."""
    by_node: dict[Key, list[Call]] = defaultdict(list)
    for call in history.calls:
        by_node[call.execution_id, call.node_id].append(call)
    broken = [*history.left_behind]
    duplicates = excused = 0
    known = {ended.execution_id: ended for ended in history.executions}
    for ended in history.executions:
        broken += [f"{ended.execution_id}: {what}" for what in _of_execution(ended, by_node)]
        kin = of_children(ended, known, _ends_of(ended))
        broken += [f"{ended.execution_id}: {what}" for what in (*kin, *of_output(ended))]
    for gone in history.expired:
        broken += [f"{gone.execution_id}: {what}" for what in of_expired(gone, by_node, TRACED)]
    for execution_id, unit, tries in _charged(history):
        calls = by_node.get((execution_id, unit), [])
        # A call that parks is followed by another one, and neither is a try.
        parks = sum(call.ended == "park" for call in calls)
        extra = max(0, len(calls) - tries - parks)
        explained = min(extra, _struck(calls, history))
        duplicates, excused = duplicates + extra, excused + explained
        if extra > explained:
            broken.append(f"{execution_id}: {unit} ran {extra} times too often, {explained} explained")
    broken += _changed(history)
    broken += _unknown(history, {*known, *(gone.execution_id for gone in history.expired)})
    broken += [*of_clocks(history), *of_hooks(history), *of_messages(history)]
    return Verdict(tuple(broken), len(history.calls), duplicates, excused)


def _of_execution(ended: EndReply, by_node: dict[Key, list[Call]]) -> Iterator[str]:
    yield from _ending(ended)
    yield from _lines(ended)
    yield from _order(ended, by_node)
    yield from of_letters(ended)
    for node in nodes_of(dict(ended.document)):
        if node["handler"] not in TRACED:
            continue
        for unit, output in _traced(ended, node):
            yield from _output(ended, unit, output, by_node.get((ended.execution_id, unit), []))


def _charged(history: History) -> Iterator[tuple[str, str, int]]:
    """Give every unit of every execution, and how often its handler had to be called."""
    for ended in history.executions:
        for unit in _units(ended.document):
            yield ended.execution_id, unit, _tries(ended, unit)
    for gone in history.expired:
        for unit in _units(gone.document):
            yield gone.execution_id, unit, 1


def _units(document: Mapping[str, Any]) -> list[str]:
    """List the nodes and, of those that are mapped, the items."""
    return [
        unit
        for node in nodes_of(dict(document))
        for unit in (
            node["id"],
            *(f"{node['id']}[{i}]" for i in range(len(node.get("map", {}).get("items", ())))),
        )
    ]


def _traced(ended: EndReply, node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give what calls its handler, with the output that is stored for it."""
    if "map" not in node:
        yield node["id"], ended.outputs.get(node["id"])
        return
    rows = ended.outputs.get(node["id"]) or []
    for index in range(len(node["map"]["items"])):
        row = rows[index] if index < len(rows) else None
        yield f"{node['id']}[{index}]", row.get("output") if row and "index" in row else row


def _ending(ended: EndReply) -> Iterator[str]:
    """It reached the end that its definition asks for, items and all."""
    ends, status = interpret(dict(ended.document), outcome_of)
    for node in nodes_of(dict(ended.document)):
        if "map" in node and ends[node["id"]][0] == "COMPLETED":
            wanted = {"ok": "COMPLETED", "fail": "FAILED"}
            for index, end in enumerate(words_of_items(node, outcome_of(node)[1], status_of)):
                unit = f"{node['id']}[{index}]"
                if (found := _ends_of(ended).get(unit)) != wanted[end]:
                    yield f"{unit} ended {found}, not {wanted[end]}"
    if ended.status != status:
        yield f"ended {ended.status}, not {status}"
    for node_id, (word, _) in ends.items():
        if ended.nodes.get(node_id) != word:
            yield f"{node_id} ended {ended.nodes.get(node_id)}, not {word}"


def _ends_of(ended: EndReply) -> dict[str, str]:
    """How each unit ended, by the history."""
    return {line.node_id: _ENDS[line.type] for line in ended.lines if line.node_id and line.type in _ENDS}


def _lines(ended: EndReply) -> Iterator[str]:
    """The history is dense, begins with the creation, and its last line is the end of the execution."""
    seqs = [line.seq for line in ended.lines]
    if seqs != list(range(1, len(seqs) + 1)):
        yield f"event ids are not dense: {seqs}"
    types = [line.type for line in ended.lines]
    if types[:1] != ["execution.created"]:
        yield f"the first event is {types[:1]}"
    # It may have gone on in place, each time after an end.
    lives = types.count("execution.retried") + 1
    lasts = [type for type in types if type in _LAST]
    if len(lasts) != lives or types[-1] not in _LAST or _LAST[types[-1]] != ended.status:
        yield f"ended {ended.status} with {lasts} in {lives} lives, the last event is {types[-1:]}"
    attempts: dict[str, int] = defaultdict(int)
    finished: dict[str, str] = {}
    closed: dict[str, str] = {}
    for line, following in pairwise([*ended.lines, None]):
        assert line is not None
        if line.type in _LAST and following is not None and following.type != "execution.retried":
            yield f"{following.type} after {line.type}"
        if line.type == "execution.retried":
            closed = {unit: word for unit, word in closed.items() if word == "COMPLETED"}
        if line.node_id:
            yield from _node_line(line, attempts, closed)
            finished |= closed
    for node_id, word in ended.nodes.items():
        if finished.get(node_id) != word:
            yield f"{node_id} is {word}, its history says {finished.get(node_id)}"


def _node_line(line: Line, attempts: dict[str, int], closed: dict[str, str]) -> Iterator[str]:
    node_id, attempt = line.node_id or "", line.attempt or 0
    if node_id in closed and line.type.startswith("node.") and line.type not in ("node.log", "node.progress"):
        yield f"{line.type} of {node_id} after it was {closed[node_id]}"
    if line.type == "node.queued":
        if attempt <= attempts[node_id]:
            yield f"{node_id} was queued as attempt {attempt} after {attempts[node_id]}"
        attempts[node_id] = attempt
    elif line.type == "node.started" and attempt != attempts[node_id]:
        yield f"{node_id} started attempt {attempt} while {attempts[node_id]} was the current one"
    if line.type in _ENDS:
        closed[node_id] = _ENDS[line.type]


def _order(ended: EndReply, by_node: dict[Key, list[Call]]) -> Iterator[str]:
    """No call begins before each dependency has ended: by the history, and by the clocks of the handlers."""
    over: set[str] = set()
    needs = {node["id"]: node.get("dependencies", []) for node in nodes_of(dict(ended.document))}
    needs[OUTPUT] = list(needs)
    for line in ended.lines:
        if line.type == "node.started":
            early = [each for each in needs[_node_of(line.node_id or "")] if each not in over]
            if early:
                yield f"{line.node_id} started before {early} ended"
        if line.type in _ENDS and line.node_id:
            over.add(line.node_id)
    for node_id, before in needs.items():
        starts = [
            call.start_s
            for (execution_id, unit), calls in by_node.items()
            for call in calls
            if execution_id == ended.execution_id and _node_of(unit) == node_id
        ]
        for each in before:
            ends = [c.end_s for c in by_node.get((ended.execution_id, each), []) if c.ended in ("ok", "fail")]
            done_s = min((end_s for end_s in ends if end_s is not None), default=None)
            if (
                starts
                and ended.nodes.get(each) == "COMPLETED"
                and done_s is not None
                and min(starts) < done_s
            ):
                yield f"{node_id} was called before any call of {each} had ended"


def _node_of(unit: str) -> str:
    return unit.partition("[")[0]


def _output(ended: EndReply, node_id: str, stored: Any, calls: list[Call]) -> Iterator[str]:
    """The output is that of the attempt the history says completed, and of no other; nothing ran after it."""
    status = ended.nodes.get(node_id) or _ends_of(ended).get(node_id)
    if status != "COMPLETED":
        if calls and "SKIPPED" in (status, ended.nodes.get(_node_of(node_id))):
            yield f"{node_id} is SKIPPED, but its handler ran"
        return
    if ended.nodes.get(_node_of(node_id)) == "COMPLETED":
        yield from _author(ended, node_id, stored or {}, calls)


def _author(ended: EndReply, node_id: str, output: dict[str, Any], calls: list[Call]) -> Iterator[str]:
    attempt = next(
        (line.attempt for line in ended.lines if (line.type, line.node_id) == ("node.completed", node_id)),
        None,
    )
    author = next((call for call in calls if call.nonce == output.get("nonce")), None)
    if author is None:
        yield f"{node_id} has the output {output}, which no call gave"
    elif (author.attempt, author.ended) != (attempt, "ok"):
        yield f"{node_id} has the output of attempt {author.attempt} ({author.ended}), not of {attempt}"
    for call in calls:
        if call.attempt > (attempt or 0):
            yield f"{node_id} ran attempt {call.attempt} after attempt {attempt} had completed it"
    started = {line.attempt for line in ended.lines if (line.type, line.node_id) == ("node.started", node_id)}
    for call in calls:
        if call.attempt not in started:
            yield f"{node_id} ran attempt {call.attempt}, which never started"
    if len({call.attempt for call in calls}) != len(calls):
        yield f"{node_id} ran one attempt twice: {sorted(call.attempt for call in calls)}"


def _tries(ended: EndReply, node_id: str) -> int:
    """Calls that were charged: one for each retry, and the last one of each life in which it ran."""
    types = [line.type for line in ended.lines if line.node_id == node_id]
    return types.count("node.retrying") + max(1, sum(type in _ENDS for type in types))


def _struck(calls: list[Call], history: History) -> int:
    """Calls whose process was struck between their beginning and the beginning of the next attempt: from
    outside, or by another call that ran in it."""
    found = 0
    calls = sorted(calls, key=lambda call: call.attempt)
    for call, following in pairwise(calls):
        # A worker stopped between claim and call begins its call late, after its successor's.
        since_s = min(call.start_s - NOTICED_S, following.start_s - PAUSE_S)
        found += any(
            strike.pid == call.pid and since_s <= strike.at_s <= following.start_s
            for strike in history.strikes
        ) or any(
            crash.host == call.host
            and crash.nonce != call.nonce
            and since_s <= (crash.end_s or 0) <= following.start_s
            for crash in history.crashes
        )
    return found


def _changed(history: History) -> Iterator[str]:
    """What a client once read as an end or as an output is still so, unless Redis may have lost it."""
    final = {ended.execution_id: ended for ended in history.executions}
    for sample in history.samples:
        if history.may_be_lost(sample.at_s):
            continue
        ended = final.get(sample.execution_id)
        if ended is None:
            yield f"{sample.execution_id}: was seen and is gone"
            continue
        if sample.status is not None and sample.status != ended.status:
            yield f"{sample.execution_id}: was {sample.status} and is {ended.status}"
        for node_id, output in sample.outputs.items():
            if output is not None and output != (now := ended.outputs.get(node_id)):
                yield f"{sample.execution_id}: the output of {node_id} was {output} and is {now}"


def _unknown(history: History, known: set[str]) -> Iterator[str]:
    """What ran is known, and what was accepted is there, unless Redis may have lost it."""
    first_s: dict[str, float] = {}
    for call in history.calls:
        if call.execution_id not in known:
            first_s[call.execution_id] = min(call.start_s, first_s.get(call.execution_id, call.start_s))
    for execution_id, start_s in first_s.items():
        # A worker begins what it has claimed though Redis is gone.
        if not (history.may_be_lost(start_s) or history.may_be_lost(start_s - NOTICED_S)):
            yield f"{execution_id}: unknown, yet its handler ran"
    for execution_id, at_s in history.accepted.items():
        if execution_id not in known and not history.may_be_lost(at_s):
            yield f"{execution_id}: was accepted and is gone"
