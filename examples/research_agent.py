"""An agent that calls tools and asks a person: durable, so that it survives its worker and waits without one.

Every step is an entry of its journal. Whatever ends an attempt, the next one reads the journal and goes on
behind the last entry: no step that was written down is made twice, and no question asked twice.
"""

from __future__ import annotations

import json
from typing import Any

from headrace import Context, Entry, Parked, Terminal, handler
from headrace.tools import LlmReply

DAY_MS = 24 * 60 * 60 * 1000
SYSTEM = (
    "Answer with one JSON object: "
    '{"tool": "look_up", "words": "…"}, {"ask": "…"} to ask the person, or {"answer": "…"}.'
)
MOST_STEPS = 50


@handler("research_agent", durable=True)
async def research_agent(config: dict[str, Any], context: Context) -> Any:
    """Work on `config["task"]` until there is an answer; a person who is asked has a day to reply."""
    steps: list[dict[str, Any]] = [entry.data for entry in (await context.journal.read()).entries]

    async def write(step: dict[str, Any], **more: Any) -> Entry:
        steps.append(step)
        return await context.journal.append(step, **more)

    while len(steps) < MOST_STEPS:
        last = steps[-1] if steps else {}
        if "answer" in last:
            return {"answer": last["answer"], "steps": len(steps)}
        if "ask" in last:
            try:
                letter = await context.inbox.receive(timeout_s=0)
            except TimeoutError:
                if context.now_ms < last["until_ms"]:
                    return Parked(until_ms=last["until_ms"], waits_for=[last["ask"]])
                await write({"reply": "nobody has replied within a day: decide yourself"})
            else:
                await write({"reply": letter.payload}, takes=letter)
        elif last.get("tool") == "look_up":
            found = await context.http.request("GET", f"{config['catalogue']}?q={last['words']}")
            await write({"found": found.content.decode()})
        else:
            step = _step_of(await context.llm.complete(_prompt(config["task"], steps), system=SYSTEM))
            if "ask" in step:
                step["until_ms"] = context.now_ms + DAY_MS
                await write(step, events=[("Question", {"text": step["ask"]})])
            else:
                await write(step)
    raise Terminal(f"no answer within {MOST_STEPS} steps")


def _prompt(task: str, steps: list[dict[str, Any]]) -> str:
    return "\n".join([f"Task: {task}", *(json.dumps(step) for step in steps)])


def _step_of(reply: LlmReply) -> dict[str, Any]:
    step = json.loads(reply.text)
    return step if isinstance(step, dict) else {"answer": step}
