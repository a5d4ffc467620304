"""What a message says to those who wait for the end of an execution: that it has come, or that more does."""

from __future__ import annotations

from orchestrator.redis_keys import Keys
from orchestrator.states import ExecutionStatus
from orchestrator.store.subscription import HAS_ENDED
from tests.makers import Rig, node
from tests.patience import PATIENCE_S


async def sent(rig: Rig, execution_id: str) -> list[tuple[str, bool]]:
    """Let an execution fail, retry and cancel it; gives the number of each message, and if it says an end."""
    channel = rig.redis.pubsub(ignore_subscribe_messages=True)
    await channel.subscribe(Keys().events(execution_id))
    await rig.engine.executions.trigger(execution_id)
    await rig.worker.complete(await rig.worker.start_one("A"))
    await rig.worker.fail(await rig.worker.start_one("B"))
    assert await rig.engine.executions.status(execution_id) is ExecutionStatus.FAILED
    await rig.engine.executions.retry(execution_id)
    await rig.engine.executions.cancel(execution_id, request_id="stop")
    last, messages = await rig.store.seq(execution_id), [("", False)]
    while messages[-1][0] != str(last):
        if message := await channel.get_message(timeout=PATIENCE_S):
            number, _, rest = message["data"].decode().partition(" ")
            messages.append((number, HAS_ENDED[rest.encode()]))
    await channel.aclose()
    return messages


async def test_the_message_of_an_end_says_so_and_no_other(rig: Rig) -> None:
    execution_id = await rig.submit(node("A"), node("B", after=["A"]), trigger=False)

    messages = await sent(rig, execution_id)

    events = await rig.store.events(execution_id, after=0, limit=100)
    ends = {str(each.seq) for each in events if each.type in ("execution.failed", "execution.cancelled")}
    assert len(ends) == 2
    assert {number for number, has_ended in messages if has_ended} == ends
    assert len(messages) > len(ends)
