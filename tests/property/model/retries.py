"""Retries in place: of all that has ended otherwise than well, or of chosen nodes and what is behind them."""

from __future__ import annotations

from collections.abc import Collection
from random import Random

from orchestrator.definitions.definition import OUTPUT
from orchestrator.execution.counters import count_failed
from orchestrator.execution.model import Snapshot
from orchestrator.execution.rerun import (
    counters_after_reset,
    made_anew,
    refused_nodes,
    rerun_of,
    rerun_set,
)
from orchestrator.store.repair_words import retry_words
from orchestrator.store.requests import digest_of
from orchestrator.units import node_of
from tests.property.model.item_checks import KEPT, items_of
from tests.property.model.world import Case, World

#: Turns of a retry saved by one call.
TOGETHER = 3


async def retry_whole(world: World, dice: Random) -> None:
    """Retry an ended execution, be it somebody's child."""
    ended = [case for case in world.cases if case.now.status in ("FAILED", "CANCELLED")]
    if ended:
        await retry_case(world, dice, dice.choice(ended))


async def retry_case(world: World, dice: Random, case: Case) -> bool:
    """Retry an ended execution in place, sometimes twice at once; False where nothing of it can run again."""
    sight = await world.store.read_for_repair(case.execution_id)
    assert sight is not None
    chosen = rerun_set(sight.snapshot)
    is_output_open = case.definition.output_node is not None and case.now.units.get(OUTPUT) != "COMPLETED"
    if not chosen and not is_output_open:
        return False
    if await _is_kept_from_it(world, case):
        return False
    await _retry(world, dice, case, sight.snapshot, chosen)
    return True


async def _is_kept_from_it(world: World, case: Case) -> bool:
    """Another execution may go on with its key: then it is refused, whatever of it is to run."""
    holder = world.holder(case.tenant, case.origin)
    if holder in (None, case.execution_id) or world.case_of(str(holder)).now.has_ended:
        return False
    word, named, _ = await world.transitions.retry_execution(
        case.execution_id, generation=int(case.now.generation), position=0, nodes=[], items=[]
    )
    assert (word, named) == ("taken", holder), (word, named, holder)
    return True


async def retry_chosen(world: World, dice: Random) -> None:
    """Retry some nodes of an ended execution that is nobody's child, with all that is behind them."""
    ended = [case for case in world.cases if case.now.has_ended and not case.parent]
    if not ended:
        return
    case = dice.choice(ended)
    if await _is_kept_from_it(world, case):
        return
    sight = await world.store.read_for_repair(case.execution_id)
    assert sight is not None
    with_failed = {
        node.id
        for node in case.definition.nodes
        if node.map and "FAILED" in items_of(case.now, node.id).values()
    }
    refused = {node_id for node_id, _ in refused_nodes(sight.snapshot, list(case.now.nodes), with_failed)}
    allowed = [node_id for node_id in case.now.nodes if node_id not in refused]
    if not allowed:
        return
    chosen = rerun_of(sight.snapshot, dice.sample(allowed, dice.randint(1, min(2, len(allowed)))))
    if dice.random() < 0.2:
        # Another caller has begun with other nodes.
        word, *_ = await world.transitions.retry_execution(
            case.execution_id, generation=sight.snapshot.execution.generation, position=0, nodes=None,
            items=[f"reset {allowed[0]} 0 0 0 0 0"], choice="other",
        )  # fmt: skip
        assert word == "listed", word
    await _retry(world, dice, case, sight.snapshot, chosen, made_anew(sight.snapshot, chosen))


async def _retry(
    world: World, dice: Random, case: Case, source: Snapshot, chosen: list[str], anew: Collection[str] = ()
) -> None:
    items = retry_words(counters_after_reset(source, chosen), anew)
    failed = count_failed(source, without=chosen)
    for position in range(0, max(len(items), 1), TOGETHER):
        is_last = position + TOGETHER >= len(items)
        call = world.transitions.retry_execution(
            case.execution_id, generation=source.execution.generation, position=position,
            nodes=chosen if is_last else None, items=items[position : position + TOGETHER],
            choice="these" if anew else "all", failed=failed,
        )  # fmt: skip
        word, _, more = await call
        assert word == ("ok" if is_last else "listed"), word
        if dice.random() < 0.2:
            word, *_ = await call
            assert word == ("already" if is_last else "listed"), word
    if case.origin.execution_key:
        world.holders[case.tenant, digest_of(case.origin.execution_key)] = case.execution_id
    case.again = frozenset(chosen)
    # The items that completed stay, unless their node lists others.
    gone = [
        unit
        for unit, word in case.now.units.items()
        if "[" in unit and node_of(unit) in chosen and (word not in KEPT or node_of(unit) in anew)
    ]
    for unit in [*chosen, OUTPUT, *gone]:
        case.forget(unit)
    case.let_go.update(anew)
    await world.drain_worklist(case.execution_id, more, dice)
