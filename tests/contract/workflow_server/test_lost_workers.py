"""Workflows of a file, in real workers that are killed, stopped, and started again.

Each step notes in a file that it has begun: those that were under way in a worker that was lost begin twice,
and no others.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.contract.workflow_server.processes import Deployment, deployment
from tests.contract.workflow_server.served import frames_of
from tests.dev_stack import until
from tests.patience import PATIENCE_S
from tests.source_tree import ROOT

pytestmark = pytest.mark.timeout(300)

FILE = ROOT / "tests" / "served_flows.py"


@dataclass
class Files:
    """A deployment whose workers have loaded a file. counts: notes of the steps that have begun."""

    deployed: Deployment
    counts: Path
    file: Path

    def url(self, path: str) -> str:
        return self.deployed.urls["alone"] + path

    def start(self, workflow: str, run: str, **inputs: Any) -> str:
        """Start a run; gives the id of its handler."""
        body = {"start_event": {"run": run, **inputs}}
        answer = httpx2.post(self.url(f"/workflows/{workflow}/run-nowait"), json=body, timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
        handler_id: str = answer.json()["handler_id"]
        return handler_id

    def begun(self, run: str) -> Counter[str]:
        """How often each step of a run has begun."""
        lines = [line.split(" ", 1) for line in self.counts.read_text().splitlines()]
        return Counter(step for name, step in lines if name == run)

    def events(self, handler_id: str) -> list[dict[str, Any]]:
        """All events of a run that has ended."""
        answer = httpx2.get(self.url(f"/events/{handler_id}?sse=false"), timeout=PATIENCE_S)
        return [json.loads(line) for line in answer.text.splitlines()]

    def published(self, handler_id: str) -> list[dict[str, Any]]:
        """The typed events of a run so far, but for internal ones."""
        history = f"http://127.0.0.1:{self.deployed.port}/v1/executions/{handler_id}/history?type=node.event"
        found = httpx2.get(history, timeout=PATIENCE_S).json()["items"]
        return [each for each in found if not each["data"]["internal"]]

    def asked(self, handler_id: str) -> None:
        """Wait until a run asks, and has left its worker."""
        node = f"http://127.0.0.1:{self.deployed.port}/v1/executions/{handler_id}"

        def waits() -> bool:
            nodes = httpx2.get(node, timeout=PATIENCE_S).json()["nodes"]
            return any(each["status"] == "WAITING" for each in nodes)

        until(waits, f"{handler_id} waits")

    def answer(self, handler_id: str, response: str = "yes") -> None:
        """Send a person's answer."""
        event = {"type": "ResponseEvent", "value": {"response": response}}
        sent = httpx2.post(self.url(f"/events/{handler_id}"), json={"event": event}, timeout=PATIENCE_S)
        assert sent.status_code == 200, sent.text

    def result(self, handler_id: str) -> Any:
        """Wait for the end of a run; gives its result."""

        def found() -> httpx2.Response:
            return httpx2.get(self.url(f"/results/{handler_id}"), timeout=PATIENCE_S)

        until(lambda: found().status_code != 202, f"{handler_id} ends")
        assert found().status_code == 200, found().text
        return found().json()["result"]

    def stop(self) -> list[int]:
        """Stop all workers and their hosts, as a machine does that is held up; gives the processes."""
        found = [process.pid for process in self.deployed.workers]
        found += [pid for parent in found for pid in children(parent)]
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        return found


def children(parent: int) -> list[int]:
    """The processes that one has started."""
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True)
    return [int(line) for line in done.stdout.split()]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    folder = tmp_path_factory.mktemp("served")
    counts, file = folder / "counts", folder / "served_flows.py"
    counts.touch()
    shutil.copy(FILE, file)
    (folder / "none").mkdir()
    workers = {
        "HANDLERS": "headrace.workflow_server",
        "HANDLER_PATH": str(folder),
        "WORKFLOW_SERVER_FILE": str(file),
        "COUNTS": str(counts),
    }
    with deployment(folder / "none", workers, {"WORKFLOWS_DIR": str(folder / "none")}) as made:
        served = Files(made, counts, file)
        names = partial(httpx2.get, served.url("/workflows"), timeout=PATIENCE_S)
        until(lambda: "chain" in names().json()["workflows"], "the file is served")
        yield served


def test_a_person_is_waited_for_without_any_worker(files: Files) -> None:
    handler_id = files.start("human", "person")
    files.asked(handler_id)
    files.deployed.kill_workers()
    files.answer(handler_id, "Ada")
    files.deployed.start_worker()

    assert files.result(handler_id) == {"output": "Hello, Ada"}
    assert [each["type"] for each in files.events(handler_id)] == ["RequestEvent", "OutEvent"]


def test_of_parallel_steps_those_under_way_run_again_and_no_others(files: Files) -> None:
    handler_id = files.start("gather", "parallel", pause_s=1.0)
    until(lambda: len(files.published(handler_id)) == 2, "two parts are under way")
    files.deployed.kill_workers()
    files.deployed.start_worker()
    until(lambda: len(files.published(handler_id)) == 6, "two more parts are")
    files.deployed.kill_workers()
    files.deployed.start_worker()
    files.asked(handler_id)
    files.answer(handler_id)

    assert files.result(handler_id) == {"numbers": [0, 1, 2, 3], "sum": 6, "answer": "yes"}
    begun = files.begun("parallel")
    # What was under way when the workers were killed: two parts each time.
    assert {step: count for step, count in begun.items() if count == 2}.keys() == {
        f"work-{number}" for number in range(4)
    }
    assert (begun["split"], begun["joined"], begun["confirmed"]) == (1, 1, 1)
    parts = [each for each in files.events(handler_id) if each["type"] == "StreamEvent"]
    marks = {
        number: [each.get("repeated", False) for each in parts if each["value"]["sequence"] == number]
        for number in range(4)
    }
    # The parts that had not begun might have: it is not known of a worker that is lost.
    assert [marks[0], marks[1]] == [[False, True], [False, True]]
    assert [(len(marks[number]), marks[number][-1]) for number in (2, 3)] == [(2, True), (2, True)]


def test_a_wait_ends_in_time_though_its_workers_were_killed(files: Files) -> None:
    handler_id = files.start("patient", "patient", pause_s=4.0)
    files.asked(handler_id)
    files.deployed.kill_workers()
    files.deployed.start_worker()

    assert files.result(handler_id) == "nothing came"


def test_workers_that_were_held_up_past_their_leases_change_nothing(files: Files) -> None:
    handler_id = files.start("gather", "held", pause_s=0.7)
    until(lambda: files.begun("held")["work-1"] == 1, "two parts are under way")
    held = files.stop()
    before = list(files.deployed.workers)
    files.deployed.start_worker()
    try:
        until(lambda: files.begun("held")["work-1"] == 2, "another worker has them")
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)
    files.asked(handler_id)
    files.answer(handler_id)

    assert files.result(handler_id) == {"numbers": [0, 1, 2, 3], "sum": 6, "answer": "yes"}
    begun = files.begun("held")
    assert {step: begun[step] for step in ("split", "work-2", "work-3", "joined", "confirmed")} == {
        "split": 1,
        "work-2": 1,
        "work-3": 1,
        "joined": 1,
        "confirmed": 1,
    }
    for process in before:
        process.kill()
        process.wait()
        files.deployed.workers.remove(process)


def test_a_step_listens_while_another_is_busy(files: Files) -> None:
    handler_id = files.start("busy", "busy")
    until(lambda: files.begun("busy")["toil"] == 1, "a step toils")
    files.answer(handler_id, "enough")

    assert files.result(handler_id) == "enough"
    assert files.begun("busy") == {"toil": 1, "listen": 1}


def test_steps_are_tried_again_and_run_workflows_of_their_own(files: Files) -> None:
    tried, nested = files.start("tried", "tried"), files.start("nested", "nested")

    assert (files.result(tried), files.result(nested)) == (3, 42)
    assert files.begun("tried") == {"first": 1, "second": 3}


def test_a_failed_run_that_is_retried_runs_the_failed_step_alone(files: Files) -> None:
    handler_id = files.start("flaky", "flaky")
    execution = f"http://127.0.0.1:{files.deployed.port}/v1/executions/{handler_id}"
    look = partial(httpx2.get, files.url(f"/handlers/{handler_id}"), timeout=PATIENCE_S)
    until(lambda: look().status_code == 500, "the run fails")
    failed = look().json()
    again = httpx2.post(f"{execution}/retry", json={}, timeout=PATIENCE_S)
    assert again.status_code in (200, 202), again.text

    assert failed["error"] == "not today"
    assert files.result(handler_id) == "fine"
    assert files.begun("flaky") == {"first": 1, "second": 2}


def test_all_readers_see_the_same_events_however_often_they_come_back(files: Files) -> None:
    handler_id = files.start("gather", "read", pause_s=0.3)
    seen: list[list[tuple[int, dict[str, Any]]]] = [[], [], []]

    def read(number: int) -> None:
        answer = httpx2.get(files.url(f"/events/{handler_id}?include_internal=true"), timeout=PATIENCE_S)
        seen[number] = frames_of(answer.text)

    def come_back() -> None:
        last = 0
        for times in range(21):
            headers = {"Last-Event-ID": str(last)}
            with httpx2.stream(
                "GET",
                files.url(f"/events/{handler_id}?include_internal=true"),
                headers=headers,
                timeout=PATIENCE_S,
            ) as answer:
                text = ""
                for part in answer.iter_text():
                    text += part
                    if times < 20 and frames_of(text):
                        break
            # Of a frame that was cut off nothing counts.
            whole = text if times == 20 else text[: text.rfind("\n\n") + 2]
            seen[2] += frames_of(whole)
            last = seen[2][-1][0] if seen[2] else 0

    readers = [threading.Thread(target=read, args=(number,)) for number in (0, 1)]
    readers.append(threading.Thread(target=come_back))
    for reader in readers:
        reader.start()
    files.asked(handler_id)
    files.answer(handler_id)
    for reader in readers:
        reader.join()

    assert seen[0] == seen[1] == seen[2]
    assert [number for number, _ in seen[0]] == sorted({number for number, _ in seen[0]})
    assert [each["type"] for _, each in seen[0]].count("StreamEvent") == 4


def test_code_that_has_changed_waits_for_an_operator(files: Files) -> None:
    handler_id = files.start("human", "changed")
    files.asked(handler_id)
    files.deployed.kill_workers()
    files.file.write_text(FILE.read_text().replace("Hello, {ev.response}", "Welcome, {ev.response}"))
    files.deployed.start_worker()
    files.answer(handler_id, "Ada")
    execution = f"http://127.0.0.1:{files.deployed.port}/v1/executions/{handler_id}"

    look = partial(httpx2.get, execution, timeout=PATIENCE_S)
    until(lambda: look().json()["status"] == "PAUSED", "the execution pauses")
    (node,) = look().json()["nodes"]
    resumed = httpx2.post(f"{execution}/resume", json={}, timeout=PATIENCE_S)

    assert node["error"]["type"] == "CodeChanged"
    assert "'greet_human' was " in node["error"]["message"]
    assert resumed.status_code in (200, 202), resumed.text
    assert files.result(handler_id) == {"output": "Welcome, Ada"}
