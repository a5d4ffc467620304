"""`./headrace workflow-server FILE` as people use it: whatever dies, and however that changes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import urllib.error
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dev_stack import until
from tests.file_stack import FileStack
from tests.source_tree import ROOT

pytest.importorskip("workflows", reason="pip install -r requirements-workflows.lock")
pytestmark = pytest.mark.timeout(600)

FILE = ROOT / "tests" / "contract" / "workflow_server" / "clients" / "my_server.py"
ANSWER = {"event": {"type": "ResponseEvent", "value": {"response": "Ada"}}}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[FileStack]:
    file = tmp_path / "my_server.py"
    shutil.copy(FILE, file)
    found = FileStack(file, tmp_path / "data")
    yield found
    found.close()


def said(stack: FileStack, part: str) -> bool:
    return any(part in line for line in list(stack.output))


def ended(stack: FileStack, handler_id: str) -> bool:
    try:
        return bool(stack.call("GET", f"/results/{handler_id}")["status"] == "completed")
    except urllib.error.HTTPError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="counts children in /proc")
def test_runs_that_wait_outlive_their_worker_and_the_command(stack: FileStack) -> None:
    stack.start()

    assert stack.call("GET", "/workflows") == {"workflows": ["greet", "quick", "human", "fail"]}
    assert said(stack, "workflows  greet, quick, human, fail")
    assert stack.run_to_its_end("quick", name="John")["result"]["value"] == {"result": "Hello, John!"}
    for handler_id in ("first", "second"):
        stack.call("POST", "/workflows/human/run-nowait", {"handler_id": handler_id})
    until(lambda: are_under_way(stack), "both runs have events")
    (worker,) = [pid for pid in stack.children() if b"workers.worker" in command_of(pid)]
    os.kill(worker, signal.SIGKILL)
    assert stack.call("POST", "/events/first", ANSWER) == {"status": "sent"}
    until(lambda: ended(stack, "first"), "the run of the worker that was killed ends")
    assert stack.end(signal.SIGINT) == 0

    stack.output.clear()
    stack.start("--workers", "2")
    assert len([pid for pid in stack.children() if b"workers.worker" in command_of(pid)]) == 2
    assert stack.call("POST", "/events/second", ANSWER) == {"status": "sent"}
    until(lambda: ended(stack, "second"), "the run that waited meanwhile ends")
    for handler_id in ("first", "second"):
        types = [json.loads(line)["type"] for line in stack.lines(handler_id).splitlines()]
        assert types == ["RequestEvent", "OutEvent"]
    assert stack.end(signal.SIGTERM) == 0


def are_under_way(stack: FileStack) -> bool:
    """Whether a worker has begun with both runs."""
    found = stack.call("GET", "/handlers?workflow_name=human")["handlers"]
    return len(found) == 2 and all(each["updated_at"] > each["started_at"] for each in found)


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_file_that_is_saved_is_loaded_and_one_that_does_not_load_leaves_the_old_code(
    stack: FileStack,
) -> None:
    stack.start()
    text = stack.file.read_text()

    stack.file.write_text(text + "\nraise RuntimeError('half typed')\n")
    until(lambda: said(stack, "half typed"), "the refusal is shown")
    assert stack.run_to_its_end("quick")["result"]["value"] == {"result": "Hello, World!"}
    more = 'server.add_workflow("more", QuickWorkflow())\n'
    stack.file.write_text(text.replace("Hello, {ev", "Hi, {ev") + more)
    until(lambda: "more" in stack.call("GET", "/workflows")["workflows"], "the new workflow is served")

    assert stack.run_to_its_end("more", name="Ada")["result"]["value"] == {"result": "Hi, Ada!"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1", "my_server.py has no WorkflowServer: it needs a variable such as"),
        ("import no_such_module_anywhere", "No module named 'no_such_module_anywhere'"),
        ("def broken(:", "SyntaxError"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_on_stderr(stack: FileStack, text: str, says: str) -> None:
    stack.file.write_text(text)

    refused = stack.run(*stack.words)

    assert refused.returncode == 1
    assert refused.stderr.startswith(f"headrace workflow-server: {stack.file} cannot be served: ")
    assert says in refused.stderr
    assert refused.stdout == ""


def test_without_the_library_it_is_said_how_to_install_it(stack: FileStack, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)

    refused = stack.run(*stack.words, "--python", str(tmp_path / "venv" / "bin" / "python"))

    assert refused.returncode == 1
    assert "llama-index-workflows is not installed" in refused.stderr
    assert "pip install" in refused.stderr


def test_a_port_or_a_directory_that_is_taken_is_named(stack: FileStack, tmp_path: Path) -> None:
    stack.start()

    same_data = stack.run("workflow-server", str(stack.file), "--data-dir", str(stack.data_dir))
    same_port = stack.run(
        "workflow-server", str(stack.file), "--port", str(stack.port), "--data-dir", str(tmp_path / "other")
    )

    assert (same_data.returncode, same_port.returncode) == (1, 1)
    assert f"already running on {stack.data_dir}" in same_data.stderr
    assert f"port {stack.port} is in use; --port takes another" in same_port.stderr
