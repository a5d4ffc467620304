"""The example of a durable handler: an agent that calls tools and asks a person, on a virtual clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from headrace.testing import FakeHttp, FakeLlm, run_durable
from headrace.tools import HttpResult
from tests.own_handlers import loaded

CONFIG = {"task": "order a pump", "catalogue": "https://shop.example/search"}
ASKS = '{"ask": "red or blue?"}'
LOOKS = '{"tool": "look_up", "words": "pump"}'
ENDS = '{"answer": "the red pump"}'
HOUR_S = 3600


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    with loaded("examples.research_agent"):
        yield


def fakes(*answers: str) -> dict[str, Any]:
    return {"llm": FakeLlm(*answers), "http": FakeHttp(HttpResult(200, content=b"two pumps"))}


def test_it_calls_a_tool_asks_and_answers() -> None:
    lived = run_durable("research_agent", CONFIG, letters=[(3 * HOUR_S, "red")], **fakes(LOOKS, ASKS, ENDS))

    assert lived.output == {"answer": "the red pump", "steps": 5}
    assert [ran.outcome for ran in lived.attempts] == ["parked", "completed"]
    assert lived.attempts[0].waits_for == ("red or blue?",)
    assert lived.attempts[0].events == (("Question", {"text": "red or blue?"}),)
    assert lived.elapsed_ms == 3 * HOUR_S * 1000
    assert [entry.data for entry in lived.journal.entries][1] == {"found": "two pumps"}
    assert lived.journal.entries[3].data == {"reply": "red"}


def test_a_person_who_does_not_reply_is_waited_for_a_day() -> None:
    lived = run_durable("research_agent", CONFIG, **fakes(ASKS, ENDS))

    assert lived.output["answer"] == "the red pump"
    assert lived.elapsed_ms == 24 * HOUR_S * 1000
    assert "nobody has replied" in lived.journal.entries[1].data["reply"]


@pytest.mark.parametrize("lost_after", [1, 2, 3, 4])
def test_no_step_is_made_twice_wherever_a_worker_is_lost(lost_after: int) -> None:
    lived = run_durable(
        "research_agent", CONFIG, letters=["red"], lost_after=[lost_after], **fakes(LOOKS, ASKS, ENDS)
    )

    # The stand-ins have one answer for each step: asked again, they would fail the attempt.
    assert lived.output == {"answer": "the red pump", "steps": 5}
    assert len(lived.attempts) == 2
    assert lived.letters == ()
