"""What a reply that claims brings along: as much as it has room for, the rest by its length only."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from orchestrator.execution.model import Awaiting
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from orchestrator.store.library import compose, sources
from orchestrator.store.replies import REPLY_BYTES, Claim
from orchestrator.store.requests import AttemptToken, Idempotency, OperatorNote
from orchestrator.store.script_client import Call
from tests.makers import Rig, WorkerFleet, node, until

N = NodeStatus
LARGE = REPLY_BYTES // 8


def size_of(reply: Any) -> int:
    """Bytes of a raw reply, without the protocol's own."""
    if isinstance(reply, list):
        return sum(size_of(part) for part in reply)
    return 8 if isinstance(reply, int) else len(reply)


async def raw(rig: Rig, call: Call[Any]) -> Any:
    (reply,) = await rig.transitions._send([call])
    assert not isinstance(reply, Exception), reply
    return reply


async def narrowed(rig: Rig, **constants: int) -> None:
    """Give the scripts other constants."""
    files = sources()
    for name, value in constants.items():
        file, line = next(
            (file, line)
            for file in ("include/claim", "include/replies")
            for line in files[file].splitlines()
            if line.startswith(f"local {name} = ")
        )
        files[file] = files[file].replace(line, f"local {name} = {value}")
    rig.transitions.library = compose(rig.transitions.keys, files)
    await rig.transitions.load()


def text_of(letter: str, length: int = LARGE) -> str:
    return letter * length


def reading(name: str, *wanted: str, after: str) -> dict[str, Any]:
    """A node that refers to outputs."""
    return node(name, after=[after], config={"x": "".join(f"{{{{ {each}.text }}}}" for each in wanted)})


async def ready(rig: Rig, producers: int, consumers: int, length: int = LARGE) -> AttemptToken:
    """Complete producers of large outputs; the attempt of the node before those that read them all."""
    names = [f"p{i}" for i in range(producers)]
    await rig.submit(
        *(node(name) for name in names),
        node("gate", after=names),
        *(reading(f"c{i}", *names, after="gate") for i in range(consumers)),
    )
    for name, token in (await rig.worker.start()).items():
        await rig.worker.complete(token, {"text": text_of(name[-1], length)})
    return await rig.worker.start_one("gate")


def texts(claim: Claim) -> dict[str, int]:
    return {name: len(text) for name, _, text in claim.references}


async def test_a_large_output_goes_once_into_a_reply_and_every_claim_has_it(rig: Rig) -> None:
    held = await ready(rig, producers=2, consumers=6)
    call = rig.transitions.complete_node(held, b"{}", claiming=rig.worker.claiming(6))

    size = size_of(await raw(rig, call))
    claims = (await call).claims

    assert LARGE * 2 < size < LARGE * 2.1
    assert [claim.node_id for claim in claims] == [f"c{i}" for i in range(6)]
    assert all(claim.unread == () for claim in claims)
    assert len({claim.references for claim in claims}) == 1
    assert texts(claims[5]) == {"p0": LARGE + 11, "p1": LARGE + 11}


async def test_what_has_no_room_is_named_with_its_length_and_read_afterwards(rig: Rig) -> None:
    held = await ready(rig, producers=7, consumers=3)
    call = rig.transitions.complete_node(held, b"{}", claiming=rig.worker.claiming(3))

    size = size_of(await raw(rig, call))
    claims = (await call).claims
    filled = await rig.store.claim_texts.fill(claims)

    assert size <= REPLY_BYTES
    assert [len(claim.unread) for claim in claims] == [4, 4, 4]
    assert all(length == LARGE + 11 for claim in claims for _, length in claim.unread)
    assert [claim.unread for claim in filled] == [(), (), ()]
    for claim in filled:
        assert claim.references == tuple(
            (f"p{i}", "COMPLETED", b'{"text":"%s"}' % text_of(str(i)).encode()) for i in range(7)
        )
    # Held once, however many refer to it.
    first, second = (claim.references[6][2] for claim in filled[:2])
    assert first is second


async def test_a_call_sent_again_brings_the_same_claims(rig: Rig) -> None:
    held = await ready(rig, producers=7, consumers=20)
    call = rig.transitions.complete_node(held, b"{}", claiming=rig.worker.claiming(20))

    first, second = await call, await call

    assert (first.word, second.word) == ("ok", "dup")
    assert len(first.claims) == 20
    assert second.claims == first.claims


async def test_a_single_claim_is_answered_however_much_it_refers_to(rig: Rig) -> None:
    held = await ready(rig, producers=12, consumers=1)
    await rig.worker.complete(held)
    (task,) = await rig.worker.read()

    claim = await rig.worker.claim(task)

    assert isinstance(claim, Claim)
    assert sum(texts(claim).values()) <= REPLY_BYTES / 2
    assert sum(length for _, length in claim.unread) + sum(texts(claim).values()) == 12 * (LARGE + 11)


async def test_claims_sent_together_share_one_budget(rig: Rig) -> None:
    held = await ready(rig, producers=3, consumers=4)
    await rig.worker.complete(held)
    tasks = await rig.worker.read()
    calls = [
        rig.transitions.claim_node(
            rig.worker.token(task), message_id=task.message_id, queue=task.queue, worker_id="w1",
            lease_ms=15_000, most_bytes=REPLY_BYTES // len(tasks),
        )
        for task in tasks
    ]  # fmt: skip

    replies = await rig.transitions._send(calls)

    assert len(tasks) == 4
    assert size_of(replies) <= REPLY_BYTES


async def test_no_further_task_is_claimed_once_more_is_named_than_a_worker_should_hold(rig: Rig) -> None:
    await narrowed(rig, REPLY_BYTES=4_096, NAMED_BYTES=10_000, CLAIMS_IN_A_STEP=1)
    names = [f"p{i}" for i in range(6)]
    await rig.submit(
        *(node(name) for name in names), node("gate", after=names),
        *(reading(f"c{i}", f"p{i}", after="gate") for i in range(6)),
    )  # fmt: skip
    for token in (await rig.worker.start()).values():
        await rig.worker.complete(token, {"text": "x" * 5_000})
    held = await rig.worker.start_one("gate")

    ended = await rig.worker.complete(held, claiming=rig.worker.claiming(6))
    left = await rig.worker.start()

    assert [claim.node_id for claim in ended.claims] == ["c0", "c1"]
    assert set(left) == {"c2", "c3", "c4", "c5"}


async def test_no_further_task_is_claimed_once_the_reply_is_half_full(rig: Rig) -> None:
    await narrowed(rig, REPLY_BYTES=4_096, CLAIMS_IN_A_STEP=1)
    await rig.submit(node("A"), *(node(f"n{i}", after=["A"], config={"text": "y" * 900}) for i in range(6)))
    held = await rig.worker.start_one("A")
    call = rig.transitions.complete_node(held, b"{}", claiming=rig.worker.claiming(6))

    size = size_of(await raw(rig, call))

    assert size <= 4_096
    assert [claim.node_id for claim in (await call).claims] == ["n0", "n1"]


async def test_tasks_are_read_in_steps_until_there_are_no_more(rig: Rig) -> None:
    await narrowed(rig, CLAIMS_IN_A_STEP=2)
    await rig.submit(node("A"), *(node(f"n{i}", after=["A"]) for i in range(5)))
    held = await rig.worker.start_one("A")

    ended = await rig.worker.complete(held, claiming=rig.worker.claiming(4))

    assert [claim.node_id for claim in ended.claims] == [f"n{i}" for i in range(4)]
    assert list(await rig.worker.start()) == ["n4"]


async def test_inputs_items_and_signals_may_be_large_too(rig: Rig) -> None:
    execution_id = await rig.submit(
        node("M", config={"x": "{{ inputs.a }}{{ item }}"}, map={"items": "{{ inputs.list }}"}),
        node("W", handler="wait_for_signal", config={"name": "go"}),
        trigger=False,
    )
    await rig.engine.executions.trigger(execution_id, {"a": "z" * 9_000, "list": [1]})
    held = await rig.worker.start()
    await rig.engine.signals.send(execution_id, "go", "s" * 7_000, idempotency=Idempotency.unnamed())
    await rig.transitions.map_node(held["M"], [b'"%s"' % (b"v" * 8_000)], tolerated=0, stops=False)
    await rig.transitions.await_node(held["W"], Awaiting(WaitingOn.SIGNAL, "go", {}, None, {}))

    claims = {}
    for task in await rig.worker.read():
        claim = await rig.transitions.claim_node(
            rig.worker.token(task), message_id=task.message_id, queue=task.queue, worker_id="w1",
            lease_ms=15_000, most_bytes=100,
        )  # fmt: skip
        assert isinstance(claim, Claim)
        claims[claim.node_id] = claim
    filled = {claim.node_id: claim for claim in await rig.store.claim_texts.fill(list(claims.values()))}

    assert dict(claims["M[0]"].unread) == {"$inputs": 9_019, "$value": 8_002}
    assert dict(claims["W"].unread) == {"$resume": 7_013}
    assert filled["M[0]"].inputs.startswith(b'{"a":"zzz')
    assert filled["M[0]"].value == b'"%s"' % (b"v" * 8_000)
    assert filled["W"].resume == b'{"signal":"%s"}' % (b"s" * 7_000)


async def test_small_outputs_cost_no_command_beside_their_reading(rig: Rig) -> None:
    held = await ready(rig, producers=3, consumers=5, length=100)
    await rig.redis.config_resetstat()

    ended = await rig.worker.complete(held, claiming=rig.worker.claiming(5))

    stats = await rig.redis.info("commandstats")
    assert len(ended.claims) == 5
    assert "cmdstat_strlen" not in stats
    assert stats["cmdstat_xreadgroup"]["calls"] == 1
    assert all(set(texts(claim).values()) == {111} for claim in ended.claims)


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_a_worker_reads_what_found_no_room_before_it_runs_the_node(
    rig: Rig, fleet: WorkerFleet, concurrency: int
) -> None:
    rig.transitions.now_ms = None
    names = [f"p{i}" for i in range(6)]
    wanted = " + ".join(f"({name}.text | length)" for name in names)
    execution_id = await rig.submit(
        *(node(name) for name in names),
        node("gate", after=names),
        *(node(f"c{i}", after=["gate"], when=f"{{{{ {wanted} == {6 * LARGE} }}}}") for i in range(9)),
    )
    for name in names:
        await rig.engine.nodes.complete(execution_id, name, {"text": text_of(name[-1])}, OperatorNote("ann"))
    await fleet.start(concurrency=concurrency)

    await until(lambda: _has_ended(rig, execution_id))

    assert await rig.status(execution_id) is ExecutionStatus.COMPLETED
    # A text that is missing or cut would make the condition false, and the node SKIPPED.
    assert set((await rig.nodes(execution_id)).values()) == {N.COMPLETED}


async def _has_ended(rig: Rig, execution_id: str) -> bool:
    return (await rig.status(execution_id)).is_terminal


async def commands(rig: Rig, name: str) -> int:
    """How often a command has been carried out since the counts were set back."""
    stats: dict[str, Any] = (await rig.redis.info("commandstats")).get(f"cmdstat_{name}", {})
    return int(stats.get("calls", 0))


async def test_outputs_are_read_in_parts_of_which_none_is_too_large(rig: Rig) -> None:
    execution_id = await rig.submit(*(node(f"p{i}") for i in range(10)))
    for name, token in (await rig.worker.start()).items():
        await rig.worker.complete(token, {"text": text_of(name[-1], 1_000_000)})
    await rig.redis.config_resetstat()

    results = await rig.engine.executions.results(execution_id)

    assert [results[f"p{i}"][:10] for i in range(10)] == [b'{"text":"%d' % i for i in range(10)]  # type: ignore[index]
    assert await commands(rig, "mget") == 3


async def test_the_outputs_of_items_are_read_a_few_first_and_then_more(rig: Rig) -> None:
    execution_id = await rig.submit(node("M", map={"items": list(range(100)), "max_concurrency": 100}))
    values = [b"%d" % i for i in range(100)]
    await rig.transitions.map_node(await rig.worker.start_one("M"), values, tolerated=0, stops=False)
    for unit, token in (await rig.worker.start()).items():
        await rig.worker.complete(token, unit)
    pages: list[int] = []
    page = rig.store.items.page

    async def counted(execution_id: str, node_id: str, first: int, count: int) -> Any:
        found = await page(execution_id, node_id, first, count)
        pages.append(len(found))
        return found

    rig.store.items.page = counted  # type: ignore[method-assign, assignment]

    outputs, _ = await rig.store.items.output(execution_id, "M", with_ends=False, max_bytes=1_000_000)

    assert orjson.loads(orjson.dumps(outputs)) == [f"M[{i}]" for i in range(100)]
    assert pages == [16, 32, 52, 0]
