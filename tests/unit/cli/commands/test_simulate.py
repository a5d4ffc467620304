"""`./headrace simulate` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from cli.commands.documents import is_stubs
from cli.commands.simulate import _moment
from cli.stack.info import ROOT

WORKFLOW = """\
name: order
nodes:
  - {id: A, handler: http, config: {url: "https://nowhere.example/{{ inputs.k }}"}}
  - {id: W, handler: delay, dependencies: [A], config: {seconds: 3h}}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "flow.yaml").write_text(WORKFLOW)
    (tmp_path / "stubs.yaml").write_text("nodes: {A: {output: {n: 5}}}")
    return str(tmp_path / "flow.yaml"), str(tmp_path / "stubs.yaml")


def test_the_path_and_the_outputs_are_printed(files: tuple[str, str]) -> None:
    flow, stubs = files

    done = CliRunner().invoke(app, ["simulate", flow, "--stubs", stubs, "-i", "k=1"])

    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["0", "s", "A", "COMPLETED"]
    assert "A = " + json.dumps({"n": 5}) in lines
    assert lines[-1] == "COMPLETED after 3 h 0 min of virtual time"


def test_a_failure_is_an_exit_code_and_json_has_everything(files: tuple[str, str], tmp_path: Path) -> None:
    stubs = tmp_path / "bad.yaml"
    stubs.write_text("default: {fail: always, error: Http.4xx, retryable: false}")

    done = CliRunner().invoke(app, ["simulate", files[0], "--stubs", str(stubs), "-i", "k=1", "--json"])

    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["nodes"][0]["error"]["type"] == "Http.4xx"
    assert found["nodes"][1]["reason"] == "upstream_failed"


def test_a_refused_workflow_is_told_with_file_and_line(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text("name: x\nnodes:\n  - {id: A, handler: htpp}\n")

    done = CliRunner().invoke(app, ["simulate", str(flow)])

    assert done.exit_code == 2
    assert f"{flow}:3:" in done.stderr
    assert "did you mean 'http'?" in done.stderr


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"), (0, "0 s"), (1_500, "1.5 s"), (120_000, "2 min"), (3_601_000, "60 min 1 s"),
        (7_260_000, "2 h 1 min"),
    ],
)  # fmt: skip
def test_spans_are_written_for_people(ms: int | None, text: str) -> None:
    assert _moment(ms) == text


def test_an_operator_is_asked_only_about_what_waits_for_one(tmp_path: Path) -> None:
    file = tmp_path / "asks.yaml"
    file.write_text(
        """
name: asks
nodes:
  - {id: a, handler: noop, retry: {max_attempts: 1, on_exhausted: pause}}
  - {id: w, handler: wait_for_signal, config: {name: go, timeout: 1h}}
"""
    )
    stubs = tmp_path / "stubs.yaml"
    stubs.write_text("nodes: {a: {fail: always}}")

    done = CliRunner().invoke(app, ["simulate", str(file), "--stubs", str(stubs)])

    assert done.output.splitlines()[-2:] == [
        "waiting for an operator to resume it, or to decide about a and then resume it",
        "also waiting: w",
    ]


SAMPLES = sorted(
    str(path.relative_to(ROOT))
    for folder in ("examples", "workflows")
    for path in (ROOT / folder).iterdir()
    if path.suffix in (".yaml", ".json") and not is_stubs(path)
)


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_is_simulated_without_stubs_being_named(sample: str) -> None:
    done = CliRunner().invoke(app, ["simulate", str(ROOT / sample)])

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1].startswith("COMPLETED")


def test_what_is_wrong_with_a_document_with_steps_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "steps.yaml"
    file.write_text("name: x\ntrigger: {type: webhook, path: /x}\nsteps:\n  - {id: a, type: htpp}\n")

    done = CliRunner().invoke(app, ["simulate", str(file)])

    assert done.exit_code == 2
    assert done.stderr.startswith(f"headrace simulate: {file}:4: ")


def test_a_handler_that_only_a_worker_has_is_stubbed_and_a_slip_is_not(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("name: x\nnodes:\n  - {id: A, handler: my_own, config: {n: 1}}\n")

    own = CliRunner().invoke(app, ["simulate", str(file)])
    file.write_text("name: x\nnodes:\n  - {id: A, handler: my_own}\n  - {id: B, handler: htpp}\n")
    slip = CliRunner().invoke(app, ["simulate", str(file)])

    assert (own.exit_code, 'A = {"status": "ok", "config": {"n": 1}}' in own.stdout) == (0, True)
    assert (slip.exit_code, "did you mean 'http'?" in slip.stderr) == (2, True)


def test_stubs_beside_the_file_are_taken_unless_others_are_named(files: tuple[str, str]) -> None:
    flow, stubs = files
    Path(flow).with_name("flow.stubs.yaml").write_text("nodes: {A: {output: {n: 6}}}")

    beside = CliRunner().invoke(app, ["simulate", flow, "-i", "k=1"])
    named = CliRunner().invoke(app, ["simulate", flow, "--stubs", stubs, "-i", "k=1"])

    assert ('A = {"n": 6}' in beside.stdout, 'A = {"n": 5}' in named.stdout) == (True, True)
    assert beside.stderr == f"stubs: {Path(flow).with_name('flow.stubs.yaml')}\n"
