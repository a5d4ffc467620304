"""Statistics equal a count by hand, whatever was retried, forked, purged or interrupted in between."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from orchestrator.definitions.definition import OUTPUT
from orchestrator.definitions.registry import Source
from orchestrator.definitions.retention import DAY_MS
from orchestrator.execution.statistics import NodeCounts, Statistics, read_statistics
from orchestrator.operations.statistics import StatisticsReport
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store.replies import Claim
from tests.dags import condition
from tests.integration.transitions.prepared_calls import child_of
from tests.integration.transitions.started_children import nested
from tests.makers import Rig, held_by, node, workflow

E, N = ExecutionStatus, NodeStatus


async def report(rig: Rig, tenant: str = "default", **days: int) -> StatisticsReport:
    return await rig.engine.of(tenant).statistics.between(**days, now_ms=rig.now_ms)


async def statistics(rig: Rig) -> Statistics:
    return (await report(rig)).statistics


async def by_hand(rig: Rig) -> Statistics:
    """Count all there is, from what the engine shows of each."""
    fields: Counter[str] = Counter()
    cursor: str | None = None
    while True:
        page = await rig.engine.executions.list(limit=100, cursor=cursor)
        for execution in page.items:
            if not execution.status.is_terminal:
                continue
            end = f"{execution.status}|{execution.workflow_id or '-'}"
            fields[f"executions|{end}"] += 1
            fields[f"ms|{end}"] += execution.ended_ms - (execution.started_ms or execution.ended_ms)
            view = await rig.engine.executions.get(execution.execution_id)
            for state in view.nodes:
                if state.status in (N.COMPLETED, N.FAILED) and not state.reused and state.node_id != OUTPUT:
                    handler = view.definition.node(state.node_id).handler
                    fields[f"nodes|{handler}"] += 1
                    fields[f"failed|{handler}"] += state.status is N.FAILED
        if (cursor := page.next_cursor) is None:
            return read_statistics([{name.encode(): b"%d" % count for name, count in fields.items()}])


async def mixed(rig: Rig, dice: Random, count: int) -> None:
    """Run executions of several kinds; some fail, some are cancelled, retried, forked, counted on the way."""
    document = workflow(node("A"), node("B", after=["A"]), name="known")
    registered = await rig.engine.workflows.create(document, Source(b"{}", "application/json"))
    for _ in range(count // 10):
        made: list[str] = []
        for _ in range(10):
            match dice.randrange(5):
                case 0:
                    started = await rig.engine.workflows.start(registered.record.workflow_id)
                    made.append(started.execution_id)
                case 1:
                    made.append(await rig.submit(node("A"), condition("C", after=["A"])))
                case 2:
                    made.append(await rig.submit(node("A"), output={"of": "{{ A }}"}))
                case 3:
                    made.append(await rig.submit(nested("S"), node("B", after=["S"])))
                case _:
                    made.append(await rig.submit(node("A"), node("B"), trigger=dice.random() < 0.5))
        await work(rig, dice)
        for execution_id in made:
            await change(rig, dice, execution_id)
        rig.transitions.now_ms = rig.now_ms + dice.randrange(1, 5_000)
        await interrupted_fold(rig, dice)
        await work(rig, dice)
    # What was never started stays so; what waits for a child that nobody ran is cancelled.
    for execution_id in await rig.store.index.ids("default", 0, 10_000):
        if (await rig.status(execution_id)).is_under_way:
            await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="last")


async def work(rig: Rig, dice: Random) -> None:
    for _ in range(20):
        claims = [await rig.worker.claim(task) for task in await rig.worker.read(1_000)]
        if not claims:
            return
        read = [held_by(claim) for claim in claims if isinstance(claim, Claim)]
        rig.transitions.now_ms = rig.now_ms + dice.randrange(1, 300)
        for token in read:
            facts = await rig.redis.hget(rig.store.keys.runtime(token.execution_id), f"node|{token.node_id}")
            if facts and facts.startswith(b"sub_workflow") and token.attempt == 1:
                await rig.transitions.start_child(token, child_of(token.execution_id, token.node_id))
            elif dice.random() < 0.2:
                await rig.worker.fail(token, is_dead=dice.random() < 0.5)
            else:
                await rig.worker.complete(token)


async def change(rig: Rig, dice: Random, execution_id: str) -> None:
    status = await rig.status(execution_id)
    executions = rig.engine.executions
    if status in (E.FAILED, E.CANCELLED) and dice.random() < 0.7:
        if dice.random() < 0.5:
            await rig.transitions.fold_execution(execution_id)
        await executions.retry(execution_id)
        if dice.random() < 0.3:
            await executions.cancel(execution_id, grace_ms=0, request_id="c")
    elif status is E.COMPLETED and dice.random() < 0.2:
        last = (await executions.get(execution_id)).nodes[-1].node_id
        await executions.fork(execution_id, from_node=last)
    elif not status.is_terminal and dice.random() < 0.3:
        await executions.cancel(execution_id, grace_ms=0, request_id="c")


async def interrupted_fold(rig: Rig, dice: Random) -> None:
    """Count some of what has ended, as a loop that is killed on the way, and some of it twice."""
    waiting = await rig.store.index.due("ended", rig.now_ms, 100)
    for execution_id in dice.sample(waiting, k=len(waiting) // 2):
        call = rig.transitions.fold_execution(execution_id)
        assert await call == await call


@pytest.mark.parametrize("seed", [1])
async def test_five_hundred_mixed_executions_are_counted_as_by_hand(rig: Rig, seed: int) -> None:
    dice = Random(seed)
    await mixed(rig, dice, 500)
    await rig.fold()

    found = await statistics(rig)

    wanted = await by_hand(rig)
    assert found == wanted
    assert found.executions.total > 500
    assert min(found.executions.counts[status] for status in (E.COMPLETED, E.FAILED, E.CANCELLED)) > 10
    assert len(found.workflows) == 2
    assert await statistics(rig) == wanted  # asked again, nothing is added


# One rule each


async def test_a_retry_replaces_what_the_end_before_it_has_added(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B"))
    await rig.worker.run_all(failing=["B"])
    rig.transitions.now_ms = rig.now_ms + 500
    before = await statistics(rig)
    await rig.engine.executions.retry(execution_id)
    while_it_runs = await statistics(rig)
    rig.transitions.now_ms = rig.now_ms + 500
    await rig.worker.run_all()

    after = await statistics(rig)

    assert before.executions.counts == while_it_runs.executions.counts == {E.FAILED: 1}
    assert before.handlers == {"noop": NodeCounts(2, 1)}
    assert after.executions.counts == {E.COMPLETED: 1}
    assert after.handlers == {"noop": NodeCounts(2, 0)}
    assert after.executions.average_ms == 1_000


@pytest.mark.parametrize("counted", ["after the first end", "while it runs again", "after the second end"])
async def test_it_counts_on_the_day_it_ended_first(rig: Rig, counted: str) -> None:
    today = rig.now_ms // DAY_MS
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all(failing=["A"])
    if counted == "after the first end":
        await rig.fold()
    rig.transitions.now_ms = rig.now_ms + DAY_MS
    await rig.engine.executions.retry(execution_id)
    if counted == "while it runs again":
        await rig.fold()
        assert await rig.redis.keys("workflows:statistics:*") == []
    await rig.worker.run_all()

    first = await report(rig, first_day=today, last_day=today)
    second = await report(rig, first_day=today + 1, last_day=today + 1)

    assert first.statistics.executions.counts == {E.COMPLETED: 1}
    assert second.statistics.executions.total == 0


async def test_nodes_that_never_ran_and_those_a_fork_has_kept_are_not_counted(rig: Rig) -> None:
    source = await rig.submit(node("A"), node("B", after=["A"], when="false"), node("C", after=["A"]))
    await rig.worker.run_all()
    before = await statistics(rig)
    await rig.engine.executions.fork(source, from_node="C")
    await rig.worker.run_all()

    after = await statistics(rig)

    assert after.executions.total == 2
    assert after.handlers["noop"].total == before.handlers["noop"].total + 1


async def test_statistics_stay_when_what_they_count_goes(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all()
    await rig.engine.executions.purge(execution_id)

    found = await statistics(rig)

    assert (found.executions.counts, found.handlers) == ({E.COMPLETED: 1}, {"noop": NodeCounts(1, 0)})


async def test_a_large_one_that_is_purged_at_once_is_counted_whole(rig: Rig) -> None:
    execution_id = await rig.submit(*(node(f"n{number}") for number in range(300)))
    await rig.drain_worklist(execution_id)
    while held := await rig.worker.start(1_000):
        for token in held.values():
            await rig.worker.complete(token)
    await rig.engine.executions.purge(execution_id)

    assert (await statistics(rig)).handlers == {"noop": NodeCounts(300, 0)}


async def test_children_that_go_with_their_root_uncounted_are_counted_on_the_way(rig: Rig) -> None:
    execution_id = await rig.submit(nested("S"))
    held = await rig.worker.start()
    await rig.transitions.start_child(held["S"], child_of(execution_id, "S"))
    await rig.worker.run_all()
    await rig.engine.executions.purge(execution_id)

    found = await statistics(rig)

    assert found.executions.counts == {E.COMPLETED: 2}
    assert await rig.redis.zcard("workflows:ended") == 0


async def test_a_large_execution_is_counted_in_parts(rig: Rig) -> None:
    execution_id = await rig.submit(*(node(f"n{number}") for number in range(500)))
    await rig.drain_worklist(execution_id)
    while held := await rig.worker.start(1_000):
        for token in held.values():
            await rig.worker.complete(token)

    parts = [await rig.transitions.fold_execution(execution_id)]
    assert (await rig.store.statistics.between("default", 0, 1)).executions.total == 0
    while parts[-1][1]:
        parts.append(await rig.transitions.fold_execution(execution_id))

    assert len(parts) == 3
    assert (await statistics(rig)).handlers == {"noop": NodeCounts(500, 0)}


async def test_a_retry_in_the_middle_of_a_count_begins_it_again(rig: Rig) -> None:
    execution_id = await rig.submit(*(node(f"n{number}") for number in range(300)))
    await rig.drain_worklist(execution_id)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="c")
    assert await rig.transitions.fold_execution(execution_id) == ("ok", True)
    await rig.engine.executions.retry(execution_id)
    while held := await rig.worker.start(1_000):
        for token in held.values():
            await rig.worker.complete(token)

    found = await statistics(rig)

    assert found.executions.counts == {E.COMPLETED: 1}
    assert found.handlers == {"noop": NodeCounts(300, 0)}


async def test_tenants_are_counted_apart(rig: Rig) -> None:
    await rig.engine.tenants.create("acme", "Acme")
    other: Any = rig.engine.of("acme")
    for executions in (other.executions, rig.engine.executions):
        await executions.submit(workflow(node("A")), trigger=True)
        await rig.worker.run_all(failing=["A"])

    ours, theirs = await report(rig), await report(rig, "acme")

    assert ours.statistics.executions.counts == theirs.statistics.executions.counts == {E.FAILED: 1}


async def test_an_answer_says_up_to_when_all_is_counted(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = []
    for _ in range(3):
        rig.transitions.now_ms = rig.now_ms + 1_000
        await rig.submit(node("A"))
        await rig.worker.run_all()
        ends.append(rig.now_ms)
    monkeypatch.setattr("orchestrator.operations.statistics.MOST_FOLDED", 1)

    first = await report(rig)
    second = await report(rig)
    third = await report(rig)

    assert [first.as_of_ms, second.as_of_ms, third.as_of_ms] == [ends[1], ends[2], rig.now_ms]
    assert [each.statistics.executions.total for each in (first, second, third)] == [1, 2, 3]


async def test_a_day_that_is_no_longer_kept_does_not_come_back_in_parts(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"))
    await rig.worker.run_all(failing=["A"])
    await rig.fold()
    (key,) = await rig.redis.keys("workflows:statistics:*")
    assert 399 * DAY_MS < await rig.redis.pttl(key) <= 400 * DAY_MS
    await rig.redis.delete(key)
    rig.transitions.now_ms = rig.now_ms + 400 * DAY_MS

    await rig.engine.executions.retry(execution_id)
    await rig.worker.run_all()
    await rig.fold()

    assert await rig.redis.keys("workflows:statistics:*") == []
