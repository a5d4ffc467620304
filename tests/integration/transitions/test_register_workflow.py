"""The scripts of the registry: record, version, name and place in the list change together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.errors import StoreFull
from tests.integration.registered_workflows import registration
from tests.makers import Rig

ONE, TWO = "wf_" + 26 * "a", "wf_" + 26 * "b"


async def test_everything_of_a_workflow_is_written_together(rig: Rig) -> None:
    word, record = await rig.transitions.register_workflow(registration(ONE))

    assert word == "ok"
    assert record == await rig.store.workflows.record("default", ONE)
    assert record is not None
    assert (record.name, record.version, record.revision, record.created_ms) == ("orders", 1, 1, rig.now_ms)
    assert await rig.store.workflows.id_of("default", "orders") == ONE
    assert await rig.store.workflows.definition("default", ONE, 1) == b'{"name":"Orders"}'
    assert await rig.store.workflows.list_ids("default", newest_ms="+inf", offset=0, count=9) == [
        (ONE, rig.now_ms)
    ]


async def test_a_taken_name_gives_way_to_the_other_one(rig: Rig) -> None:
    await rig.transitions.register_workflow(registration(ONE))
    second = replace(registration(TWO), idempotency=None)

    word, record = await rig.transitions.register_workflow(second)
    third, holder = await rig.transitions.register_workflow(
        replace(second, workflow_id="wf_" + 26 * "c", other_name="", call_id="other")
    )

    assert (word, record.name if record else None) == ("ok", "orders-bbbbbb")
    assert (third, holder.workflow_id if holder else None) == ("taken", ONE)


async def test_a_key_makes_one_workflow(rig: Rig) -> None:
    await rig.transitions.register_workflow(registration(ONE))

    again, record = await rig.transitions.register_workflow(registration(TWO))
    other = registration(TWO)
    assert other.idempotency is not None
    conflict, _ = await rig.transitions.register_workflow(
        replace(other, idempotency=replace(other.idempotency, digest="another"))
    )

    assert (again, record.workflow_id if record else None) == ("replayed", ONE)
    assert conflict == "conflict"
    assert await rig.store.workflows.record("default", TWO) is None


async def test_a_change_of_another_revision_is_stale(rig: Rig) -> None:
    await rig.transitions.register_workflow(registration(ONE))
    await rig.transitions.register_workflow(registration(ONE, revision=1, hash="h2"))

    late, record = await rig.transitions.register_workflow(registration(ONE, revision=1, hash="h3"))
    unknown, nothing = await rig.transitions.register_workflow(registration(TWO, revision=1))

    assert (late, record.revision if record else None) == ("stale", 2)
    assert (unknown, nothing) == ("stale", None)


async def test_what_is_there_already_makes_no_version_and_no_revision(rig: Rig) -> None:
    await rig.transitions.register_workflow(registration(ONE))
    before = await rig.dump()

    word, record = await rig.transitions.register_workflow(registration(ONE, revision=1))

    assert (word, record.version if record else None) == ("same", 1)
    assert await rig.dump() == before


async def test_a_removal_leaves_no_key_behind(rig: Rig) -> None:
    await rig.transitions.register_workflow(replace(registration(ONE), idempotency=None))
    for revision in range(1, 1_203):
        await rig.transitions.register_workflow(registration(ONE, revision=revision, hash=f"h{revision + 1}"))

    stale = await rig.transitions.remove_workflow("default", ONE, revision=1)
    removed = await rig.transitions.remove_workflow("default", ONE, revision=1_203)

    assert (stale, removed) == ("stale", "ok")
    assert await rig.redis.keys("*") == []


async def test_a_late_removal_of_one_workflow_spares_another_of_its_name(rig: Rig) -> None:
    await rig.transitions.register_workflow(replace(registration(ONE), idempotency=None))
    await rig.transitions.remove_workflow("default", ONE)
    await rig.transitions.register_workflow(replace(registration(TWO), idempotency=None))

    await rig.transitions.remove_workflow("default", ONE)

    assert await rig.store.workflows.id_of("default", "orders") == TWO


async def test_a_full_store_takes_no_workflow_and_removes_one(rig: Rig) -> None:
    await rig.transitions.register_workflow(registration(ONE))
    await rig.redis.config_set("maxmemory", "1mb")

    with pytest.raises(StoreFull):
        await rig.transitions.register_workflow(registration(TWO))
    removed = await rig.transitions.remove_workflow("default", ONE)

    await rig.redis.config_set("maxmemory", "0")
    assert removed == "ok"


async def test_a_call_that_comes_again_after_others_undoes_none_of_them(rig: Rig) -> None:
    first = replace(registration(ONE), idempotency=None, call_id="first")
    second = replace(registration(ONE, revision=1, hash="h2"), idempotency=None, call_id="second")
    third = replace(registration(ONE, revision=2, hash="h3"), idempotency=None, call_id="third")
    for call in (first, second, third):
        await rig.transitions.register_workflow(call)
    before = await rig.dump()

    answers = [await rig.transitions.register_workflow(call) for call in (first, second, third)]

    assert [word for word, _ in answers] == ["ok", "ok", "ok"]
    assert await rig.dump() == before
