"""Approvals: what is shown, who may decide, and which decision counts."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from orchestrator.errors import (
    AlreadyDecided,
    AlreadyVoted,
    IdempotencyConflict,
    NotAssigned,
    PayloadInvalid,
    ShownChanged,
)
from orchestrator.states import ExecutionStatus, NodeStatus
from tests.integration.handler_steps import act
from tests.integration.waiting_nodes import ask, asking, decide, key, output, shown
from tests.makers import Rig, node, workflow

E, N = ExecutionStatus, NodeStatus
FORM = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}


@pytest.mark.parametrize("decision", ["approve", "deny"])
async def test_a_decision_becomes_the_output(rig: Rig, decision: str) -> None:
    execution_id = await asking(rig, node("next", after=["P"]))

    done = await decide(rig, execution_id, decision, 'Ann "the" Boss', form={"note": "fine"})
    await act(rig)

    found = await output(rig, execution_id, "P")
    assert orjson.loads(done.output) == found
    assert {**found, "at": ""} == {
        "decision": decision, "by": "Ann \"the\" Boss", "at": "", "form": {"note": "fine"},
    }  # fmt: skip
    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()
    assert (await rig.engine.approvals.list()).items == []


@pytest.mark.parametrize(
    ("now_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (1_709_251_199_001, "2024-02-29T23:59:59.001Z"),
        (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    ],
)
async def test_the_moment_of_a_decision_is_that_of_redis(rig: Rig, now_ms: int, text: str) -> None:
    execution_id = await asking(rig)
    rig.transitions.now_ms = now_ms

    await decide(rig, execution_id)

    assert (await output(rig, execution_id, "P"))["at"] == text


async def test_what_is_shown_is_resolved_and_served(rig: Rig) -> None:
    nodes = [
        node("A"),
        ask(after=["A"], prompt="Pay {{ inputs.n }} €?", form=FORM, assignees="{{ inputs.who }}"),
    ]
    submitted = await rig.engine.executions.submit(
        workflow(*nodes), inputs={"n": 5, "who": ["ann", "bob"]}, trigger=True
    )
    await act(rig)

    found = await rig.engine.approvals.get(submitted.execution_id, "P")

    assert (found.prompt, found.form, found.assignees) == ("Pay 5 €?", FORM, ("ann", "bob"))
    assert (found.is_pending, found.quorum, found.given, found.output) == (True, 1, 0, None)
    assert len(found.shown) == 64


async def test_the_first_decision_wins_and_a_repeat_is_told_of_it(rig: Rig) -> None:
    execution_id = await asking(rig, node("next", after=["P"]))
    hash_shown = await shown(rig, execution_id)
    await decide(rig, execution_id, "deny", "ann")
    before = await rig.dump()

    with pytest.raises(AlreadyDecided) as refused:
        await decide(rig, execution_id, "approve", "bob", shown=hash_shown)

    assert refused.value.recorded == await output(rig, execution_id, "P")
    assert (refused.value.recorded["decision"], refused.value.recorded["by"]) == ("deny", "ann")
    assert await rig.dump() == before


async def test_of_two_answers_at_once_one_wins_and_the_other_is_told(rig: Rig) -> None:
    for _ in range(20):
        execution_id = await asking(rig)
        hash_shown = await shown(rig, execution_id)

        answers = await asyncio.gather(
            decide(rig, execution_id, "approve", "ann", shown=hash_shown),
            decide(rig, execution_id, "deny", "bob", shown=hash_shown),
            return_exceptions=True,
        )

        won = [each for each in answers if not isinstance(each, BaseException)]
        lost = [each for each in answers if isinstance(each, AlreadyDecided)]
        recorded = await output(rig, execution_id, "P")
        assert (len(won), len(lost)) == (1, 1)
        assert orjson.loads(won[0].output) == lost[0].recorded == recorded


async def test_the_same_request_again_gets_the_same_answer(rig: Rig) -> None:
    execution_id = await asking(rig)
    first = await decide(rig, execution_id, idempotency=key("k"))

    again = await decide(rig, execution_id, idempotency=key("k"))

    assert (first.replayed, again.replayed) == (False, True)
    assert again.output == first.output
    with pytest.raises(IdempotencyConflict):
        await decide(rig, execution_id, "deny", idempotency=key("k", "another body"))


async def test_a_decision_about_something_else_is_void(rig: Rig) -> None:
    execution_id = await asking(rig)
    before = await rig.dump()

    with pytest.raises(ShownChanged) as refused:
        await decide(rig, execution_id, shown="0" * 64)

    assert refused.value.shown == await shown(rig, execution_id)
    assert await rig.dump() == before


async def test_only_those_assigned_may_decide(rig: Rig) -> None:
    execution_id = await asking(rig, assignees=["ann", "bob"])

    with pytest.raises(NotAssigned, match="assigned: ann, bob"):
        await decide(rig, execution_id, by="eve")

    assert (await decide(rig, execution_id, by="bob")).output is not None


async def test_a_quorum_needs_so_many_different_people(rig: Rig) -> None:
    execution_id = await asking(rig, quorum=3)

    first = await decide(rig, execution_id, by="ann", form={"n": 1}, idempotency=key("1"))
    again = await decide(rig, execution_id, by="ann", form={"n": 1}, idempotency=key("1"))
    with pytest.raises(AlreadyVoted):
        await decide(rig, execution_id, by="ann")
    second = await decide(rig, execution_id, by="bob")
    explained = (await rig.engine.executions.explain(execution_id))[0].waiting_for
    last = await decide(rig, execution_id, by="cem")

    assert [each.given for each in (first, again, second, last)] == [1, 1, 2, 3]
    assert [each.output is None for each in (first, again, second, last)] == [True, True, True, False]
    assert (first.replayed, again.replayed) == (False, True)
    assert explained == "approval by anyone (2 of 3 given)"
    found = await output(rig, execution_id, "P")
    assert (found["decision"], found["by"]) == ("approve", "cem")
    assert [vote["by"] for vote in found["votes"]] == ["ann", "bob", "cem"]
    assert found["votes"][0]["form"] == {"n": 1}


async def test_one_denial_beats_a_quorum(rig: Rig) -> None:
    execution_id = await asking(rig, quorum=2)
    await decide(rig, execution_id, by="ann")

    await decide(rig, execution_id, "deny", "bob")

    assert (await output(rig, execution_id, "P"))["decision"] == "deny"
    with pytest.raises(AlreadyDecided):
        await decide(rig, execution_id, by="cem")


async def test_votes_at_once_are_all_counted(rig: Rig) -> None:
    execution_id = await asking(rig, quorum=8)
    hash_shown = await shown(rig, execution_id)

    await asyncio.gather(*(decide(rig, execution_id, by=f"p{n}", shown=hash_shown) for n in range(8)))

    assert len((await output(rig, execution_id, "P"))["votes"]) == 8


async def test_the_form_is_checked(rig: Rig) -> None:
    execution_id = await asking(rig, form=FORM)
    before = await rig.dump()

    for form in (None, {}, {"amount": "much"}):
        with pytest.raises(PayloadInvalid):
            await decide(rig, execution_id, form=form)
    with pytest.raises(PayloadInvalid):
        await decide(rig, execution_id, "deny", form={"amount": "much"})
    assert await rig.dump() == before

    await decide(rig, execution_id, "deny")
    assert (await output(rig, execution_id, "P"))["form"] is None
