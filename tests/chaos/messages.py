"""Promises about messages: each end has its message, signed, at least once; a start it asks for, once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.chaos.history import Expired, History, Message, Sending
from tests.chaos.script import outcome_of
from tests.interpreter import interpret

#: By the last event of a life: its status, and the field that names who learns of it.
ENDS = {
    "execution.completed": ("COMPLETED", "on_complete"),
    "execution.failed": ("FAILED", "on_failure"),
    "execution.cancelled": ("CANCELLED", "on_cancel"),
}
_FIELDS = dict(ENDS.values())
#: An end of an execution: its id, which of its lives it ends, and the status.
End = tuple[str, int, str]


def of_messages(history: History) -> Iterator[str]:
    """Say what is wrong with messages, and with the starts that ends have asked for."""
    wanted = dict(_ends_with_targets(history))
    tenants = {each.execution_id: each.tenant for each in history.executions}
    tenants |= {each.execution_id: each.tenant for each in history.expired}
    received: dict[End, list[Message]] = defaultdict(list)
    for message in history.messages:
        end = (message.execution_id, message.generation, message.status)
        received[end].append(message)
        if history.may_be_lost(message.at_s):
            continue
        if end not in wanted or not _count(wanted[end], "url"):
            yield f"{_shown(end)}: a message came, and none was asked for"
        elif message.signed_by != tenants[message.execution_id]:
            yield f"{_shown(end)}: its message is signed by {message.signed_by}, not by its tenant"
    for end, targets in wanted.items():
        found = [message for message in received[end] if 200 <= message.answered < 300]
        count = len({message.message_id for message in found})
        if (asked := _count(targets, "url")) != count:
            yield f"{_shown(end)}: {asked} messages were asked for, {count} were delivered"
    yield from _of_ids(history)
    yield from _of_starts(history, wanted)
    yield from _of_log(history, wanted)


def _ends_with_targets(history: History) -> Iterator[tuple[End, list[Mapping[str, Any]]]]:
    for ended in history.executions:
        lives = [ENDS[line.type] for line in ended.lines if line.type in ENDS]
        for generation, (status, field) in enumerate(lives, 1):
            if targets := _targets(ended.document, field):
                yield (ended.execution_id, generation, status), targets
    for gone in history.expired:
        status = _status_of(gone)
        if targets := _targets(gone.document, _FIELDS[status]):
            yield (gone.execution_id, 1, status), targets


def _status_of(gone: Expired) -> str:
    return interpret(dict(gone.document), outcome_of)[1]


def _targets(document: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    asked = document.get(field, [])
    return asked if isinstance(asked, list) else [asked]


def _count(targets: list[Mapping[str, Any]], kind: str) -> int:
    return sum(kind in target for target in targets)


def _of_ids(history: History) -> Iterator[str]:
    """A message keeps its id and its text at every attempt; another one has another id."""
    by_id: dict[str, set[End]] = defaultdict(set)
    texts: dict[str, set[bytes]] = defaultdict(set)
    for message in history.messages:
        if not history.may_be_lost(message.at_s):
            by_id[message.message_id].add((message.execution_id, message.generation, message.status))
            texts[message.message_id].add(message.body)
    for message_id, ends in by_id.items():
        if len(ends) > 1:
            yield f"{message_id} is the message of {sorted(map(_shown, ends))}"
        elif len(texts[message_id]) > 1:
            yield f"{message_id} has changed between two attempts: {sorted(texts[message_id])}"


def _of_starts(history: History, wanted: Mapping[End, list[Mapping[str, Any]]]) -> Iterator[str]:
    started: Counter[End] = Counter()
    for ended in history.executions:
        # A child names its parent, too, and is started by no message.
        if ended.trigger.get("source") == "parent" and ended.parent is None:
            data = ended.trigger["data"]
            started[data["execution_id"], data["generation"], data["status"]] += 1
    for end in wanted.keys() | started.keys():
        asked = _count(wanted.get(end, []), "workflow")
        if asked != started[end]:
            yield f"{_shown(end)}: {asked} starts were asked for, there were {started[end]}"


def _of_log(history: History, wanted: Mapping[End, list[Mapping[str, Any]]]) -> Iterator[str]:
    """Each delivery about what is still there has a record, is delivered, and its attempts are numbered."""
    logged: dict[tuple[str, int], list[Sending]] = defaultdict(list)
    for sending in history.sendings:
        logged[sending.execution_id, sending.generation].append(sending)
        name = f"{sending.execution_id}.{sending.generation}"
        if sending.state != "delivered":
            yield f"{name}: a delivery is {sending.state} at the end"
        if sending.numbers != tuple(range(1, len(sending.numbers) + 1)) or not sending.numbers:
            yield f"{name}: the attempts of a delivery have the numbers {sending.numbers}"
    left = {ended.execution_id for ended in history.executions} - history.purged
    for (execution_id, generation, status), targets in wanted.items():
        if execution_id not in left:
            continue
        kinds = sorted(each.is_start for each in logged[execution_id, generation])
        if kinds != sorted("workflow" in target for target in targets):
            end = _shown((execution_id, generation, status))
            yield f"{end}: {len(targets)} deliveries were asked for, the log has {len(kinds)}"


def _shown(end: End) -> str:
    return f"{end[0]}.{end[1]}, {end[2]}"
