"""An execution key belongs to one execution of a tenant, until its end, and is taken wherever an id is."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from orchestrator.engine import Idempotency
from orchestrator.errors import ExecutionKeyTaken, ExecutionNotFound, StartInvalid
from orchestrator.operations.origin import Origin
from orchestrator.operations.results import Submitted
from orchestrator.states import ExecutionStatus
from tests.makers import Rig, node, workflow


async def keyed(rig: Rig, key: str = "order 1", policy: Any = None, **given: Any) -> Submitted:
    """Start an execution under a key."""
    origin = Origin(execution_key=key, id_conflict_policy=policy)
    document = workflow(node("A"), node("B", after=["A"]), **given.pop("extras", {}))
    return await rig.engine.executions.submit(document, trigger=True, origin=origin, **given)


async def test_a_key_names_its_execution_wherever_an_id_does(rig: Rig) -> None:
    made = await keyed(rig)

    found = await rig.engine.executions.get("order 1")
    await rig.engine.executions.pause("order 1", request_id="1")

    assert (found.execution.execution_id, found.execution.execution_key) == (made.execution_id, "order 1")
    assert await rig.status(made.execution_id) is ExecutionStatus.PAUSED


async def test_a_key_in_use_refuses_another_start_and_stores_nothing(rig: Rig) -> None:
    made = await keyed(rig)
    before = await rig.dump()

    with pytest.raises(ExecutionKeyTaken) as refused:
        await keyed(rig)

    assert refused.value.execution_id == made.execution_id
    assert await rig.dump() == before


async def test_after_the_end_the_key_moves_to_the_new_execution(rig: Rig) -> None:
    first = await keyed(rig)
    await rig.worker.run_all()

    second = await keyed(rig)

    assert await rig.engine.executions.find("order 1") == second.execution_id != first.execution_id


async def test_a_retry_is_refused_while_another_execution_goes_on_with_the_key(rig: Rig) -> None:
    first = await keyed(rig)
    await rig.worker.run_all(failing=["A"])
    second = await keyed(rig)
    before = await rig.dump()

    with pytest.raises(ExecutionKeyTaken, match="cancel it first") as refused:
        await rig.engine.executions.retry(first.execution_id)

    assert refused.value.execution_id == second.execution_id
    assert await rig.dump() == before


async def test_a_retry_takes_the_key_back_as_a_start_does(rig: Rig) -> None:
    first = await keyed(rig)
    await rig.worker.run_all(failing=["A"])
    await keyed(rig)
    await rig.worker.run_all()

    await rig.engine.executions.retry(first.execution_id)

    assert await rig.engine.executions.find("order 1") == first.execution_id
    with pytest.raises(ExecutionKeyTaken):
        await keyed(rig)


async def test_use_existing_answers_the_one_that_holds_the_key(rig: Rig) -> None:
    made = await keyed(rig)
    before = await rig.dump()

    again = await keyed(rig, policy="use_existing")

    assert (again.execution_id, again.existing, again.replayed) == (made.execution_id, True, False)
    assert await rig.dump() == before


async def test_a_request_that_used_an_existing_execution_is_answered_the_same_for_a_day(rig: Rig) -> None:
    made = await keyed(rig)
    request = Idempotency.named("key", route="/v1/executions", body=b"1")
    await keyed(rig, policy="use_existing", idempotency=request)
    await rig.worker.run_all()

    again = await keyed(rig, policy="use_existing", idempotency=request)

    assert (again.execution_id, again.replayed) == (made.execution_id, True)


async def test_terminate_existing_ends_the_holder_at_once_and_moves_the_key(rig: Rig) -> None:
    first = await keyed(rig)
    held = await rig.worker.start_one("A")

    second = await keyed(rig, policy="terminate_existing")

    assert await rig.status(first.execution_id) is ExecutionStatus.CANCELLED
    assert (await rig.worker.complete(held)).word == "fenced"
    assert await rig.engine.executions.find("order 1") == second.execution_id
    ended = await rig.engine.executions.get(first.execution_id)
    assert ended.execution.reason == f"execution {second.execution_id} has taken its key"


async def test_terminate_existing_shortens_the_grace_of_one_that_is_being_cancelled(rig: Rig) -> None:
    first = await keyed(rig)
    await rig.worker.start_one("A")
    await rig.engine.executions.cancel(first.execution_id, grace_ms=60_000, request_id="1")

    await keyed(rig, policy="terminate_existing")

    assert await rig.status(first.execution_id) is ExecutionStatus.CANCELLED


async def test_a_large_holder_is_terminated_to_the_end(rig: Rig) -> None:
    nodes = [node("A"), *(node(f"n{i}", after=["A"]) for i in range(1_200))]
    first = await rig.engine.executions.submit(
        workflow(*nodes), trigger=True, origin=Origin(execution_key="order 1")
    )

    await keyed(rig, policy="terminate_existing")

    assert await rig.status(first.execution_id) is ExecutionStatus.CANCELLED


async def test_a_definition_may_say_what_a_taken_key_does(rig: Rig) -> None:
    made = await keyed(rig)

    again = await keyed(rig, extras={"id_conflict_policy": "use_existing"})

    assert again.existing and again.execution_id == made.execution_id
    with pytest.raises(ExecutionKeyTaken):
        await keyed(rig, policy="fail", extras={"id_conflict_policy": "use_existing"})


async def test_of_many_starts_at_once_one_gets_the_key(rig: Rig) -> None:
    started = await asyncio.gather(*(keyed(rig, policy="use_existing") for _ in range(10)))

    assert len({each.execution_id for each in started}) == 1
    assert sum(not each.existing for each in started) == 1


async def test_a_key_belongs_to_its_tenant(rig: Rig) -> None:
    made = await keyed(rig)
    other = rig.engine.of("other")

    with pytest.raises(ExecutionNotFound):
        await other.executions.get("order 1")
    theirs = await other.executions.submit(workflow(node("A")), origin=Origin(execution_key="order 1"))

    assert await rig.engine.executions.find("order 1") == made.execution_id
    assert await other.executions.find("order 1") == theirs.execution_id


async def test_an_id_comes_before_a_key(rig: Rig) -> None:
    made = await keyed(rig)

    for name in (made.execution_id, made.execution_id.upper()):
        with pytest.raises(StartInvalid, match="UUID"):
            await keyed(rig, name)


@pytest.mark.parametrize("key", ["", "x" * 257, "a\nb", "\x1f", "a\u2028b"])
async def test_what_cannot_be_a_key_is_refused_and_nothing_is_stored(rig: Rig, key: str) -> None:
    with pytest.raises(StartInvalid, match="'execution_key' must be 1 to 256"):
        await keyed(rig, key)

    assert await rig.dump() == {}


async def test_a_policy_without_a_key_is_refused(rig: Rig) -> None:
    with pytest.raises(StartInvalid, match="is about 'execution_key'; found none"):
        await rig.engine.executions.submit(
            workflow(node("A")), origin=Origin(id_conflict_policy="use_existing")
        )


@pytest.mark.parametrize("key", ["a:b", "a/b", "{tag}", "Bestellung 7 ✓", "wf:node:A", "x" * 256])
async def test_any_text_on_one_line_is_a_key(rig: Rig, key: str) -> None:
    made = await keyed(rig, key)

    assert await rig.engine.executions.find(key) == made.execution_id
    assert [row.execution_id for row in (await rig.engine.executions.list(execution_key=key)).items] == [
        made.execution_id
    ]


async def test_a_look_up_sends_the_same_commands_whoever_owns_what_it_names(rig: Rig) -> None:
    await rig.engine.of("other").executions.submit(workflow(node("A")), origin=Origin(execution_key="theirs"))
    await keyed(rig, "mine")
    counts = []

    for name in ("mine", "theirs", "nobody's"):
        await rig.redis.config_resetstat()
        with contextlib.suppress(ExecutionNotFound):
            await rig.engine.executions.find(name)
        stats = await rig.redis.info("commandstats")
        counts.append(
            {verb: stats[verb]["calls"] for verb in stats if "get" in verb and "config" not in verb}
        )

    assert counts[0] == counts[1] == counts[2]
