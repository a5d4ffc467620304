"""The real, unmodified clients of workflow servers, three generations of them, play against real processes.

Each is installed in an environment of its own by `.ci/clients`; the build machine does that before the tests.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.contract.workflow_server.processes import Cutting, Deployment, deployment
from tests.contract.workflow_server.served import QUICK, stop_event, stream_event
from tests.file_stack import FileStack
from tests.patience import PATIENCE_S
from tests.source_tree import ROOT

pytestmark = pytest.mark.timeout(300)

PLAY = Path(__file__).parent / "clients" / "play.py"
FILE = PLAY.with_name("my_server.py")
ENVIRONMENTS = ROOT / ".data" / "clients"
#: Generations of the client, and where the contract is.
EACH = [
    ("newest", "llama"),
    ("newest", "alone"),
    ("middle", "llama"),
    ("oldest", "alone"),
    ("newest", "file"),
    ("middle", "file"),
    ("oldest", "file"),
]
FAIL = {
    "name": "fail",
    "interface": {},
    "nodes": [
        {"id": "boom", "handler": "transform", "config": {"expression": "{{ inputs.nothing.there }}"}},
    ],
}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("deployment")) as made:
        for document in (FAIL, QUICK):
            url = f"http://127.0.0.1:{made.port}/v1/workflows/{document['name']}"
            answer = httpx2.put(url, json=document, timeout=PATIENCE_S)
            assert answer.status_code == 201, answer.text
        yield made


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileStack]:
    """The same workflows as code of the library, in a file that the command serves."""
    pytest.importorskip("workflows", reason="pip install -r requirements-workflows.lock")
    stack = FileStack(FILE, tmp_path_factory.mktemp("filed") / "data")
    stack.start()
    yield stack
    stack.close()


@pytest.fixture
def url(place: str, request: pytest.FixtureRequest) -> str:
    """Where the contract is served."""
    if place == "file":
        filed: FileStack = request.getfixturevalue("filed")
        return filed.url
    deployed: Deployment = request.getfixturevalue("deployed")
    return deployed.urls[place]


def play(generation: str, url: str, chapter: str, *more: str) -> dict[str, Any]:
    """Play a chapter with a client; gives what it printed."""
    python = ENVIRONMENTS / generation / "bin" / "python"
    if not (ENVIRONMENTS / generation / "installed.lock").is_file():
        pytest.skip(
            f"the {generation} client is not installed: run .ci/clients, which puts it in .data/clients"
        )
    done = subprocess.run(
        [python, PLAY, url, chapter, *more],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=ENVIRONMENTS,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def result(found: dict[str, Any]) -> Any:
    """The result a client holds: an event, or of a look at `/results` its plain value."""
    return found["result"]["value"]["result"] if isinstance(found["result"], dict) else found["result"]


@pytest.mark.parametrize(("generation", "place"), EACH)
def test_a_client_lists_runs_streams_gets_results_and_continues(url: str, generation: str) -> None:
    found = play(generation, url, "greet")

    assert found["healthy"] == "healthy"
    assert {"greet", "human"} <= set(found["workflows"])
    assert (found["ran"]["status"], result(found["ran"])) == ("completed", "Hello, John!")
    assert result(found["bare"]) == "Hello, World!"
    assert (found["started"]["status"], found["started"]["result"]) == ("running", None)
    assert found["streamed"] == [*map(stream_event, range(3)), stop_event("Hello, Ada!")]
    assert result(found["result"]) == "Hello, Ada!"
    assert found["again"]["handler_id"] == found["started"]["handler_id"]
    assert found["again"]["run_id"] != found["started"]["run_id"]
    assert result(found["again"]) == "Hello, Bob!"
    assert found["own"]["handler_id"] == "my-own-id"
    assert found["handlers"][:2] == ["my-own-id", found["started"]["handler_id"]]
    assert found["unknown"] == "ValueError: Handler not found"
    assert found["no_workflow"].startswith("HTTPStatusError: 404")


@pytest.mark.parametrize(("generation", "place"), EACH)
def test_a_client_answers_what_a_run_asks(url: str, generation: str) -> None:
    found = play(generation, url, "human")

    assert found["asked"] == "What is your name?"
    assert found["seen"] == ["RequestEvent", "OutEvent"]
    assert found["sent"] == {"status": "sent"}
    value = found["result"]["result"]
    assert (value if generation == "oldest" else value["value"]) == {"output": "Hello, Ada"}
    assert found["late"].startswith("HTTPStatusError: 409")
    assert found["unknown_type"].startswith("HTTPStatusError: 400")


@pytest.mark.parametrize(("generation", "place"), EACH)
def test_a_client_sees_a_run_fail(url: str, generation: str) -> None:
    found = play(generation, url, "fail")

    assert found["raised"].startswith("HTTPStatusError: 500")
    assert found["result"].startswith("HTTPStatusError: 500")
    (last,) = found["streamed"]
    assert (last["type"], last["types"]) == ("WorkflowFailedEvent", ["StopEvent"])
    assert last["value"]["step_name"] == "boom"


@pytest.mark.parametrize(("generation", "place"), [each for each in EACH if each[0] != "oldest"])
def test_a_client_cancels_and_removes(url: str, generation: str) -> None:
    found = play(generation, url, "cancel")

    assert found["cancelled"] == {"status": "cancelled"}
    assert found["streamed"] == ["RequestEvent", "WorkflowCancelledEvent"]
    assert found["looked_at"].startswith("HTTPStatusError: 500")
    assert True in found["listed"]
    assert found["removed"] == {"status": "deleted"}
    assert found["gone"].startswith("HTTPStatusError: 404")


@pytest.mark.parametrize("place", ["llama", "alone", "file"])
def test_the_newest_client_goes_on_behind_any_event_and_reads_schemas(url: str, place: str) -> None:
    found = play("newest", url, "newest")

    types = ["StreamEvent"] * 3 + ["StopEvent"]
    assert found["behind"] == [types[1:], types[2:], types[3:], []]
    assert found["now"] == []
    assert [each for each in found["internal"] if each != "StepStateChanged"] == types
    # Each node is a step there; here it is one step that emits all of them.
    assert found["internal"].count("StepStateChanged") == (2 if place == "file" else 6)
    assert found["classes"] == ["StopEvent"]
    assert (found["waited"]["status"], found["waited"]["result"]) == (
        "completed",
        stop_event("Hello, World!"),
    )
    fields = {} if place == "file" else {"name": {"type": "string", "default": "World"}}
    assert found["schema"]["start"]["properties"] == fields
    assert {each["title"] for each in found["events"]["events"]} == {
        "RequestEvent",
        "ResponseEvent",
        "StartEvent",
        "OutEvent",
    }
    assert {each["id"] for each in found["graph"]["graph"]["nodes"]} >= {"prompt_human", "external_step"}


async def test_the_newest_client_misses_nothing_when_its_connection_is_cut(deployed: Deployment) -> None:
    cutting = Cutting(deployed.port)
    server = await cutting.serve()
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/llama"

    found = await asyncio.to_thread(partial(play, "newest", url, "greet"))

    server.close()
    assert cutting.cuts > 0
    assert found["streamed"] == [*map(stream_event, range(3)), stop_event("Hello, Ada!")]


@pytest.mark.parametrize("generation", ["newest", "middle", "oldest"])
def test_a_run_that_asks_outlives_all_workers_and_takes_its_answer_meanwhile(
    deployed: Deployment, generation: str
) -> None:
    url = deployed.urls["llama"]
    asked = play(generation, url, "ask")
    deployed.kill_workers()
    answered = play(generation, url, "answer", asked["handler_id"])
    deployed.start_worker()
    deployed.start_worker()
    found = play(generation, url, "finish", asked["handler_id"])

    assert asked["asked"] == "What is your name?"
    assert answered["sent"] == {"status": "sent"}
    assert [each["type"] for each in found["streamed"]] == ["RequestEvent", "OutEvent"]
    value = found["result"]["result"]
    assert (value if generation == "oldest" else value["value"]) == {"output": "Hello, Ada"}
