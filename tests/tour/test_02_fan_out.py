"""Nodes that do not depend on each other run at the same time, on whatever workers there are.

In the first workflow B and C both depend on A: the work fans out. D depends on both and joins them: it
starts once, when the last of the two has completed. In the second one two branches race to the same join.
However close together they end, and however often the workflow is triggered, D runs once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import orjson

from tests.tour.headrace import Headrace

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FAN_OUT = orjson.loads((EXAMPLES / "fanout.json").read_bytes())
RACE = orjson.loads((EXAMPLES / "race.json").read_bytes())


async def test_both_branches_become_ready_together(headrace: Headrace) -> None:
    execution_id = await headrace.start(FAN_OUT)

    assert await headrace.ended(execution_id) == "COMPLETED"
    history = await headrace.history(execution_id)
    assert history.index("queued C") == history.index("queued B") + 1


async def test_the_join_waits_for_both_branches(headrace: Headrace) -> None:
    execution_id = await headrace.start(FAN_OUT)

    await headrace.ended(execution_id)
    history = await headrace.history(execution_id)
    assert history.index("queued D") > max(history.index("completed B"), history.index("completed C"))


async def test_two_triggers_and_two_branches_run_the_join_once(headrace: Headrace) -> None:
    execution_id = (await headrace.post("/workflow", **RACE))["execution_id"]
    trigger = f"/v1/executions/{execution_id}/trigger"

    first, second = await asyncio.gather(headrace.post(trigger), headrace.post(trigger))

    assert {first["already"], second["already"]} == {False, True}
    assert await headrace.ended(execution_id) == "COMPLETED"
    assert set(Counter(await headrace.history(execution_id)).values()) == {1}
