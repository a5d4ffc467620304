"""Runs of workflows of the library, attempt after attempt: what is kept of them, and what is done again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from workflows import Workflow, step
from workflows.events import StartEvent, StopEvent
from workflows.handler import WorkflowHandler

from headrace import Cancelled, Completed, Terminal
from headrace.durable import Entry, Journaled
from headrace.fake_context import FakeContext
from headrace.fake_durable import FakeJournal
from headrace.llama import run
from headrace.llama.handlers import ServedWorkflow
from headrace.llama.known_types import KnownTypes
from headrace.llama.records import Kept, Records
from headrace.llama.run import Run
from headrace.llama.runtime import JournaledRuntime
from headrace.llama.server import Served
from headrace.registration import HANDLER_REGISTRY

YES = {"type": "ResponseEvent", "value": {"response": "yes"}, "step": None}
Counts = Callable[[], Counter[str]]
Play = Callable[..., Any]


def published(lived: Any) -> list[tuple[str, Any]]:
    """The events that a run has published, but for those of the library's own."""
    own = ("StepStateChanged", "WorkflowIdleEvent", "UnhandledEvent")
    return [event for attempt in lived.attempts for event in attempt.events if event[0] not in own]


async def test_a_run_gives_its_events_and_its_result(play: Play) -> None:
    lived = await play("greet", {"name": "Ada"})

    assert lived.output == "Hello, Ada!"
    assert published(lived) == [("StreamEvent", {"sequence": number}) for number in range(3)]


async def test_a_run_waits_for_a_person_without_a_worker(play: Play) -> None:
    lived = await play("human", letters=[(86_400, YES)])

    assert [each.outcome for each in lived.attempts] == ["parked", "completed"]
    assert lived.attempts[0].waits_for == ("an event: ResponseEvent",)
    assert lived.output == {"output": "Hello, yes"}
    assert published(lived) == [("RequestEvent", {"prompt": "What is your name?"})]
    assert lived.letters == ()


@pytest.mark.parametrize("most_entries", [1, 2, 200])
@pytest.mark.parametrize("lost_after", [[], [1], [2], [3], [4], [2, 4, 6], list(range(1, 12))])
async def test_whatever_is_lost_the_result_is_the_same(
    play: Play, counts: Counts, lost_after: list[int], most_entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MOST_ENTRIES", most_entries)
    lived = await play("gather", {"run": "r"}, letters=[(100, YES)], lost_after=lost_after)

    assert lived.output == {"numbers": [0, 1, 2, 3], "sum": 6, "answer": "yes"}
    assert [counts()[each] for each in ("split", "joined", "confirmed")] == [1, 1, 1]


async def test_a_step_whose_result_was_written_down_does_not_run_again(play: Play, counts: Counts) -> None:
    lived = await play("tried", {"run": "r"}, lost_after=[1, 2, 3])

    assert lived.output == 3
    assert counts() == {"first": 1, "second": 3}


async def test_what_the_loop_says_of_a_park_is_published(play: Play) -> None:
    lived = await play("human", letters=[(86_400, YES)])

    first = [value.get("step_state", type) for type, value in lived.attempts[0].events]
    assert first == ["running", "not_running", "RequestEvent", "WorkflowIdleEvent"]


async def test_an_event_of_a_step_that_cannot_be_kept_fails_its_run(play: Play) -> None:
    lived = await play("unwritable")

    error = lived.ran.error
    assert error is not None
    assert error.type == "EventInvalid"
    assert error.message.startswith("the value of event 'Odd' is not JSON: value.text has half")


async def test_a_workflow_has_its_time_though_it_is_parked(play: Play) -> None:
    lived = await play("hasty", {"run": "r", "pause_s": 50})

    assert lived.ran.error is not None
    assert lived.ran.error.message == "Operation timed out after 5.0 seconds. No steps active"
    assert lived.ran.error.details["event"]["type"] == "WorkflowTimedOutEvent"
    assert lived.elapsed_ms < 10_000


async def test_inputs_that_make_no_start_event_are_refused_before_a_run_and_else_by_its_class(
    play: Play,
) -> None:
    brought = HANDLER_REGISTRY["workflow_server.flaky"].workflow
    lived = await play("flaky", {"run": "r", "pause_s": "soon"})

    assert brought is not None
    assert brought["inputs"]["required"] == ["run"]
    error = lived.ran.error
    assert error is not None
    assert (error.type, error.retryable) == ("ConfigError", False)
    assert "the inputs make no Started" in error.message


async def test_a_failure_is_the_event_that_clients_know(play: Play) -> None:
    lived = await play("flaky", {"run": "r"})

    error = lived.ran.error
    assert error is not None
    assert (error.type, error.message, error.retryable) == ("ValueError", "not today", False)
    event = error.details["event"]
    assert (event["type"], event["types"]) == ("WorkflowFailedEvent", ["StopEvent"])
    assert event["value"]["step_name"] == "second"
    assert error.details["traceback"].splitlines()[1].endswith(", in second")


async def test_a_run_that_has_failed_goes_on_at_the_step_that_did(play: Play, counts: Counts) -> None:
    failed = await play("flaky", {"run": "r"})
    entries = [entry.data for entry in (await failed.journal.read()).entries]

    lived = await play("flaky", {"run": "r"}, entries=entries)

    assert lived.output == "fine"
    assert counts() == {"first": 1, "second": 2}


async def test_a_workflow_inside_of_a_step_is_of_the_step(play: Play, counts: Counts) -> None:
    lived = await play("nested", {"run": "r"}, lost_after=[1])

    assert lived.output == 42
    assert counts() == {"outer": 1}


@pytest.mark.parametrize(
    "letter",
    [
        "text",
        {"value": {}},
        {"type": "os.system", "value": {}},
        {"type": "ResponseEvent", "value": {}},
        {"type": "ResponseEvent", "value": ["no fields"]},
    ],
)
async def test_a_letter_that_is_no_event_is_taken_and_said(play: Play, letter: Any) -> None:
    lived = await play("human", letters=[(1, letter), (2, YES)])

    assert lived.output == {"output": "Hello, yes"}
    assert lived.letters == ()
    lines = [line for attempt in lived.attempts for line in attempt.lines]
    assert any("letter 1 is no event of this workflow" in str(line) for line in lines)


async def test_code_that_has_changed_waits_for_an_operator(play: Play) -> None:
    failed = await play("flaky", {"run": "r"})
    entries = [entry.data for entry in (await failed.journal.read()).entries]
    entries[0]["code"]["second"] = "older"

    lived = await play("flaky", {"run": "r"}, entries=entries)

    error = lived.ran.error
    assert error is not None
    assert error.type == "CodeChanged"
    assert "'second' was older and is " in error.message
    assert error.details["steps"]["second"]["was"] == "older"
    # What an operator resumes goes on with the code that is here.
    accepted = [entry.data for entry in (await lived.journal.read()).entries]
    assert (await play("flaky", {"run": "r"}, entries=accepted)).output == "fine"


class SlowJournal(FakeJournal):
    """Writes its entries once it may; the first `refused` of them never."""

    def __init__(self, refused: int = 0) -> None:
        super().__init__()
        self.asked, self.may_write, self.refused = asyncio.Event(), asyncio.Event(), refused

    async def append(self, data: Any, **more: Any) -> Entry:  # type: ignore[override]
        self.asked.set()
        await self.may_write.wait()
        if self.refused > len(self.entries):
            raise Terminal("this attempt has been replaced", type="LeaseLost")
        return super().append(data, **more)


async def turns() -> None:
    """Let the loop turn as often as a step needs to begin."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_step_begins_once_what_was_before_it_is_written(play: Play, counts: Counts) -> None:
    journal = SlowJournal()
    context = FakeContext(journal=journal)
    running = asyncio.ensure_future(
        HANDLER_REGISTRY["workflow_server.flaky"].function({"start": {"run": "r"}}, context)
    )
    await journal.asked.wait()
    await turns()
    assert counts() == {"first": 1}

    journal.may_write.set()

    with pytest.raises(Terminal, match="not today"):
        await running
    assert counts() == {"first": 1, "second": 1}


async def test_a_step_never_begins_where_what_was_before_it_cannot_be_written(
    play: Play, counts: Counts
) -> None:
    journal = SlowJournal(refused=1)
    running = asyncio.ensure_future(
        HANDLER_REGISTRY["workflow_server.flaky"].function(
            {"start": {"run": "r"}}, FakeContext(journal=journal)
        )
    )
    await journal.asked.wait()
    await turns()

    journal.may_write.set()

    with pytest.raises(Terminal, match="replaced"):
        await running
    await turns()
    assert counts() == {"first": 1}
    assert not [each for each in asyncio.all_tasks() if "worker" in repr(each.get_coro())]


async def test_a_step_ends_with_its_attempt(play: Play, counts: Counts) -> None:
    context = FakeContext()
    running = asyncio.ensure_future(
        HANDLER_REGISTRY["workflow_server.busy"].function({"start": {"run": "r"}}, context)
    )
    while not counts():
        await asyncio.sleep(0)
    begun = asyncio.all_tasks() - {asyncio.current_task()}

    context.cancelled.set()

    with pytest.raises(Cancelled):
        await running
    await turns()
    # What it listens with goes, too.
    assert [each for each in begun if not each.done()] == []


async def test_the_last_events_are_given_with_the_end(play: Play) -> None:
    journal = SlowJournal()
    journal.may_write.set()
    context = FakeContext(journal=journal)

    ended = await HANDLER_REGISTRY["workflow_server.greet"].function({"start": {"name": "Ada"}}, context)

    assert isinstance(ended, Completed)
    assert ended.output == "Hello, Ada!"
    states = [event[1]["step_state"] for event in ended.events if event[0] == "StepStateChanged"]
    assert states == ["not_running"]


async def test_a_result_is_written_before_the_loop_has_thought_out_what_follows_from_it(play: Play) -> None:
    lived = await play("chain")

    first, second = ([tick["type"] for tick in entry.data["ticks"]] for entry in lived.journal.entries)
    assert (first[-1], second) == ("step_result", ["add_event", "step_result"])


async def test_what_a_step_says_stands_behind_its_beginning(play: Play) -> None:
    lived = await play("greet", {"name": "Ada"})

    (attempt,) = lived.attempts
    said = [value.get("step_state", type) for type, value in attempt.events]
    assert said == ["running", "StreamEvent", "StreamEvent", "StreamEvent", "not_running"]


async def test_an_older_attempt_that_ends_leaves_the_newer_one_alone() -> None:
    runtime, workflow = JournaledRuntime(), Plain()
    workflow._switch_runtime(runtime)

    def attempt() -> Run:
        return Run(
            "run",
            FakeContext(),
            Records(workflow, KnownTypes()),
            Kept(),
            classes={},
            code={},
            may_repeat=False,
        )

    older, newer = attempt(), attempt()
    runtime.begin(older)
    runtime.begin(newer)
    runtime.end(older)

    assert runtime._runs == {"run": newer}


class Plain(Workflow):
    @step
    async def only(self, ev: StartEvent) -> StopEvent:
        return StopEvent()


class Noting(Workflow):
    def run(self, *arguments: Any, **named: Any) -> WorkflowHandler:
        vars(self)["was_run"] = named["run_id"]
        return super().run(*arguments, **named)

    @step
    async def only(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=vars(self)["was_run"])


async def test_a_workflow_with_a_run_of_its_own_is_begun_by_it() -> None:
    workflow, runtime = Noting(), JournaledRuntime()
    runtime.serve(workflow)
    served = ServedWorkflow(Served("noting", workflow), runtime, KnownTypes())
    context = FakeContext()

    ended = await served.run({}, context)

    assert ended.output == f"{context.execution_id}/{context.node_id}"


async def test_a_snapshot_of_another_version_is_not_guessed_at() -> None:
    with pytest.raises(Terminal, match="its version is 2; this one reads 1") as raised:
        await Records(Plain(), KnownTypes()).read(Journaled({"version": 2}, 1), "run")

    assert raised.value.error_type == "RunUnreadable"


async def test_a_journal_of_something_else_is_an_error_that_says_so(play: Play) -> None:
    lived = await play("flaky", {"run": "r"}, entries=[{"ticks": [{"type": "sorcery"}]}])

    assert lived.ran.error is not None
    assert lived.ran.error.type == "RunUnreadable"
