"""Agents of LlamaIndex, served from a file: processes are lost, and what was said stays."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dev_stack import until
from tests.file_stack import FileStack
from tests.source_tree import ROOT

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(sys.platform != "linux", reason="counts children in /proc"),
]

FILE = Path(__file__).parent / "clients" / "agents.py"
HOME = ROOT / ".data" / "clients" / "agents"
YES = {"event": {"type": "HumanResponseEvent", "value": {"response": "yes"}}}


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("counts") / "counts"
    file.touch()
    return file


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, counts: Path) -> Iterator[FileStack]:
    if not (HOME / "installed.lock").is_file():
        pytest.skip("the agents are not installed: run .ci/clients, which puts them in .data/clients")
    served = FileStack(FILE, tmp_path_factory.mktemp("agents") / "data")
    variables = {"HANDLER_PYTHON": os.fspath(HOME / "bin" / "python"), "COUNTS": os.fspath(counts)}
    served.start(variables=variables)
    yield served
    served.close()


def said(handler: dict[str, Any]) -> str:
    """The last message of an agent."""
    result: dict[str, Any] = handler["result"]["value"]["result"]
    text: str = result["response"]["blocks"][0]["text"]
    return text


def test_a_message_is_all_that_an_agent_needs(stack: FileStack) -> None:
    alone = stack.run_to_its_end("solo", user_msg="!shout:hello")
    with_history = stack.run_to_its_end(
        "solo", user_msg="go on", chat_history=[{"role": "user", "content": "!shout:before"}]
    )

    assert said(alone) == "HELLO"
    assert said(with_history) == "BEFORE"


def test_an_agent_hands_over_to_another(stack: FileStack) -> None:
    ended = stack.run_to_its_end("team", user_msg="!handoff:second !shout:hello")

    assert said(ended).endswith("; HELLO")
    assert ended["result"]["value"]["result"]["current_agent_name"] == "second"


def test_an_agent_that_has_lost_its_process_remembers_what_was_said(stack: FileStack, counts: Path) -> None:
    before = Counter(counts.read_text().split())
    message = {"user_msg": "!shout:one !confirm:sure !shout:two"}
    stack.call("POST", "/workflows/solo/run-nowait", {"handler_id": "asking", "start_event": message})
    until(lambda: "confirm" in called(counts, before), "a person is asked")
    (worker,) = [pid for pid in stack.children() if b"workers.worker" in command_of(pid)]
    os.kill(worker, signal.SIGKILL)

    stack.call("POST", "/events/asking", YES)

    until(lambda: "asking" in ended(stack), "the agent has answered")
    assert said(ended(stack)["asking"]) == "ONE; yes; TWO"
    found = called(counts, before)
    assert (found["model"], found["shout"]) == (4, 2)


def called(counts: Path, before: Counter[str]) -> Counter[str]:
    """How often the model and each tool have been called since."""
    return Counter(counts.read_text().split()) - before


def ended(stack: FileStack) -> dict[str, Any]:
    """Handlers of runs that have completed, by their ids."""
    found = stack.call("GET", "/handlers?status=completed")["handlers"]
    return {each["handler_id"]: each for each in found}


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
