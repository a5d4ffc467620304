"""Agents of LlamaIndex as people serve them, with a model that does what it reads: `!TOOL:ARGUMENT …`."""

import os
from collections.abc import AsyncIterator, Sequence
from typing import Any

from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.llms import ChatMessage, ChatResponse, LLMMetadata, MessageRole
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.tools import ToolSelection
from llama_index.core.workflow import Context, HumanResponseEvent, InputRequiredEvent
from workflows.server import WorkflowServer


def count(word: str) -> None:
    """Note what has been called, in the file that the test reads."""
    with open(os.environ["COUNTS"], "a") as file:
        file.write(word + "\n")


class Scripted(FunctionCallingLLM):  # type: ignore[misc]
    """Calls the tools that the first message names, one after the other, and then says what they gave."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_function_calling_model=True, model_name="scripted")

    def _prepare_chat_with_tools(self, tools: Any, chat_history: Any = None, **more: Any) -> dict[str, Any]:
        return {"messages": list(chat_history or [])}

    def get_tool_calls_from_response(self, response: ChatResponse, **more: Any) -> list[ToolSelection]:
        return [ToolSelection(**each) for each in response.message.additional_kwargs.get("calls", [])]

    async def astream_chat(self, messages: Sequence[ChatMessage], **more: Any) -> AsyncIterator[ChatResponse]:
        count("model")
        answer = self._answer(messages)

        async def parts() -> AsyncIterator[ChatResponse]:
            yield ChatResponse(message=answer, delta=answer.content or "", raw=object())

        return parts()

    def _answer(self, messages: Sequence[ChatMessage]) -> ChatMessage:
        asked = next(each.content or "" for each in messages if each.role == MessageRole.USER)
        given = [each.content for each in messages if each.role == MessageRole.TOOL]
        steps = [word[1:].partition(":") for word in asked.split() if word.startswith("!")]
        if len(given) == len(steps):
            return ChatMessage(role=MessageRole.ASSISTANT, content="; ".join(map(str, given)))
        tool, _, argument = steps[len(given)]
        arguments = {"to_agent": argument, "reason": "asked"} if tool == "handoff" else {"text": argument}
        call = ToolSelection(tool_id=f"call-{len(given)}", tool_name=tool, tool_kwargs=arguments)
        return ChatMessage(
            role=MessageRole.ASSISTANT, content="", additional_kwargs={"calls": [call.model_dump()]}
        )

    def chat(self, messages: Any, **more: Any) -> Any:
        raise NotImplementedError

    stream_chat = complete = stream_complete = achat = acomplete = astream_complete = chat


def shout(text: str) -> str:
    """Says it loudly."""
    count("shout")
    return text.upper()


async def confirm(ctx: Context, text: str) -> str:
    """Asks a person."""
    count("confirm")
    answer = await ctx.wait_for_event(
        HumanResponseEvent, waiter_event=InputRequiredEvent(prefix=f"{text}?"), timeout=None
    )
    return str(answer.response)


def agent(name: str, **more: Any) -> FunctionAgent:
    """Make an agent with the model above."""
    return FunctionAgent(
        name=name, description=name, tools=[shout, confirm], llm=Scripted(), timeout=None, **more
    )


server = WorkflowServer()
server.add_workflow("solo", agent("solo"), additional_events=[HumanResponseEvent])
team = AgentWorkflow(
    agents=[agent("first", can_handoff_to=["second"]), agent("second")], root_agent="first", timeout=None
)
server.add_workflow("team", team, additional_events=[HumanResponseEvent])
