"""The two claims of a mapped node: the first lists and writes its items, the last gathers their outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from headrace import Completed, Terminal
from headrace.registration import HandlerSpec
from headrace.wording import kind_of
from orchestrator.definitions.definition import OUTPUT
from orchestrator.definitions.maps import is_tolerant, tolerated
from orchestrator.documents import exact_json
from orchestrator.errors import ErrorType, NodeError
from orchestrator.states import NodeStatus
from orchestrator.store.items import Items
from orchestrator.store.replies import Claim
from orchestrator.store.requests import AttemptToken
from orchestrator.store.script_client import retry_while_unavailable
from orchestrator.store.transitions import Transitions
from orchestrator.templates.budget import Budget
from orchestrator.templates.resolver import Scope, resolve
from workers.context import HandlerContext
from workers.outcome import Failed
from workers.reports import check_value

#: Errors of items in the error of their node.
MOST_ERRORS = 5
#: Of the error of the first of them in the message of that error, which also stands in lists.
FIRST_CHARS = 500
#: Items written in one call: with more of them, the calls of others would wait too long.
TOGETHER = 1_000


@dataclass(frozen=True, slots=True)
class Mapped:
    """The node goes on as its items: their values, JSON each; None goes on with those it has.

    staged  how many others, before them, have been written already.
    """

    items: tuple[bytes, ...] | None
    tolerated: int = 0
    stops: bool = False
    staged: int = 0


def list_items(
    spec: Mapping[str, Any], scope: Scope, *, node_id: str, max_bytes: int, budget: Budget
) -> Mapped | Completed:
    """Evaluate `items`; none at all complete the node at once. Raises TemplateError, Terminal, TakesLong."""
    wanted = spec["map"]
    items = resolve(wanted["items"], scope, node_id=node_id, path="map.items", budget=budget)
    if not isinstance(items, list):
        raise Terminal(
            f"'map.items' of node {node_id!r} must give a list, got {kind_of(items)}",
            type=ErrorType.TEMPLATE_ERROR,
        )
    if len(items) > wanted["max_items"]:
        raise Terminal(
            f"'map.items' of node {node_id!r} gives {len(items):,} items; "
            f"allowed are {wanted['max_items']:,} (max_items)",
            type=ErrorType.TEMPLATE_ERROR,
        )
    if not items:
        return Completed([])
    values = tuple(exact_json.dumps(item) for item in items)
    if sum(map(len, values)) > max_bytes:
        raise Terminal(
            f"the items of the map have more than {max_bytes:,} bytes", type=ErrorType.OUTPUT_TOO_LARGE
        )
    return Mapped(values, tolerated(wanted, len(items)), wanted["stops"])


async def stage(transitions: Transitions, token: AttemptToken, mapped: Mapped) -> Mapped:
    """Write all items but the last ones; what is left goes along with the end of the attempt."""
    items = mapped.items or ()
    firsts = range(0, len(items) - TOGETHER, TOGETHER)
    for first in firsts:
        part = items[first : first + TOGETHER]
        await retry_while_unavailable(partial(transitions.stage_items, token, first, part))
    staged = len(firsts) * TOGETHER
    return replace(mapped, items=items[staged:], staged=staged) if staged else mapped


async def gather(
    items: Items, claim: Claim, spec: Mapping[str, Any], ended: Mapping[str, Any], *, max_bytes: int
) -> Completed | Failed:
    """Complete or fail the node by the ends of its items. Raises Terminal where its output is too large."""
    # By the statuses, not by what the scripts counted: a count that was lost must not decide.
    statuses = await items.statuses(claim.execution_id, claim.node_id, ended["total"])
    failed = [index for index, status in enumerate(statuses) if status is NodeStatus.FAILED]
    if len(failed) > ended["tolerated"]:
        return Failed(await _failure(items, claim, ended, failed))
    output, size = await items.output(
        claim.execution_id, claim.node_id, with_ends=is_tolerant(spec["map"]), max_bytes=max_bytes
    )
    if size > max_bytes:
        message = f"the items put out more than the {max_bytes} bytes that are kept (OUTPUT_MAX_BYTES)"
        raise Terminal(message, type=ErrorType.OUTPUT_TOO_LARGE)
    return Completed(output)


async def _failure(items: Items, claim: Claim, ended: Mapping[str, Any], failed: Sequence[int]) -> NodeError:
    first = failed[:MOST_ERRORS]
    states = await items.states(claim.execution_id, claim.node_id, first, [NodeStatus.FAILED for _ in first])
    return NodeError(
        ErrorType.ITEMS_FAILED,
        f"{len(failed):,} of {ended['total']:,} items failed; tolerated are {ended['tolerated']:,}"
        + _first_words(first[0], states[0].error),
        retryable=False,
        details={
            "failed": len(failed),
            "first": [{"index": i, "error": state.error} for i, state in zip(first, states, strict=True)],
        },
        attempt=claim.attempt,
    )


def _first_words(index: int, error: Mapping[str, Any] | None) -> str:
    """Name the first item that failed, and its error, which the attempt has stored without secrets."""
    if not error:
        return f"; first: item {index}"
    line = " ".join(f"{error.get('type')}: {error.get('message') or ''}".removesuffix(": ").split())
    return f"; first: item {index} with {line if len(line) <= FIRST_CHARS else line[:FIRST_CHARS] + '…'}"


async def _give_output(config: dict[str, Any], context: HandlerContext) -> Completed:
    """Give the output as it was resolved. Raises Terminal (`OutputInvalid`) if it is no value of the stop."""
    output, interface = config["output"], context.interface
    stop = interface.stop if interface is not None else None
    if stop is not None and stop.schema is not None:
        check_value(stop.schema, output, "the output", root="output", type=ErrorType.OUTPUT_INVALID)
    return Completed(output)


#: Every worker has these, whatever handlers it loads.
OWN: Mapping[str, HandlerSpec] = {OUTPUT: HandlerSpec(OUTPUT, _give_output, is_async=True)}
