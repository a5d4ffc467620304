"""Who waits for the end of an execution is woken by that alone, and who watches it by all that happens."""

from __future__ import annotations

from orchestrator.redis_keys import Keys
from orchestrator.states import ExecutionStatus
from tests.makers import Rig, node
from tests.patience import PATIENCE_S


async def sent(rig: Rig, execution_id: str) -> dict[str, list[str]]:
    """Let an execution fail, retry, cancel and purge it; gives the messages of both its channels."""
    keys, listener = Keys(), rig.redis.pubsub(ignore_subscribe_messages=True)
    news, end = keys.events(execution_id), keys.end_channel(execution_id)
    await listener.subscribe(news, end)
    await rig.engine.executions.trigger(execution_id)
    await rig.worker.complete(await rig.worker.start_one("A"))
    await rig.worker.fail(await rig.worker.start_one("B"))
    assert await rig.engine.executions.status(execution_id) is ExecutionStatus.FAILED
    await rig.engine.executions.retry(execution_id)
    await rig.engine.executions.cancel(execution_id, request_id="stop")
    events = await rig.store.events(execution_id, after=0, limit=100)
    await rig.engine.executions.purge(execution_id)
    messages: dict[str, list[str]] = {news: [], end: []}
    # The last message of a channel says that there is nothing left.
    while messages[end][-1:] != ["0"]:
        if message := await listener.get_message(timeout=PATIENCE_S):
            messages[message["channel"].decode()].append(message["data"].decode())
    await listener.aclose()
    ends = [str(each.seq) for each in events if each.type in ("execution.failed", "execution.cancelled")]
    return {"news": messages[news], "end": messages[end], "ends": ends, "last": [str(events[-1].seq)]}


async def test_the_channel_of_the_end_has_ends_alone(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]), trigger=False)

    found = await sent(rig, execution_id)

    assert len(found["ends"]) == 2
    assert found["end"] == [*found["ends"], "0"]
    assert found["news"][-2:] == [*found["last"], "0"]
    assert len(found["news"]) > len(found["end"])
