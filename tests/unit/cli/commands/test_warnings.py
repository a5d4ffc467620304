"""What an answer warns of is printed beside it, and the exit code stays."""

from __future__ import annotations

import httpx2
import pytest
from typer.testing import CliRunner

from cli.__main__ import app
from tests.unit.cli.commands.invoking import answer_with

WARNING = {
    "path": "inputs.custmer",
    "code": "ignored_input",
    "message": "the workflow has no input 'custmer', and nothing in it reads one",
    "hint": "did you mean 'customer'?",
}
SAID = f"warning: {WARNING['message']}; {WARNING['hint']}\n"
ID = "01a22b99-c676-7434-8e07-ec19b6442000"


@pytest.mark.parametrize(
    "words",
    [
        ("run", "orders", "--no-watch"),
        ("replay", ID, "--no-watch"),
        ("fork", ID, "--no-watch"),
        ("schedules", "trigger", "nightly"),
    ],
)
def test_what_starts_says_on_standard_error_what_is_likely_a_mistake(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {
        "execution_id": ID, "status": "RUNNING", "replay_of": ID, "forked_from": ID,
        "nodes": [], "reused": [], "skipped": [], "preview": False, "warnings": [WARNING],
    }  # fmt: skip
    answer_with(monkeypatch, lambda request: httpx2.Response(202, json=made))

    done = CliRunner().invoke(app, list(words))

    assert (done.exit_code, done.stdout, done.stderr) == (0, f"{ID}\n", SAID)
