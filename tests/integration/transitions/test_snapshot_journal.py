"""A snapshot stands for the entries before it, which are removed a bounded number at a time."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.store import journals
from orchestrator.store.requests import AttemptToken
from tests.integration.durable_units import append, journal_of
from tests.makers import LEASE_MS, Rig, node


async def written(rig: Rig, entries: int) -> AttemptToken:
    await rig.submit(node("A"))
    held = await rig.worker.start_one("A")
    calls = [rig.transitions.append_journal(held, number, b"%d" % number) for number in range(1, entries + 1)]
    await rig.transitions.call_all(calls)
    return held


async def test_a_snapshot_replaces_the_entries_up_to_one(rig: Rig) -> None:
    held = await written(rig, 5)

    answer = await rig.transitions.snapshot_journal(held, 3, b'"s"')

    found = await rig.store.journals.read(held.execution_id, "A")
    assert answer == ("ok", False)
    assert (found.last, found.through, found.snapshot) == (5, 3, b'"s"')
    assert [(entry.number, entry.data) for entry in found.entries] == [(4, b"4"), (5, b"5")]
    assert found.bytes == 3 + 1 + 1 + 3 * 64


async def test_a_reader_begins_again_behind_a_snapshot_that_is_made_meanwhile(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "MOST_AT_ONCE", 2)
    held = await written(rig, 7)
    command = rig.store.journals._redis.hmget
    made: list[Any] = []

    async def hmget(key: str, names: list[str]) -> Any:
        if "A|3" in names and not made:
            made.append(await rig.transitions.snapshot_journal(held, 5, b'"s"'))
        return await command(key, names)

    monkeypatch.setattr(rig.store.journals._redis, "hmget", hmget)

    found = await rig.store.journals.read(held.execution_id, "A", limit=100)

    assert made
    assert (found.through, found.snapshot) == (5, b'"s"')
    assert [entry.number for entry in found.entries] == [6, 7]


async def test_a_later_snapshot_replaces_the_one_before(rig: Rig) -> None:
    held = await written(rig, 3)
    await rig.transitions.snapshot_journal(held, 2, b'"first"')

    await rig.transitions.snapshot_journal(held, 3, b'"second"')

    assert await journal_of(rig, held.execution_id) == (b'"second"', [])
    assert (await rig.store.journals.read(held.execution_id, "A")).bytes == 8 + 64


async def test_a_snapshot_that_is_behind_changes_nothing(rig: Rig) -> None:
    held = await written(rig, 3)
    await rig.transitions.snapshot_journal(held, 3, b'"s"')
    before = await rig.dump()

    assert await rig.transitions.snapshot_journal(held, 2, b'"old"') == ("ok", False)
    assert await rig.dump() == before


async def test_a_snapshot_of_entries_to_come_is_refused(rig: Rig) -> None:
    held = await written(rig, 3)
    before = await rig.dump()

    assert (await rig.transitions.snapshot_journal(held, 4, b'"s"'))[0] == "gap"
    assert await rig.dump() == before


async def test_an_attempt_that_was_replaced_makes_no_snapshot(rig: Rig) -> None:
    held = await written(rig, 3)
    await rig.advance(LEASE_MS + 1)
    before = await rig.dump()

    assert (await rig.transitions.snapshot_journal(held, 3, b'"s"'))[0] == "fenced"
    assert await rig.dump() == before


async def test_many_entries_are_removed_in_several_calls(rig: Rig) -> None:
    held = await written(rig, 2_500)
    key = rig.transitions.keys.key("journal", execution_id=held.execution_id)

    assert await rig.transitions.snapshot_journal(held, 2_400, b'"s"') == ("ok", True)
    # They are not read any more, whether they have been removed or not.
    assert len((await journal_of(rig, held.execution_id))[1]) == 100
    assert await rig.redis.hlen(key) == 1_500 + 5
    assert await rig.transitions.snapshot_journal(held, 2_400, b'"s"') == ("ok", True)
    assert await rig.transitions.snapshot_journal(held, 2_400, b'"s"') == ("ok", False)
    assert await rig.redis.hlen(key) == 100 + 5


async def test_what_a_snapshot_has_left_goes_with_the_next_entries(rig: Rig) -> None:
    held = await written(rig, 1_500)
    await rig.transitions.snapshot_journal(held, 1_500, b'"s"')

    await append(rig, held, 1_501, b"x")

    assert (await rig.store.journals.read(held.execution_id, "A")).bytes == 3 + 1 + 2 * 64
