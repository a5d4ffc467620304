"""The two documented workflows of the contract, and two more, in a file that is served."""

from __future__ import annotations

import asyncio

from llama_agents.server import WorkflowServer
from workflows import Context, Workflow, step
from workflows.events import Event, HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent


class StreamEvent(Event):
    sequence: int


class GreetingWorkflow(Workflow):
    """Counts to three, and greets."""

    pause_s = 0.1

    @step
    async def greet(self, ctx: Context, ev: StartEvent) -> StopEvent:
        for number in range(3):
            ctx.write_event_to_stream(StreamEvent(sequence=number))
            await asyncio.sleep(self.pause_s)
        return StopEvent(result=f"Hello, {ev.get('name', 'World')}!")


class QuickWorkflow(GreetingWorkflow):
    """As `greet`, without its pauses."""

    pause_s = 0.0


class RequestEvent(InputRequiredEvent):
    prompt: str


class ResponseEvent(HumanResponseEvent):
    response: str


class OutEvent(StopEvent):
    output: str


class HumanInTheLoopWorkflow(Workflow):
    """Asks a person for a name, and greets them."""

    @step
    async def prompt_human(self, ev: StartEvent) -> RequestEvent:
        return RequestEvent(prompt="What is your name?")

    @step
    async def greet_human(self, ev: ResponseEvent) -> OutEvent:
        return OutEvent(output=f"Hello, {ev.response}")


class FailingWorkflow(Workflow):
    """Fails."""

    @step
    async def boom(self, ev: StartEvent) -> StopEvent:
        raise ValueError("boom")


server = WorkflowServer()
server.add_workflow("greet", GreetingWorkflow(), additional_events=[StreamEvent])
server.add_workflow("quick", QuickWorkflow(), additional_events=[StreamEvent])
server.add_workflow("human", HumanInTheLoopWorkflow(timeout=1000))
server.add_workflow("fail", FailingWorkflow())
