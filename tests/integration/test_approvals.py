"""Approvals: what is shown, who may decide, which decision counts, and what outlives every process."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from clients.redis_client import connect_commands
from orchestrator.answer_errors import (
    AlreadyDecided,
    AlreadyVoted,
    ApprovalNotFound,
    NotAssigned,
    NotWaiting,
    PayloadInvalid,
    ShownChanged,
)
from orchestrator.engine import Engine, Idempotency
from orchestrator.errors import DefinitionInvalid, ExecutionNotFound, IdempotencyConflict, NodeNotFound
from orchestrator.loops import timers
from orchestrator.states import ExecutionStatus, NodeStatus, Reason
from orchestrator.store import Store
from orchestrator.transitions import Transitions
from tests.integration.acting import act, output_of
from tests.makers import Rig, WorkerFleet, node, until, workflow
from workers.handlers import Catalogue

E, N = ExecutionStatus, NodeStatus
FORM = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}


def ask(node_id: str = "P", after: list[str] | None = None, **config: Any) -> dict[str, Any]:
    return node(node_id, after=after, handler="approval") | {"config": {"prompt": "Ship it?", **config}}


async def asking(rig: Rig, *more: dict[str, Any], **config: Any) -> str:
    """An execution that waits for an approval."""
    execution_id = await rig.submit(ask(**config), *more)
    await act(rig)
    assert (await rig.nodes(execution_id))["P"] is N.WAITING
    return execution_id


async def shown(rig: Rig, execution_id: str) -> str:
    return (await rig.engine.approval(execution_id, "P")).shown


async def decide(rig: Rig, execution_id: str, decision: Any = "approve", by: str = "ann", **more: Any) -> Any:
    more = {"shown": more.pop("shown", None) or await shown(rig, execution_id)} | more
    return await rig.engine.decide(execution_id, "P", decision=decision, by=by, **more)


async def output(rig: Rig, execution_id: str) -> Any:
    return output_of((await rig.engine.results(execution_id))["P"])


def key(text: str) -> Idempotency:
    return Idempotency(text, "POST /approvals", "hash")


@pytest.mark.parametrize("decision", ["approve", "deny"])
async def test_a_decision_becomes_the_output(rig: Rig, decision: str) -> None:
    execution_id = await asking(rig, node("next", after=["P"]))

    done = await decide(rig, execution_id, decision, 'Ann "the" Boss', form={"note": "fine"})
    await act(rig)

    found = await output(rig, execution_id)
    assert orjson.loads(done.output) == found
    assert {**found, "at": ""} == {
        "decision": decision, "by": "Ann \"the\" Boss", "at": "", "form": {"note": "fine"},
    }  # fmt: skip
    assert await rig.status(execution_id) is E.COMPLETED
    assert await rig.nothing_is_left_behind()
    assert (await rig.engine.approvals()).items == []


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

    assert (await output(rig, execution_id))["at"] == text


async def test_what_is_shown_is_resolved_and_served(rig: Rig) -> None:
    nodes = [
        node("A"),
        ask(after=["A"], prompt="Pay {{ inputs.n }} €?", form=FORM, assignees="{{ inputs.who }}"),
    ]
    submitted = await rig.engine.submit(
        workflow(*nodes), inputs={"n": 5, "who": ["ann", "bob"]}, trigger=True
    )
    await act(rig)

    found = await rig.engine.approval(submitted.execution_id, "P")

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

    assert refused.value.recorded == await output(rig, execution_id)
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
        recorded = await output(rig, execution_id)
        assert (len(won), len(lost)) == (1, 1)
        assert orjson.loads(won[0].output) == lost[0].recorded == recorded


async def test_the_same_request_again_gets_the_same_answer(rig: Rig) -> None:
    execution_id = await asking(rig)
    first = await decide(rig, execution_id, idempotency=key("k"))

    again = await decide(rig, execution_id, idempotency=key("k"))

    assert (first.replayed, again.replayed) == (False, True)
    assert again.output == first.output
    with pytest.raises(IdempotencyConflict):
        await decide(rig, execution_id, "deny", idempotency=key("k"))


async def test_a_decision_about_something_else_is_void(rig: Rig) -> None:
    execution_id = await asking(rig)
    before = await rig.dump()

    with pytest.raises(ShownChanged) as refused:
        await decide(rig, execution_id, shown="0" * 64)

    assert refused.value.shown == await shown(rig, execution_id)
    assert await rig.dump() == before


async def test_a_changed_payload_voids_what_was_decided_about_the_old_one(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("price"), ask(after=["price"], prompt="{{ price.n }}", quorum=2, timeout=60)
    )
    await rig.worker.complete(await rig.worker.start_one("price"), {"n": 1})
    await act(rig)
    old = await shown(rig, execution_id)
    await decide(rig, execution_id, "approve", "ann")
    await rig.advance(60_000)
    assert await rig.status(execution_id) is E.FAILED
    await rig.redis.set(f"workflow:{execution_id}:node:price:output", b'{"n":2}')
    await rig.engine.retry(execution_id)
    await act(rig)
    new = await shown(rig, execution_id)
    assert new != old

    with pytest.raises(ShownChanged):
        await decide(rig, execution_id, "approve", "bob", shown=old)
    first = await decide(rig, execution_id, "approve", "bob", shown=new)
    second = await decide(rig, execution_id, "approve", "ann", shown=new)

    assert (first.given, first.output, second.given) == (1, None, 2)
    assert await rig.status(execution_id) is E.COMPLETED


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
    explained = (await rig.engine.explain(execution_id))[0].waiting_for
    last = await decide(rig, execution_id, by="cem")

    assert [each.given for each in (first, again, second, last)] == [1, 1, 2, 3]
    assert [each.output is None for each in (first, again, second, last)] == [True, True, True, False]
    assert (first.replayed, again.replayed) == (False, True)
    assert explained == "approval by anybody (2 of 3 given)"
    found = await output(rig, execution_id)
    assert (found["decision"], found["by"]) == ("approve", "cem")
    assert [vote["by"] for vote in found["votes"]] == ["ann", "bob", "cem"]
    assert found["votes"][0]["form"] == {"n": 1}


async def test_one_denial_beats_a_quorum(rig: Rig) -> None:
    execution_id = await asking(rig, quorum=2)
    await decide(rig, execution_id, by="ann")

    await decide(rig, execution_id, "deny", "bob")

    assert (await output(rig, execution_id))["decision"] == "deny"
    with pytest.raises(AlreadyDecided):
        await decide(rig, execution_id, by="cem")


async def test_votes_at_once_are_all_counted(rig: Rig) -> None:
    execution_id = await asking(rig, quorum=8)
    hash_shown = await shown(rig, execution_id)

    await asyncio.gather(*(decide(rig, execution_id, by=f"p{n}", shown=hash_shown) for n in range(8)))

    assert len((await output(rig, execution_id))["votes"]) == 8


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
    assert (await output(rig, execution_id))["form"] is None


@pytest.mark.parametrize("on_timeout", ["approve", "deny", "fail", None])
async def test_what_a_time_limit_decides(rig: Rig, on_timeout: str | None) -> None:
    limit = {"timeout": "1m"} | ({"on_timeout": on_timeout} if on_timeout else {})
    execution_id = await asking(rig, **limit)
    hash_shown = await shown(rig, execution_id)

    await rig.advance(60_000)

    state = (await rig.engine.node(execution_id, "P"))[0]
    assert await rig.nothing_is_left_behind()
    assert (await rig.engine.approvals()).items == []
    if on_timeout in ("approve", "deny"):
        found = await output(rig, execution_id)
        assert (found["decision"], found["by"], found["timed_out"]) == (on_timeout, None, True)
        assert found["at"].endswith("Z")
        with pytest.raises(AlreadyDecided, match="by its time limit"):
            await decide(rig, execution_id, shown=hash_shown)
    else:
        assert (state.status, state.reason) == (N.FAILED, Reason.TIMEOUT)
        assert state.error and state.error["type"] == "Timeout.Approval"
        with pytest.raises(NotWaiting, match="it is FAILED"):
            await decide(rig, execution_id, shown=hash_shown)


async def test_a_cancelled_approval_is_off_the_list_and_takes_no_decision(rig: Rig) -> None:
    execution_id = await asking(rig, timeout=60)
    hash_shown = await shown(rig, execution_id)

    await rig.engine.cancel(execution_id, request_id="1")

    assert (await rig.engine.approvals()).items == []
    assert await rig.nothing_is_left_behind()
    assert await rig.redis.zcard("workflows:approvals") == 0
    with pytest.raises(NotWaiting, match="it is CANCELLED"):
        await decide(rig, execution_id, shown=hash_shown)


async def test_what_is_no_approval_is_not_found(rig: Rig) -> None:
    execution_id = await asking(rig, node("A"))

    with pytest.raises(ExecutionNotFound):
        await rig.engine.approval("unknown", "P")
    with pytest.raises(NodeNotFound):
        await rig.engine.approval(execution_id, "Q")
    with pytest.raises(ApprovalNotFound):
        await rig.engine.approval(execution_id, "A")


async def test_pending_approvals_are_listed_page_by_page_oldest_first(rig: Rig) -> None:
    ids = []
    for number in range(7):
        ids.append(await asking(rig))
        await rig.advance(1_000 if number % 2 else 0)
    await decide(rig, ids[3])

    found, cursor, pages = [], None, 0
    while True:
        page = await rig.engine.approvals(limit=2, cursor=cursor)
        found += [approval.execution_id for approval in page.items]
        cursor, pages = page.next_cursor, pages + 1
        if cursor is None:
            break

    assert sorted(found) == sorted(set(ids) - {ids[3]})
    assert [ids.index(each) // 2 for each in found] == sorted(ids.index(each) // 2 for each in found)
    assert pages == 3
    with pytest.raises(ValueError, match="cursor"):
        await rig.engine.approvals(cursor="nonsense")


async def test_an_approval_is_explained(rig: Rig) -> None:
    execution_id = await asking(rig, assignees=["ann", "bob"], timeout=60)

    (found,) = await rig.engine.explain(execution_id)

    assert found.waiting_for.startswith("approval by ann, bob until 2")
    assert found.until_ms == rig.now_ms + 60_000
    assert found.wakes == f"POST /v1/executions/{execution_id}/approvals/P, or its time limit"


async def test_an_approval_that_fell_off_its_list_is_put_back(rig: Rig) -> None:
    execution_id = await asking(rig)
    await rig.redis.delete("workflows:approvals")

    await rig.engine.trigger(execution_id)

    assert [each.execution_id for each in (await rig.engine.approvals()).items] == [execution_id]
    assert await rig.repairs(execution_id) == []


async def test_a_fork_asks_anew_only_when_the_change_reaches_it(rig: Rig) -> None:
    execution_id = await asking(rig, node("next", after=["P"]))
    await decide(rig, execution_id)
    await act(rig)

    behind = await rig.engine.fork(execution_id, from_node="next")
    anew = await rig.engine.fork(execution_id, from_node="P")
    await act(rig)

    assert behind.execution_id is not None
    assert anew.execution_id is not None
    assert await rig.status(behind.execution_id) is E.COMPLETED
    assert (await rig.nodes(anew.execution_id))["P"] is N.WAITING


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"quorum": 3, "assignees": ["ann", "bob"]}, "can never be met by 2"),
        ({"quorum": 2, "assignees": ["ann", "ann"]}, "can never be met by 1"),
        ({"quorum": 0}, "greater than or equal to 1"),
        ({"assignees": []}, "names 1 to 100 people"),
        ({"form": {"type": 5}}, "not a valid JSON Schema at form"),
        ({"on_timeout": "approve"}, "there is none"),
        ({"timeout": 5, "on_timeout": "continue"}, "input should be"),
        ({"prompt": None}, "should be a valid string"),
    ],
)
async def test_an_approval_that_cannot_work_is_refused(rig: Rig, config: dict[str, Any], told: str) -> None:
    with pytest.raises(DefinitionInvalid, match=told):
        await rig.submit(ask(**config))


class Processes:
    """Everything a stack has in memory, made anew at each start."""

    def __init__(self, url: str) -> None:
        self.fleet = WorkerFleet(url)
        self.clients = [connect_commands(url), connect_commands(url)]
        self.engine = Engine(*self.clients, catalogue=Catalogue)
        self.store, self.transitions = Store(self.clients[0]), Transitions(self.clients[1])

    async def stop(self) -> None:
        await self.fleet.stop_all()
        for client in self.clients:
            await client.aclose()


@pytest.mark.parametrize("ends", ["decision", "time limit"])
async def test_an_approval_survives_a_restart_of_every_process(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    monkeypatch.setattr("workers.worker.BLOCK_MS", 50)
    before = Processes(redis_url)
    await before.fleet.start()
    document = workflow(ask(timeout="1h", on_timeout="deny"), node("next", after=["P"]))
    execution_id = (await before.engine.submit(document, trigger=True)).execution_id

    async def is_asking() -> bool:
        return bool((await before.engine.approvals()).items)

    await until(is_asking)
    hash_shown = (await before.engine.approval(execution_id, "P")).shown
    await before.stop()

    after = Processes(redis_url)
    try:
        (found,) = (await after.engine.approvals()).items
        assert (found.execution_id, found.shown) == (execution_id, hash_shown)
        if ends == "decision":
            await after.engine.decide(execution_id, "P", decision="approve", by="ann", shown=hash_shown)
        else:
            after.transitions.now_ms = await after.store.now_ms() + 3_600_000
            await timers.run_once(after.store, after.transitions, after.transitions.now_ms)
        await after.fleet.start("worker-2")

        async def has_ended() -> bool:
            return (await after.engine.status(execution_id)).is_terminal

        await until(has_ended)
        decided = output_of((await after.engine.results(execution_id))["P"])
        assert decided["decision"] == ("approve" if ends == "decision" else "deny")
        assert await after.engine.status(execution_id) is E.COMPLETED
    finally:
        await after.stop()
