"""Durable handlers in both kinds of hosts: they write down what they do, wait for letters, and go on."""

from __future__ import annotations

import orjson
import pytest

from orchestrator.execution.model import NodeState
from orchestrator.states import ExecutionStatus, NodeStatus, WaitingOn
from tests.fake_handlers import ended, start
from tests.integration.hosts.projects import Project
from tests.makers import node, until
from workers.context import Toolbox

#: Says every letter in capitals, until it gets `end`; parks while there is none.
SHOUTS = """
    def state(journal):
        return [each.data for each in journal.entries]

    @handler("awaits", durable=True)
    async def awaits(config, context):
        said = state(await context.journal.read())
        while True:
            try:
                letter = await context.inbox.receive(timeout_s=config.get("patience_s", 0))
            except TimeoutError:
                return Parked(waits_for=["the next word"])
            if letter.payload == "end":
                return said
            said.append(letter.payload.upper())
            await context.journal.append(said[-1], events=[("Said", said[-1])], takes=letter)

    @handler("waits", durable=True)
    def waits(config, context):
        said = state(context.journal.read())
        while True:
            try:
                letter = context.inbox.receive(timeout_s=config.get("patience_s", 0))
            except TimeoutError:
                return Parked(waits_for=["the next word"])
            if letter.payload == "end":
                return said
            said.append(letter.payload.upper())
            context.journal.append(said[-1], events=[("Said", said[-1])], takes=letter)
"""


async def state_of(project: Project, execution_id: str) -> NodeState:
    return (await project.engine.nodes.get(execution_id, "A")).state


async def parked(project: Project, execution_id: str) -> None:
    async def is_parked() -> bool:
        return (await state_of(project, execution_id)).waiting_on is WaitingOn.INBOX

    await until(is_parked)


async def post(project: Project, execution_id: str, *words: str) -> None:
    for word in words:
        await project.engine.inboxes.post(execution_id, "A", word)


@pytest.mark.parametrize("handler", ["awaits", "waits"])
async def test_a_handler_parks_and_goes_on_with_each_letter(project: Project, handler: str) -> None:
    await project.start(SHOUTS)
    execution_id = await start(project.engine, node("A", handler=handler))
    await parked(project, execution_id)

    await post(project, execution_id, "one", "two")
    await parked(project, execution_id)
    await post(project, execution_id, "three", "end")

    assert await ended(project.engine, execution_id) is ExecutionStatus.COMPLETED
    assert await project.output(execution_id) == ["ONE", "TWO", "THREE"]
    events = await project.engine.events.list(execution_id)
    said = [orjson.loads(event.data)["value"] for event in events if event.type == "node.event"]
    assert said == ["ONE", "TWO", "THREE"]
    assert (await state_of(project, execution_id)).tries == 1


@pytest.mark.parametrize("handler", ["awaits", "waits"])
async def test_a_running_handler_hears_of_a_letter_at_once(project: Project, handler: str) -> None:
    await project.start(SHOUTS)
    execution_id = await start(project.engine, node("A", handler=handler, config={"patience_s": 600}))
    for count, word in enumerate(("one", "two", "end")):

        async def has_said(count: int = count) -> bool:
            # It waits for the next letter then, as far as can be seen from outside.
            has_begun = (await state_of(project, execution_id)).status is NodeStatus.RUNNING
            return has_begun and len(await project.events(execution_id, "node.event")) == count

        await until(has_said)
        await post(project, execution_id, word)

    # Sooner than the time within which it would look by itself.
    assert await ended(project.engine, execution_id) is ExecutionStatus.COMPLETED

    assert await project.output(execution_id) == ["ONE", "TWO"]
    assert (await state_of(project, execution_id)).attempt == 1


async def test_a_process_that_dies_loses_nothing_that_was_written_down(project: Project) -> None:
    worker = await project.start(
        """
    @handler("counts", durable=True)
    async def counts(config, context):
        seen = [each.data for each in (await context.journal.read()).entries]
        for number in range(len(seen), 4):
            entry = await context.journal.append(number)
            assert entry.number == number + 1
            if number in (1, 2):
                os.kill(os.getpid(), signal.SIGKILL)
        return (await context.journal.read()).last
    """
    )
    policy = {"max_attempts": 5, "initial_interval": 0.01}
    execution_id = await start(project.engine, node("A", handler="counts", retry=policy))

    assert await ended(project.engine, execution_id) is ExecutionStatus.COMPLETED
    assert await project.output(execution_id) == 4
    found = await project.engine.inboxes.journal(execution_id, "A")
    assert [entry.data for entry in found.entries] == [b"0", b"1", b"2", b"3"]
    assert worker is not None


async def test_limits_and_misuse_are_errors_of_the_handler(project: Project) -> None:
    await project.start(
        """
    @handler("tries", durable=True)
    async def tries(config, context):
        found = []
        for call in (
            lambda: context.journal.append("x" * 1_048_577),
            lambda: context.journal.append(float("nan")),
            lambda: context.journal.append(1, takes=7),
            lambda: context.journal.append(1, events=[("not a name", 1)]),
            lambda: context.journal.snapshot(1, through=9),
        ):
            try:
                await call()
            except Terminal as error:
                found.append(error.error_type)
        await context.journal.append("whole")
        await context.journal.snapshot("so far", through=1)
        journal = await context.journal.read()
        return [*found, journal.snapshot, journal.through, len(journal.entries)]

    @handler("plain")
    async def plain(config, context):
        try:
            await context.journal.read()
        except Terminal as error:
            return str(error)

    @handler("parks")
    async def parks(config, context):
        return Parked()
    """
    )
    ids = [await start(project.engine, node("A", handler=name)) for name in ("tries", "plain", "parks")]
    for execution_id in ids:
        await ended(project.engine, execution_id)

    fault = "HandlerError"
    expected = ["JournalTooLarge", fault, fault, "EventInvalid", fault, "so far", 1, 0]
    assert await project.output(ids[0]) == expected
    assert (
        await project.output(ids[1]) == "context.journal is for handlers that are declared with durable=True"
    )
    error = (await state_of(project, ids[2])).error
    assert error is not None
    assert error["message"] == "handler 'parks' returned Parked, and is not declared with durable=True"


async def test_a_cancel_ends_the_wait_for_a_letter(project: Project) -> None:
    await project.start(SHOUTS)
    execution_id = await start(project.engine, node("A", handler="awaits", config={"patience_s": 600}))

    async def runs() -> bool:
        return (await state_of(project, execution_id)).status is NodeStatus.RUNNING

    await until(runs)
    await project.engine.executions.cancel(execution_id, grace_ms=60_000, request_id="c")

    assert await ended(project.engine, execution_id) is ExecutionStatus.CANCELLED


async def test_a_wait_that_is_given_up_takes_nothing_along(project: Project) -> None:
    await project.start(
        """
    @handler("hurries", durable=True)
    async def hurries(config, context):
        writing = asyncio.create_task(context.journal.append("one"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        writing.cancel()
        waiting = asyncio.create_task(context.inbox.receive())
        await asyncio.sleep(0.05)
        waiting.cancel()
        entry = await context.journal.append("two")
        return [each.data for each in (await context.journal.read()).entries], entry.number
    """
    )
    execution_id = await start(project.engine, node("A", handler="hurries"))

    assert await ended(project.engine, execution_id) is ExecutionStatus.COMPLETED
    assert await project.output(execution_id) == [["one", "two"], 2]


async def test_secrets_are_taken_out_of_what_is_written_down(project: Project) -> None:
    await project.start(
        """
    @handler("tells", durable=True, secrets=("key",))
    async def tells(config, context):
        key = config["key"]
        await context.journal.append({"key": key}, events=[("Told", key)])
        await context.journal.append([f"Bearer {key}"])
        await context.journal.snapshot(key, through=1)
        return Parked(waits_for=[f"somebody who knows {key}"])
    """,
        tools=Toolbox(secrets={"K": "c4nary-t0ken"}),
    )
    config = {"key": "{{ secrets.K }}"}
    execution_id = await start(project.engine, node("A", handler="tells", config=config))
    await parked(project, execution_id)

    found = await project.engine.inboxes.journal(execution_id, "A")
    assert (found.snapshot, found.entries[0].data) == (b'"***"', b'["Bearer ***"]')
    said = [event.data for event in await project.engine.events.list(execution_id)]
    assert not [data for data in said if b"c4nary" in data]
    assert [data for data in said if b"somebody who knows ***" in data]


async def test_each_item_of_a_map_has_a_journal_and_an_inbox(project: Project) -> None:
    await project.start(SHOUTS)
    execution_id = await start(project.engine, node("A", handler="awaits", map={"items": [0, 1]}))

    async def are_listed() -> bool:
        return len((await project.engine.nodes.items(execution_id, "A")).items) == 2

    await until(are_listed)
    for unit, words in (("A[1]", ("x", "end")), ("A[0]", ("y", "z", "end"))):
        for word in words:
            await project.engine.inboxes.post(execution_id, unit, word)

    assert await ended(project.engine, execution_id) is ExecutionStatus.COMPLETED
    rows = await project.output(execution_id)
    assert [row["output"] if isinstance(row, dict) else row for row in rows] == [["Y", "Z"], ["X"]]
    assert (await project.engine.inboxes.journal(execution_id, "A[0]")).last == 2
