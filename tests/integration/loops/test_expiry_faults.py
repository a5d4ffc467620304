"""Retention goes on where it was killed, at maxmemory, beside what is damaged; older ones are told of."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.retention import DAY_MS
from orchestrator.loops import retention
from tests.integration.loops.expiring import expires_in, is_there, look
from tests.integration.transitions.purgeable import a_chain, dead_letters, grandchildren, large, with_child
from tests.makers import Rig, node
from tests.older_layouts import restore_ended


class Killed(Exception):
    """The process ends here."""


async def of_two_parts(rig: Rig) -> str:
    """More nodes than are counted in one call."""
    execution_id = await rig.submit(*(node(f"n{number}") for number in range(300)), trigger=False)
    await rig.engine.executions.cancel(execution_id, grace_ms=0, request_id="c")
    return execution_id


@pytest.mark.parametrize("make", [of_two_parts, grandchildren, dead_letters])
async def test_whatever_step_it_is_killed_at_another_one_goes_on(
    rig: Rig, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.worker.read()
    before = await rig.dump()
    for survived in range(40):
        await make(rig)
        await rig.worker.read()
        left = [survived]
        send = rig.transitions.call_all

        async def killed(calls: Any, *, are_apart: bool = False, left: Any = left, send: Any = send) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return await send(calls, are_apart=are_apart)

        with monkeypatch.context() as patch:
            patch.setattr(rig.transitions, "call_all", killed)
            try:
                await look(rig)
                await look(rig, 30 * DAY_MS)
            except Killed:
                pass
        # The second look is for what an end that was counted only now has put off; the third finishes purges.
        for after_ms in (0, 30 * DAY_MS, 60_000):
            await look(rig, after_ms)
        assert await rig.dump(statistics=False) == before, survived
        if left[0] >= 0:
            return
    raise AssertionError("it is never through")


async def test_what_is_damaged_stands_back_behind_others(rig: Rig) -> None:
    damaged, execution_id = await a_chain(rig), await a_chain(rig)
    key = f"workflow:{damaged}:status"
    await rig.redis.delete(key)
    await rig.redis.lpush(key, "no status")

    counted = await look(rig)
    again = await look(rig)
    await rig.redis.delete(key)
    await rig.redis.set(key, "COMPLETED")
    later = await look(rig, 60_000)

    assert (counted, again, later) == (1, 0, 1)
    assert await expires_in(rig, execution_id) == 7 * DAY_MS - 60_000


async def test_one_of_an_older_layout_goes_uncounted(rig: Rig) -> None:
    execution_id = await restore_ended(rig.redis)
    await rig.redis.zadd("workflows:ended", {execution_id: rig.now_ms})

    await look(rig)
    await look(rig, 30 * DAY_MS)

    assert not [key for key in await rig.redis.keys() if execution_id.encode() in key]
    assert await rig.redis.keys("workflows:statistics:*") == []


async def test_at_maxmemory_it_goes_on(rig: Rig) -> None:
    execution_id = await large(rig)
    await rig.redis.config_set("maxmemory", "1mb")
    try:
        await look(rig)
        await look(rig, 7 * DAY_MS)
    finally:
        await rig.redis.config_set("maxmemory", "0")

    assert not [key for key in await rig.redis.keys() if execution_id.encode() in key]


# Executions from before


async def test_those_that_ended_before_there_was_a_retention_are_told_of_and_stay(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    older = [await a_chain(rig), await rig.submit(node("A"), trigger=False)]
    await rig.redis.delete("workflows:ended", "workflows:expiring")
    await a_chain(rig)
    await rig.submit(node("A"))
    *_, x = await with_child(rig)
    await rig.worker.complete(x)
    await rig.worker.run_all()

    with caplog.at_level("WARNING"):
        found = await retention.tell_of_older(rig.store)
    await look(rig)
    told_again = await retention.tell_of_older(rig.store)
    await look(rig, 400 * DAY_MS)

    assert (found, told_again) == (2, 2)
    (record,) = {each.message for each in caplog.records if each.levelname == "WARNING"}
    assert record == "retention.not_applied"
    assert [await is_there(rig, each) for each in older] == [True, True]
