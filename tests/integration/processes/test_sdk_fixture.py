"""The fixture headrace_client starts a stack of its own, with the handlers of the tests, and stops it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source_tree import ROOT

HANDLERS = """
from headrace import Context, handler


@handler("shout")
def shout(config: dict, context: Context) -> dict:
    return {"text": config["text"].upper()}
"""
TESTS = """
from headrace import Client, Workflow
from headrace.testing import simulate


def shouting() -> Workflow:
    with Workflow("Shouting") as w:
        loud = w.node("shout", config={"text": w.inputs.text})
        w.returns(loud.output.text)
    return w


def test_runs(headrace_client: Client) -> None:
    assert headrace_client.run(shouting(), {"text": "hey"}).result(timeout=60) == "HEY"


def test_simulates(headrace_client: Client) -> None:
    found = simulate(headrace_client, shouting(), outputs={"loud": {"text": "stub"}}, inputs={"text": "x"})

    assert (found.status, found.output) == ("COMPLETED", "stub")
"""


@pytest.mark.timeout(300)
def test_a_stack_of_the_tests_own_runs_their_handlers(tmp_path: Path) -> None:
    (tmp_path / "shouting_handlers.py").write_text(HANDLERS)
    (tmp_path / "test_shouting.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nheadrace_handlers = shouting_handlers\n")
    options = ["-q", "-p", "no:cacheprovider", "-p", "headrace.pytest_plugin", "-p", "no:valkey"]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--basetemp", str(tmp_path / "temporary"), str(tmp_path)],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "sdk" / "src"),
            "HEADRACE_HOME": str(ROOT),
            # Of the engine that somebody uses in this shell; the tests' own asks for no key.
            "AUTH_REQUIRED": "true",
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert "2 passed" in done.stdout, done.stdout + done.stderr
