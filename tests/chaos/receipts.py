"""Promises about deliveries to webhooks: one execution for each id, one for each delivery without an id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from tests.chaos.history import EndReply, History, Hook, Sent

REFUSED = "refused"


def of_hooks(history: History) -> Iterator[str]:
    """Say what is wrong with what webhooks have started."""
    for hook in history.hooks:
        started = [each for each in history.executions if each.workflow_id == hook.workflow_id]
        sent = [each for each in history.sent if each.path == hook.path]
        problems = [*_of_orders(history, sent, started), *_of_counts(history, hook, sent, started)]
        yield from (f"webhook {hook.path}: {what}" for what in problems)


def _of_orders(history: History, sent: Sequence[Sent], started: Sequence[EndReply]) -> Iterator[str]:
    orders: dict[int, list[Sent]] = defaultdict(list)
    found: dict[int, list[EndReply]] = defaultdict(list)
    for each in sent:
        orders[each.order].append(each)
    for ended in started:
        order = (ended.trigger.get("payload") or {}).get("order", 0)
        if order in orders:
            found[order].append(ended)
        else:
            yield f"{ended.execution_id} is of order {order}, which was never delivered"
    for order, sends in orders.items():
        yield from (f"order {order}: {what}" for what in _of_order(history, sends, found[order]))


def _of_order(history: History, sends: Sequence[Sent], found: Sequence[EndReply]) -> Iterator[str]:
    """Hold all deliveries of one order against the executions that they have made."""
    delivery_id = sends[0].delivery_id
    ids = [ended.execution_id for ended in found]
    answered = [
        each.answer
        for each in sends
        if each.answer not in (None, REFUSED) and not history.may_be_lost(each.at_s)
    ]
    if sends[0].is_forged:
        if ids or answered:
            yield f"it was signed wrongly, and has made {ids or answered}"
        return
    yield from (
        f"it was answered with {answer}, which is not there" for answer in answered if answer not in ids
    )
    if any(each.answer == REFUSED for each in sends):
        yield "it was signed rightly, and was refused"
    if delivery_id:
        if len(ids) > 1:
            yield f"{delivery_id} was delivered {len(sends)} times and has made {len(ids)} executions: {ids}"
        return
    if len(set(answered)) < len(answered):
        yield f"deliveries without an id were answered with one execution: {sorted(map(str, answered))}"
    if len(ids) > len(sends):
        yield f"it was delivered {len(sends)} times without an id and has made {len(ids)} executions: {ids}"


def _of_counts(
    history: History, hook: Hook, sent: Sequence[Sent], started: Sequence[EndReply]
) -> Iterator[str]:
    """What was answered is counted once, what was not may be; each start is one that was accepted."""
    for name, count, is_forged in (
        ("accepted", hook.accepted, False),
        ("rejected", hook.rejected, True),
    ):
        sends = [each for each in sent if each.is_forged == is_forged]
        least = sum(each.answer is not None and not history.may_be_lost(each.at_s) for each in sends)
        if not least <= count <= len(sends):
            yield f"{count} are counted as {name}, answered were {least} of {len(sends)}"
    if hook.accepted - hook.duplicate != len(started):
        made = hook.accepted - hook.duplicate
        yield f"{made} are counted that came for the first time, there are {len(started)} executions"
    if hook.error:
        yield f"{hook.error} are counted as wrong"
