"""Retries in place, of whatever has ended otherwise than well."""

from __future__ import annotations

from random import Random

from orchestrator.definitions.definition import OUTPUT
from orchestrator.execution.rerun import counters_after_reset, rerun_set
from orchestrator.store.repair_words import retry_words
from orchestrator.units import node_of
from tests.property.model.item_checks import KEPT
from tests.property.model.world import Case, World


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
    items = retry_words(counters_after_reset(sight.snapshot, chosen))
    for position in range(0, max(len(items), 1), 3):
        is_last = position + 3 >= len(items)
        call = world.transitions.retry_execution(
            case.execution_id, generation=sight.snapshot.execution.generation, position=position,
            nodes=len(chosen) if is_last else None, items=items[position : position + 3],
        )  # fmt: skip
        word, _, more = await call
        assert word == ("ok" if is_last else "listed"), word
        if dice.random() < 0.2:
            word, *_ = await call
            assert word == ("already" if is_last else "listed"), word
    # The items that completed stay.
    again = [unit for unit, word in case.now.units.items() if "[" in unit and word not in KEPT]
    for unit in [*chosen, OUTPUT, *(unit for unit in again if node_of(unit) in chosen)]:
        case.forget(unit)
    await world.drain_worklist(case.execution_id, more, dice)
    return True
