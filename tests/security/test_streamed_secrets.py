"""A secret that is streamed bit by bit is hidden as well as one that stands in an output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from headrace import Retryable, handler
from orchestrator.engine import Engine
from tests.fake_handlers import Stage, ended, start
from tests.makers import Rig, WorkerFleet, node
from workers.context import RESET, TOKEN, HandlerContext, Toolbox
from workers.runtime.redaction import RedactingSink, Redactor

CANARY = "c4nary-0123456789"
TEXT = f"The key is {CANARY}, and not c4nary-01; bye c4n"


@pytest.fixture
def chatty(stage: Stage) -> None:
    @handler("test_chatty", secrets=("key",))
    async def chat(config: Mapping[str, Any], context: HandlerContext) -> Any:
        """Stream a text that holds a secret, a few characters at a time; the first attempt breaks off."""
        for at in range(0, len(TEXT), 3):
            if context.try_number < config["fails"] and at > len("The key is c4nary-01234"):
                raise Retryable("broken")
            context.token(TEXT[at : at + 3])
            context.log("piece")
        return {"answer": TEXT}


@pytest.mark.usefixtures("chatty")
@pytest.mark.parametrize("fails", [0, 2], ids=["at once", "after a failure"])
async def test_what_is_streamed_is_the_stored_output(
    rig: Rig, engine: Engine, fleet: WorkerFleet, fails: int
) -> None:
    await fleet.start(tools=Toolbox(secrets={"K": CANARY}))
    config = {"key": "{{ secrets.K }}", "fails": fails}
    retry = {"max_attempts": 2, "initial_interval": 0.01}

    execution_id = await start(engine, node("A", handler="test_chatty", config=config, retry=retry))
    assert await ended(engine, execution_id) == "COMPLETED"

    output = orjson.loads((await engine.executions.results(execution_id))["A"] or b"")
    assert output == {"answer": "The key is ***, and not c4nary-01; bye c4n"}
    streams = [""]
    for event in await engine.events.list(execution_id, limit=1_000):
        if event.type == RESET:
            streams.append("")
        elif event.type == TOKEN:
            streams[-1] += orjson.loads(event.data)["text"]
    # Of a stream that breaks off within a secret, nothing of the secret is left.
    assert streams == [*(["The key is "] if fails else []), output["answer"]]
    assert CANARY not in repr(await rig.dump())


def test_a_line_does_not_wait_for_what_is_held_back() -> None:
    seen: list[tuple[str, Any]] = []

    class Sink:
        def emit(self, type: str, data: dict[str, Any]) -> None:
            seen.append((type, data.get("text")))

    sink = RedactingSink(Sink(), Redactor([CANARY]))

    sink.emit(TOKEN, {"text": "it is c4na"})
    sink.emit("node.log", {"message": "so far"})
    sink.emit(TOKEN, {"text": "ry"})
    sink.end()
    sink.end()

    assert seen == [(TOKEN, "it is "), ("node.log", None), (TOKEN, "c4nary")]


def test_a_shorter_secret_waits_for_the_longer_one_it_begins() -> None:
    redactor = Redactor(["abcd", "abcdefgh"])

    assert redactor.settled("x abcd") == ("x ", "abcd")
    assert redactor.settled("abcdX") == ("***X", "")
    assert redactor.settled("abcdefghX") == ("***X", "")
    assert redactor.settled("abcdefgh ab") == ("*** ", "ab")
