"""From its first step on a purge is over for everybody who asks or calls, while keys are still left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from orchestrator.definitions.retention import Retention
from orchestrator.errors import ApprovalNotFound, ExecutionNotFound, HeadraceError
from orchestrator.states import Reason
from orchestrator.store.layout import lay_out
from orchestrator.store.requests import AttemptToken, OperatorNote
from tests.dags import compiled
from tests.integration.durable_units import parking, posting
from tests.integration.transitions.prepared_calls import child_of
from tests.integration.transitions.purgeable import a_chain, reserve, settle
from tests.makers import Rig, error_of, node, workflow


async def hidden(rig: Rig) -> tuple[str, AttemptToken]:
    """An execution with a bit of everything, hidden and not removed yet, and an attempt that was its."""
    execution_id = await rig.submit(
        *(node(f"n{number}") for number in range(400)), node("A"), node("B", after=["A"])
    )
    await rig.drain_worklist(execution_id)
    held = (await rig.worker.start(1_000))["A"]
    await rig.worker.fail(held, is_dead=True)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="c")
    await rig.fold()
    await rig.transitions.purge_execution(execution_id, call_id="one")
    return execution_id, held


async def test_nothing_finds_what_is_hidden(rig: Rig) -> None:
    execution_id, _ = await hidden(rig)
    engine = rig.engine

    questions: list[Awaitable[Any]] = [
        engine.executions.get(execution_id),
        engine.executions.status(execution_id),
        engine.executions.results(execution_id),
        engine.executions.definition(execution_id),
        engine.executions.explain(execution_id),
        engine.executions.children(execution_id),
        engine.outputs.page(execution_id),
        engine.outputs.of_execution(execution_id),
        engine.outputs.of_unit(execution_id, "A"),
        engine.nodes.get(execution_id, "A"),
        engine.nodes.items(execution_id, "A"),
        engine.nodes.rendered_config(execution_id, "A"),
        engine.events.position(execution_id, after=None, is_from_now=False),
        engine.approvals.get(execution_id, "A"),
    ]
    for question in questions:
        with pytest.raises((ExecutionNotFound, ApprovalNotFound)):
            await question
    assert await engine.events.list(execution_id) == []
    assert (await engine.executions.list()).items == []
    assert (await engine.dead_letters.list()).items == []
    assert (await engine.approvals.list()).items == []


async def test_no_verb_of_a_person_knows_what_is_hidden(rig: Rig) -> None:
    execution_id, _ = await hidden(rig)
    executions, before = rig.engine.executions, await rig.dump()

    verbs: list[Awaitable[Any]] = [
        executions.trigger(execution_id),
        executions.cancel(execution_id, request_id="1"),
        executions.pause(execution_id, request_id="1"),
        executions.resume(execution_id, request_id="1"),
        executions.retry(execution_id),
        executions.replay(execution_id),
        executions.fork(execution_id, from_node="A"),
        executions.purge(execution_id),
        rig.engine.signals.send(execution_id, "go", 1),
        rig.engine.nodes.complete(execution_id, "A", {}, OperatorNote("ann")),
        rig.engine.nodes.retry_now(execution_id, "A", OperatorNote("ann")),
        rig.engine.approvals.decide(execution_id, "A", decision="approve", by="ann", shown="x"),
    ]
    for verb in verbs:
        with pytest.raises(HeadraceError, match="no execution has the id"):
            await verb
    assert await rig.dump() == before


def late_calls(rig: Rig, execution_id: str, held: AttemptToken) -> list[Awaitable[Any]]:
    """What workers, timers and lost replies may still send."""
    transitions = rig.transitions
    part = lay_out(compiled(workflow(*(node(f"n{number}") for number in range(500))))).staged[0]
    last = lay_out(compiled(workflow(node("A"))), is_staged=False).last
    return [
        transitions.stage_execution(execution_id, part),
        transitions.create_execution(execution_id, b"{}", last, is_started=True),
        transitions.start_execution(execution_id),
        transitions.enforce_cancel(execution_id, "1"),
        transitions.time_out_execution(execution_id, "1", error_of()),
        transitions.continue_execution(execution_id),
        transitions.fold_execution(execution_id),
        transitions.expire_execution(execution_id, Retention(0, 0, 0, 0), call_id="late"),
        transitions.repair_execution(execution_id, seq=1, repairs=["activate"]),
        transitions.retry_execution(
            execution_id, generation=1, position=0, nodes=None, items=["reset A 0 0 0 0 0"]
        ),
        transitions.complete_node(held, b"{}", claiming=rig.worker.claiming()),
        transitions.fail_node(held, error_of(), reason=Reason.ERROR, is_dead=True),
        transitions.release_node(held),
        transitions.start_child(held, child_of(execution_id, "A")),
        transitions.map_node(held, [b"1"], tolerated=0, stops=False),
        transitions.stage_items(held, 0, [b"1"]),
        transitions.append_journal(held, 1, b"{}"),
        transitions.snapshot_journal(held, 0, b"{}"),
        parking(rig, held),
        posting(rig, execution_id),
        transitions.report_events(held, [(1, "node.log", b"{}")]),
        transitions.renew_leases([held], lease_ms=1_000, beats=[b"{}"]),
        transitions.reap_node(execution_id, "A", held.attempt, lost=error_of(), poison=error_of()),
        transitions.wake_node(execution_id, "A", held.attempt, "delay"),
        transitions.expire_node(execution_id, "A", "1"),
        transitions.time_out_node(
            execution_id, "A", held.attempt, "start_to_close", error=error_of(), delay_ms=1
        ),
        transitions.hand_back_node(
            execution_id, "A", 1, message_id="1-1", queue="default", is_offered=True, error=error_of()
        ),
        transitions.claim_node(held, message_id="1-1", queue="default", worker_id="w", lease_ms=1_000),
        reserve(rig, held),
        settle(rig, held, "1"),
    ]


@pytest.mark.parametrize("slices", [0, 1])
async def test_no_late_call_writes_a_key(rig: Rig, slices: int) -> None:
    execution_id, held = await hidden(rig)
    for _ in range(slices):
        assert await rig.transitions.purge_keys(execution_id) == ("ok", True)
    before = await rig.dump()

    for call in late_calls(rig, execution_id, held):
        await call

    assert await rig.dump() == before


class Interrupted:
    """Purges an execution just before the store is asked for the second, third, … time."""

    def __init__(self, rig: Rig, execution_id: str, at: int) -> None:
        self.rig, self.execution_id, self.left = rig, execution_id, at

    async def count(self) -> None:
        self.left -= 1
        if self.left == 0:
            await self.rig.engine.executions.purge(self.execution_id)


READS: dict[str, Callable[[Rig, str], Awaitable[Any]]] = {
    "get": lambda rig, id: rig.engine.executions.get(id),
    "results": lambda rig, id: rig.engine.executions.results(id),
    "page": lambda rig, id: rig.engine.outputs.page(id),
    "node": lambda rig, id: rig.engine.nodes.get(id, "A"),
    "explain": lambda rig, id: rig.engine.executions.explain(id),
}


@pytest.mark.parametrize("read", READS)
async def test_a_reader_sees_all_of_it_or_nothing(
    rig: Rig, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in range(1, 12):
        execution_id = await a_chain(rig)
        whole = await READS[read](rig, execution_id)
        between = Interrupted(rig, execution_id, at)
        with monkeypatch.context() as patch:
            for part, name in (
                (rig.store, "execution"), (rig.store, "definition"), (rig.store, "nodes"),
                (rig.store, "outputs"), (rig.store.payloads, "sizes"), (rig.store.payloads, "small"),
                (rig.store, "status"), (rig.store, "check_present"),
            ):  # fmt: skip
                patch.setattr(part, name, _after(between, getattr(part, name)))
            try:
                found = await READS[read](rig, execution_id)
            except ExecutionNotFound:
                assert between.left <= 0
                continue
        assert found == whole


def _after(between: Interrupted, ask: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def asked(*args: Any, **more: Any) -> Any:
        await between.count()
        return await ask(*args, **more)

    return asked


async def test_a_fork_whose_source_goes_meanwhile_is_not_made(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = await a_chain(rig)
    reuse = rig.transitions.reuse_nodes

    async def after_the_purge(*args: Any) -> Any:
        await rig.engine.executions.purge(execution_id)
        return await reuse(*args)

    monkeypatch.setattr(rig.transitions, "reuse_nodes", after_the_purge)
    with pytest.raises(ExecutionNotFound):
        await rig.engine.executions.fork(execution_id, from_node="B")


async def test_dead_letters_of_others_fill_the_page(rig: Rig) -> None:
    first = await dead_letters_of(rig, 3)
    gone = await dead_letters_of(rig, 4)
    await rig.transitions.purge_execution(gone, call_id="one")

    page = await rig.engine.dead_letters.list(limit=2)
    rest = await rig.engine.dead_letters.list(limit=2, cursor=page.next_cursor)

    assert [entry.execution_id for entry in (*page.items, *rest.items)] == [first] * 3
    assert rest.next_cursor is None


async def dead_letters_of(rig: Rig, count: int) -> str:
    execution_id = await rig.submit(*(node(f"d{number}") for number in range(count)))
    for token in (await rig.worker.start()).values():
        await rig.worker.fail(token, is_dead=True)
    return execution_id
