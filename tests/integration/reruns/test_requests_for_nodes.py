"""Retries of chosen nodes as requests: previews, repeats, two at once, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import InvalidTransition, NodeBusy, NodeNotFound, StoreUnavailable, TooBusy
from orchestrator.states import ExecutionStatus
from tests.integration.rescued_executions import rescued
from tests.makers import Rig, node

E = ExecutionStatus

# Previews, repeats, and two at once


async def test_a_preview_lists_the_set_and_writes_nothing(rig: Rig) -> None:
    execution_id = await rescued(rig)
    before = await rig.dump()

    preview = await rig.engine.executions.retry(execution_id, nodes=["A"], preview=True)

    assert (preview.nodes, preview.status, preview.generation) == (("A", "B", "R", "S"), E.FAILED, 1)
    assert await rig.dump() == before


async def test_sent_twice_with_its_generation_it_is_done_once(rig: Rig) -> None:
    execution_id = await rescued(rig)

    first = await rig.engine.executions.retry(execution_id, nodes=["A"], generation=1)
    before = await rig.dump()
    again = await rig.engine.executions.retry(execution_id, nodes=["A"], generation=1)

    assert (first.already, first.nodes, first.generation) == (False, ("A", "B", "R", "S"), 2)
    assert (again.already, again.nodes, again.generation) == (True, None, 2)
    assert await rig.dump() == before


async def test_two_choices_at_once_are_never_mixed(rig: Rig) -> None:
    execution_id = await rescued(rig)
    retry = rig.transitions.retry_execution
    known: dict[str, Any] = {"generation": 1}
    first, second = ["renew A 0 0 0 0 0", "renew B 0 0 0 0 0"], ["reset X 0 0 0 0 0"]
    decides = ["decide A", "decide B"]

    listed = await retry(execution_id, position=0, nodes=None, items=first, choice="one", **known)
    other = await retry(execution_id, position=0, nodes=None, items=second, choice="two", **known)
    late = await retry(execution_id, position=2, nodes=["A", "B"], items=decides, choice="one", **known)
    decides = ["decide X"]
    last = await retry(execution_id, position=1, nodes=["X"], items=decides, choice="two", failed=1, **known)

    assert [listed[0], other[0], late[0], last[0]] == ["listed", "listed", "lost", "ok"]
    assert await rig.worker.run_all() == ["X"]
    assert await rig.status(execution_id) is E.FAILED


async def test_whose_list_was_lost_to_another_is_told_to_come_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await rescued(rig)

    async def lost(*_: Any, **__: Any) -> list[Any]:
        return ["lost", "FAILED", 0]

    monkeypatch.setattr(rig.transitions, "retry_execution", lost)

    with pytest.raises(TooBusy):
        await rig.engine.executions.retry(execution_id, nodes=["A"])


async def test_a_fork_of_what_is_retried_meanwhile_is_not_made(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await rig.submit(node("K"), node("X"))
    await rig.worker.run_all(failing=["X"])
    reuse = rig.transitions.reuse_nodes

    async def late(*arguments: Any) -> list[Any]:
        await rig.engine.executions.retry(execution_id, nodes=["X"])
        return await reuse(*arguments)

    monkeypatch.setattr(rig.transitions, "reuse_nodes", late)

    with pytest.raises(StoreUnavailable, match="was retried while being forked"):
        await rig.engine.executions.fork(execution_id)


# What is refused


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize(("node_id", "status"), [("R", "COMPLETED"), ("B", "SKIPPED")])
async def test_what_neither_failed_nor_was_cancelled_is_for_a_fork(
    rig: Rig, node_id: str, status: str, preview: bool
) -> None:
    execution_id = await rescued(rig)
    before = await rig.dump()

    with pytest.raises(NodeBusy, match=f"it is {status}; only a node that FAILED .* fork from it"):
        await rig.engine.executions.retry(execution_id, nodes=["A", node_id], preview=preview)

    assert await rig.dump() == before


@pytest.mark.parametrize(("found", "hint"), [("Rr", "did you mean 'R'"), ("A[0]", "did you mean 'A'")])
async def test_an_unknown_node_is_named_with_what_was_probably_meant(rig: Rig, found: str, hint: str) -> None:
    execution_id = await rig.submit(node("R"), node("A"))
    await rig.worker.run_all(failing=["R"])

    with pytest.raises(NodeNotFound) as refused:
        await rig.engine.executions.retry(execution_id, nodes=["R", found])

    assert str(refused.value) == f"execution {execution_id} has no node '{found}'; {hint}?"


async def test_a_completed_execution_has_only_maps_to_retry(rig: Rig) -> None:
    execution_id = await rig.submit(node("A", critical=False), node("B"))
    await rig.worker.run_all(failing=["A"])
    assert await rig.status(execution_id) is E.COMPLETED
    before = await rig.dump()

    for node_id in "AB":
        with pytest.raises(NodeBusy, match="only a map with failed items can be retried"):
            await rig.engine.executions.retry(execution_id, nodes=[node_id])

    assert await rig.dump() == before


async def test_one_that_still_runs_is_refused(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    await rig.worker.fail(await rig.worker.start_one("A"))

    with pytest.raises(InvalidTransition, match="only FAILED, CANCELLED or COMPLETED can be retried"):
        await rig.engine.executions.retry(execution_id, nodes=["A"])


async def test_without_nodes_a_completed_one_is_refused_as_ever(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all()

    with pytest.raises(InvalidTransition, match="it is COMPLETED; only FAILED or CANCELLED can be retried"):
        await rig.engine.executions.retry(execution_id)


async def test_a_completed_one_with_a_map_is_refused_with_the_way_to_its_items(rig: Rig) -> None:
    execution_id = await rig.submit(node("rows", map={"items": []}))
    await rig.worker.run_all()

    with pytest.raises(InvalidTransition, match="failed items of a map by its node, as 'rows'"):
        await rig.engine.executions.retry(execution_id)
