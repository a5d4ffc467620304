"""A call that creates an execution writes it as a whole: the same as if it had been created before."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest
from redis.exceptions import ResponseError

from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store.layout import lay_out
from tests.dags import compiled
from tests.integration.transitions.prepared_calls import child_of
from tests.integration.transitions.started_children import nested
from tests.makers import Rig, node, workflow

E, N = ExecutionStatus, NodeStatus
DIAMOND = (node("A"), node("B", after=["A"]), node("C", after=["A"]), node("D", after=["B", "C"]))
#: Written by Redis' own clock, which no test moves.
MESSAGE = re.compile(rb"\b\d{13}-\d+\b")


def without_ids(value: Any) -> Any:
    """Put the same for every id that Redis' clock has made."""
    if isinstance(value, dict):
        return {without_ids(name): without_ids(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_ids(each) for each in value]
    return MESSAGE.sub(b"MESSAGE", value) if isinstance(value, bytes) else value


async def made_by(rig: Rig, document: dict[str, Any], *, at_once: bool, tenant: str = "default") -> Any:
    """Create and start an execution on an empty Redis, in one call or in two; gives all there is then."""
    await rig.redis.flushdb()
    last = lay_out(compiled(document)).last
    text = orjson.dumps(document)
    await rig.transitions.create_execution("x", text, last, tenant=tenant, is_started=at_once)
    if not at_once:
        await rig.transitions.start_execution("x")
    found = await rig.dump()
    # The loop takes what has been started off the list of what may stay unstarted.
    found.pop("workflows:expiring", None)
    return without_ids(found)


@pytest.mark.parametrize("tenant", ["default", "acme"])
@pytest.mark.parametrize(
    "document",
    [
        pytest.param(workflow(*DIAMOND), id="diamond"),
        pytest.param(workflow(*DIAMOND, fail_fast=True, execution_timeout="5s"), id="fail_fast"),
        pytest.param(
            workflow(node("A", schedule_to_start_timeout="5s", schedule_to_close_timeout="9s", queue="gpu")),
            id="limits",
        ),
        pytest.param(workflow(*(node(f"n{i}") for i in range(100))), id="a whole list of roots"),
        pytest.param(workflow(*(node(f"n{i}") for i in range(150))), id="roots in two lists"),
        pytest.param(workflow(*(node(f"n{i}") for i in range(200))), id="more roots than a call takes"),
    ],
)
async def test_one_call_makes_what_two_make(rig: Rig, document: dict[str, Any], tenant: str) -> None:
    at_once = await made_by(rig, document, at_once=True, tenant=tenant)
    one_by_one = await made_by(rig, document, at_once=False, tenant=tenant)

    assert at_once == one_by_one


async def test_every_root_beyond_the_first_list_is_queued(rig: Rig) -> None:
    execution_id = await rig.submit(*(node(f"n{i}") for i in range(150)))

    assert set((await rig.nodes(execution_id)).values()) == {N.QUEUED}
    assert await rig.redis.xlen("workflow:tasks") == 150


async def test_a_parent_that_ends_with_the_start_of_its_child_ends_the_child(rig: Rig) -> None:
    execution_id = await rig.submit(nested("S", wait=False, parent_close_policy="terminate"), node("bad"))
    held = await rig.worker.start()
    await rig.worker.fail(held["bad"])

    child = child_of(execution_id, "S")
    await rig.transitions.start_child(held["S"], child)

    assert await rig.status(execution_id) is E.FAILED
    assert await rig.status(child.execution_id) is E.CANCELLED
    assert await rig.nothing_is_left_behind()


async def test_a_start_that_fails_on_the_way_leaves_an_execution_that_can_be_read(rig: Rig) -> None:
    last = lay_out(compiled(workflow(*DIAMOND))).last
    await rig.redis.set("idx:executions:default", "damaged")

    with pytest.raises(ResponseError):
        await rig.transitions.create_execution("x", b"{}", last, is_started=True)

    await rig.redis.delete("idx:executions:default")
    again = await rig.transitions.create_execution("x", b"{}", last, is_started=True)
    started = await rig.transitions.start_execution("x")
    assert (again[0], started[:2]) == ("ok", ["ok", "RUNNING"])
    assert await rig.worker.run_all() == ["A", "B", "C", "D"]
