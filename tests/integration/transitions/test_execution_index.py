"""Executions are found by workflow and label however many others there are."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.errors import StartInvalid
from orchestrator.operations.origin import Origin, label_digest
from orchestrator.operations.sieve import Sieve
from orchestrator.states import ExecutionStatus
from orchestrator.store.layout import lay_out
from tests.dags import compiled
from tests.makers import Rig, node, workflow

WORKFLOW = "wf_" + "a" * 26
OTHERS = 20_000
#: Rows of an index that one command reads at most.
FIRST_PAGE = 200


async def labelled(rig: Rig, trigger: bool = True, **given: Any) -> str:
    """Start an execution with an origin."""
    submitted = await rig.engine.executions.submit(
        workflow(node("A")), trigger=trigger, origin=Origin(**given)
    )
    return submitted.execution_id


async def ids(rig: Rig, **filters: Any) -> list[str]:
    """Everything a list gives, by cursor."""
    found: list[str] = []
    cursor = None
    while True:
        page = await rig.engine.executions.list(limit=3, cursor=cursor, **filters)
        found += [row.execution_id for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_twenty_thousand_others_hide_nothing_and_cost_nothing(rig: Rig) -> None:
    document = workflow(node("A"))
    text, last = orjson.dumps(document), lay_out(compiled(document)).last
    mine: list[str] = []
    for first in range(0, OTHERS, 2_000):
        rig.transitions.now_ms = rig.now_ms + 1
        mine.append(await labelled(rig, workflow_id=WORKFLOW, labels={"team": "blue"}))
        for begin in range(first, first + 2_000, 500):
            names = [f"other-{number}" for number in range(begin, begin + 500)]
            await rig.transitions.call_all(
                [rig.transitions.create_execution(name, text, last) for name in names]
            )

    by_workflow = await ids(rig, workflow_id=WORKFLOW)
    by_label = await ids(rig, labels=[("team", "blue")])
    rows = await _rows_read(rig, workflow_id=WORKFLOW, sieve=of(ExecutionStatus.RUNNING))
    none = await _rows_read(rig, labels=[("team", "blue")], sieve=of(ExecutionStatus.FAILED))

    assert by_workflow == by_label == mine[::-1]
    assert rows == len(mine) <= FIRST_PAGE
    assert none == 0


async def _rows_read(rig: Rig, **filters: Any) -> int:
    """How many executions one page looks at."""
    await rig.redis.config_resetstat()
    await rig.engine.executions.list(limit=50, **filters)
    stats = await rig.redis.info("commandstats")
    assert stats["cmdstat_zrange"]["calls"] == 1
    return int(stats.get("cmdstat_get", {"calls": 0})["calls"])


def of(*statuses: ExecutionStatus) -> Sieve:
    return Sieve(frozenset(statuses))


async def test_a_first_page_reads_two_hundred_rows_at_most(rig: Rig) -> None:
    for _ in range(FIRST_PAGE + 50):
        await labelled(rig, trigger=False, labels={"team": "blue"})

    assert await _rows_read(rig, labels=[("team", "blue")]) <= FIRST_PAGE


async def test_filters_together_give_what_has_all_of_them(rig: Rig) -> None:
    both = await labelled(rig, workflow_id=WORKFLOW, labels={"team": "blue", "env": "test"})
    await labelled(rig, workflow_id=WORKFLOW, labels={"team": "red", "env": "test"})
    await labelled(rig, labels={"team": "blue"})
    pending = await labelled(rig, trigger=False, workflow_id=WORKFLOW, labels={"team": "blue", "env": "test"})

    wanted = {"workflow_id": WORKFLOW, "labels": [("team", "blue"), ("env", "test")]}

    assert await ids(rig, **wanted) == [pending, both]
    assert await ids(rig, **wanted, sieve=of(ExecutionStatus.PENDING)) == [pending]
    assert await ids(rig, labels=[("team", "green")]) == []


async def test_a_list_of_what_ended_in_a_time_is_paged_like_any_other(rig: Rig) -> None:
    early = await labelled(rig)
    late = await labelled(rig)
    open_still = await labelled(rig, trigger=False)
    await rig.engine.executions.cancel(early, grace_ms=0, request_id="1")
    await rig.advance(10_000)
    between_ms = rig.now_ms
    await rig.advance(10_000)
    await rig.engine.executions.cancel(late, grace_ms=0, request_id="2")

    assert await ids(rig, sieve=Sieve(ended_ms=(between_ms, None))) == [late]
    assert await ids(rig, sieve=Sieve(ended_ms=(None, between_ms))) == [early]
    assert await ids(rig, sieve=Sieve(ended_ms=(0, rig.now_ms))) == [late, early]
    counts = await rig.engine.recent.count(sieve=Sieve(ended_ms=(between_ms, None)))
    assert (sum(counts.by_status.values()), open_still in await ids(rig)) == (1, True)


async def test_a_list_belongs_to_its_tenant(rig: Rig) -> None:
    await labelled(rig, workflow_id=WORKFLOW, labels={"team": "blue"})
    other = rig.engine.of("other").executions

    assert (await other.list(workflow_id=WORKFLOW)).items == []
    assert (await other.list(labels=[("team", "blue")])).items == []


async def test_replays_and_forks_stand_in_the_lists_of_their_original(rig: Rig) -> None:
    made = await labelled(rig, workflow_id=WORKFLOW, workflow_version=3, labels={"team": "blue"})
    await rig.worker.run_all()

    replay = await rig.engine.executions.replay(made)
    fork = await rig.engine.executions.fork(made, from_node="A")

    assert await ids(rig, workflow_id=WORKFLOW) == [fork.execution_id, replay.execution_id, made]
    assert await ids(rig, labels=[("team", "blue")]) == [fork.execution_id, replay.execution_id, made]
    assert (await rig.engine.executions.get(replay.execution_id)).execution.workflow_version == 3


async def test_names_of_indexes_have_a_digest_and_no_free_text(rig: Rig) -> None:
    await labelled(rig, labels={"team *": "blau {1}"})

    (key,) = await rig.redis.keys("idx:label:*")

    assert key.decode() == f"idx:label:default:{label_digest('team *', 'blau {1}')}"


@pytest.mark.parametrize(
    "labels",
    [
        {f"l{i}": "x" for i in range(17)},
        {"": "x"},
        {"a": ""},
        {"a" * 65: "x"},
        {"a": "x" * 65},
        {"a\n": "x"},
        {"a": "\x00"},
    ],
)
async def test_labels_that_cannot_be_are_refused_and_nothing_is_stored(
    rig: Rig, labels: dict[str, str]
) -> None:
    with pytest.raises(StartInvalid):
        await labelled(rig, labels=labels)

    assert await rig.dump() == {}
