"""A file that is served: workflows of the library, each of whose steps notes that it has begun.

COUNTS  a file that gets a line for each step that begins: its workflow's name for the run, and the step.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from llama_agents.server import WorkflowServer
from pydantic import Field
from workflows import Context, Workflow, step
from workflows.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent
from workflows.retry_policy import retry_policy, stop_after_attempt, wait_fixed


def began(run: str, what: str) -> int:
    """Note that a step has begun; gives how often it has by now."""
    path = os.environ.get("COUNTS", os.devnull)
    with open(path, "a+") as file:
        file.write(f"{run} {what}\n")
        file.flush()
        file.seek(0)
        return file.read().splitlines().count(f"{run} {what}")


class StreamEvent(Event):
    sequence: int


class Greet(Workflow):
    """Greets somebody, after three events."""

    @step
    async def greet(self, ctx: Context, ev: StartEvent) -> StopEvent:
        for sequence in range(3):
            ctx.write_event_to_stream(StreamEvent(sequence=sequence))
        return StopEvent(result=f"Hello, {ev.get('name', 'World')}!")


class RequestEvent(InputRequiredEvent):
    prompt: str


class ResponseEvent(HumanResponseEvent):
    response: str


class OutEvent(StopEvent):
    output: str


class Human(Workflow):
    """Asks a person for a name."""

    @step
    async def prompt_human(self, ev: StartEvent) -> RequestEvent:
        return RequestEvent(prompt="What is your name?")

    @step
    async def greet_human(self, ev: ResponseEvent) -> OutEvent:
        return OutEvent(output=f"Hello, {ev.response}")


class Started(StartEvent):
    """What starts the workflows below. run: a name for the counts; pause_s: how long their work takes."""

    run: str
    pause_s: float = 0.0


class Part(Event):
    number: int


class Done(Event):
    number: int


class Joined(Event):
    numbers: list[int] = Field(default_factory=list)


class Gather(Workflow):
    """Four parts, two at a time, joined; and a person who confirms."""

    @step
    async def split(self, ctx: Context, ev: Started) -> Part | None:
        began(ev.run, "split")
        await ctx.store.set("run", ev.run)
        await ctx.store.set("pause_s", ev.pause_s)
        for number in range(4):
            ctx.send_event(Part(number=number))
        return None

    @step(num_workers=2)
    async def work(self, ctx: Context, ev: Part) -> Done:
        began(await ctx.store.get("run"), f"work-{ev.number}")
        ctx.write_event_to_stream(StreamEvent(sequence=ev.number))
        await asyncio.sleep(await ctx.store.get("pause_s"))
        async with ctx.store.edit_state() as state:
            state["sum"] = state.get("sum", 0) + ev.number
        return Done(number=ev.number)

    @step
    async def join(self, ctx: Context, ev: Done) -> Joined | None:
        found = ctx.collect_events(ev, [Done] * 4)
        if found is None:
            return None
        began(await ctx.store.get("run"), "joined")
        return Joined(numbers=sorted(each.number for each in found))

    @step
    async def confirm(self, ctx: Context, ev: Joined) -> StopEvent:
        asked = RequestEvent(prompt=f"Are {ev.numbers} right?")
        answer = await ctx.wait_for_event(ResponseEvent, waiter_event=asked, timeout=600)
        began(await ctx.store.get("run"), "confirmed")
        total: Any = await ctx.store.get("sum")
        return StopEvent(result={"numbers": ev.numbers, "sum": total, "answer": answer.response})


class Tried(Workflow):
    """A step that needs three tries, after one that needs one."""

    @step
    async def first(self, ctx: Context, ev: Started) -> Part:
        began(ev.run, "first")
        await ctx.store.set("run", ev.run)
        return Part(number=1)

    @step(retry_policy=retry_policy(wait=wait_fixed(0.1), stop=stop_after_attempt(3)))
    async def second(self, ctx: Context, ev: Part) -> StopEvent:
        if (count := began(await ctx.store.get("run"), "second")) < 3:
            raise ValueError(f"try {count}")
        return StopEvent(result=count)


class Flaky(Workflow):
    """A step that fails the first time: for those who retry the run."""

    @step
    async def first(self, ctx: Context, ev: Started) -> Part:
        began(ev.run, "first")
        await ctx.store.set("run", ev.run)
        return Part(number=1)

    @step
    async def second(self, ctx: Context, ev: Part) -> StopEvent:
        if began(await ctx.store.get("run"), "second") == 1:
            raise ValueError("not today")
        return StopEvent(result="fine")


class Inner(Workflow):
    @step
    async def double(self, ev: StartEvent) -> StopEvent:
        return StopEvent(result=2 * ev.get("number"))


class Nested(Workflow):
    """A step that runs another workflow."""

    @step
    async def outer(self, ctx: Context, ev: Started) -> Part:
        began(ev.run, "outer")
        return Part(number=await Inner().run(number=21))

    @step
    async def last(self, ev: Part) -> StopEvent:
        return StopEvent(result=ev.number)


class Busy(Workflow):
    """A step that is busy until another has heard from outside."""

    @step
    async def begin(self, ctx: Context, ev: Started) -> Part:
        await ctx.store.set("run", ev.run)
        return Part(number=1)

    @step
    async def toil(self, ctx: Context, ev: Part) -> StopEvent:
        began(await ctx.store.get("run"), "toil")
        ctx.write_event_to_stream(StreamEvent(sequence=1))
        while (heard := await ctx.store.get("heard", default=None)) is None:
            await asyncio.sleep(0.02)
        return StopEvent(result=heard)

    @step
    async def listen(self, ctx: Context, ev: ResponseEvent) -> None:
        began(await ctx.store.get("run"), "listen")
        await ctx.store.set("heard", ev.response)


class Patient(Workflow):
    """Waits for an event for a while, and then no longer."""

    @step
    async def ask(self, ctx: Context, ev: Started) -> StopEvent:
        try:
            answer = await ctx.wait_for_event(
                ResponseEvent, waiter_event=RequestEvent(prompt="Anything?"), timeout=ev.pause_s
            )
        except asyncio.TimeoutError:  # noqa: UP041  (another class before Python 3.11)
            return StopEvent(result="nothing came")
        return StopEvent(result=answer.response)


class Chain(Workflow):
    """Three steps, one after the other, and nothing else."""

    @step
    async def one(self, ev: StartEvent) -> Part:
        return Part(number=1)

    @step
    async def two(self, ev: Part) -> Done:
        return Done(number=ev.number + 1)

    @step
    async def three(self, ev: Done) -> StopEvent:
        return StopEvent(result=ev.number + 1)


class Twice(Workflow):
    """Waits twice for the same event, a minute each."""

    @step
    async def waits(self, ctx: Context, ev: StartEvent) -> StopEvent:
        found = []
        for number in range(2):
            try:
                answer = await ctx.wait_for_event(ResponseEvent, waiter_id=f"w{number}", timeout=60)
                found.append(answer.response)
            except TimeoutError:
                found.append("nothing")
        return StopEvent(result=found)


class Picky(Workflow):
    """Waits for one answer after the other, each of them a certain one."""

    @step
    async def waits(self, ctx: Context, ev: StartEvent) -> StopEvent:
        found = []
        for wanted in ("first", "second"):
            answer = await ctx.wait_for_event(
                ResponseEvent, waiter_id=wanted, requirements={"response": wanted}
            )
            found.append(answer.response)
        return StopEvent(result=found)


class Anew(Workflow):
    """Waits for a certain answer, and then, under the same name, for any."""

    @step
    async def waits(self, ctx: Context, ev: StartEvent | Part) -> Part | StopEvent:
        wanted = {} if isinstance(ev, Part) else {"response": "first"}
        answer = await ctx.wait_for_event(ResponseEvent, waiter_id="w", requirements=wanted)
        return Part(number=1) if wanted else StopEvent(result=answer.response)


class Odd(Event):
    text: str


class Unwritable(Workflow):
    """Says what JSON cannot hold."""

    @step
    async def says(self, ctx: Context, ev: StartEvent) -> StopEvent:
        ctx.write_event_to_stream(Odd(text="\ud800"))
        return StopEvent(result="said")


server = WorkflowServer()
server.add_workflow("greet", Greet())
server.add_workflow("human", Human(timeout=None))
server.add_workflow("gather", Gather(timeout=600), additional_events=[ResponseEvent])
server.add_workflow("tried", Tried(timeout=60))
server.add_workflow("flaky", Flaky(timeout=60))
server.add_workflow("nested", Nested(timeout=60))
server.add_workflow("busy", Busy(timeout=600))
server.add_workflow("patient", Patient(timeout=3600), additional_events=[ResponseEvent])
server.add_workflow("hasty", Patient(timeout=5), additional_events=[ResponseEvent])
server.add_workflow("chain", Chain())
server.add_workflow("twice", Twice(timeout=None), additional_events=[ResponseEvent])
server.add_workflow("anew", Anew(timeout=None), additional_events=[ResponseEvent])
server.add_workflow("picky", Picky(timeout=None), additional_events=[ResponseEvent])
server.add_workflow("unwritable", Unwritable(), additional_events=[Odd])
