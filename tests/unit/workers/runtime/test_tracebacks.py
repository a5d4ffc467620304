"""Where the code of a handler was when it failed."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from headrace import Terminal
from headrace.wording import TRACEBACK_MAX_CHARS
from orchestrator.errors import NodeError
from orchestrator.store.replies import Claim
from workers.outcome import Failed
from workers.runtime.tracebacks import failure_of, log_failure, traceback_of


def raised(work: Any) -> BaseException:
    try:
        work()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def step_that_breaks() -> None:
    raise ValueError("no such row")


def test_the_traceback_names_file_line_and_function() -> None:
    text = str(traceback_of(raised(step_that_breaks)).shown)

    assert text.startswith("Traceback (most recent call last):")
    assert "test_tracebacks.py" in text
    assert "in step_that_breaks" in text
    assert text.endswith("ValueError: no such row")


def test_causes_and_members_of_a_group_are_shown() -> None:
    def work() -> None:
        try:
            step_that_breaks()
        except ValueError as error:
            raise ExceptionGroup("several", [KeyError("k")]) from error

    text = str(traceback_of(raised(work)))

    assert text.index("ValueError: no such row") < text.index("ExceptionGroup: several")
    assert "KeyError: 'k'" in text


def test_a_recursion_is_shortened_and_what_is_long_keeps_its_end() -> None:
    def deeper(left: int) -> None:
        if not left:
            raise ValueError("x" * 50_000)
        deeper(left - 1)

    shown = traceback_of(raised(lambda: deeper(500))).shown

    assert "frames more" in str(traceback_of(raised(lambda: deeper(500))))
    assert len(shown) < TRACEBACK_MAX_CHARS + 100


@pytest.fixture
def claim() -> Claim:
    return Claim(
        "e1", "A", 1, "n", tries=1, crashes=0, message_id="", queued_ms=0, spec=b"{}", inputs=b"", resume=b"",
        value=b"", references=(),
    )  # fmt: skip


def test_only_what_was_not_foreseen_has_a_traceback(claim: Claim, caplog: pytest.LogCaptureFixture) -> None:
    meant = failure_of(raised(lambda: (_ for _ in ()).throw(Terminal("no stock"))), claim, worker_id="w")
    unforeseen = failure_of(raised(step_that_breaks), claim, worker_id="w")
    assert isinstance(meant, Failed)
    assert isinstance(unforeseen, Failed)

    with caplog.at_level(logging.WARNING):
        log_failure(claim, {"handler": "mine"}, meant.error)
        log_failure(claim, {"handler": "mine"}, unforeseen.error)

    assert meant.error.details is None
    (line,) = [record for record in caplog.records if record.message == "handler.failed"]
    assert (line.__dict__["execution_id"], line.__dict__["node_id"]) == (claim.execution_id, claim.node_id)
    assert "in step_that_breaks" in line.__dict__["traceback"]


def test_code_that_changed_is_said_for_it_pauses_an_execution(
    claim: Claim, caplog: pytest.LogCaptureFixture
) -> None:
    error = NodeError("CodeChanged", "the code of steps has changed", retryable=False, details={"steps": {}})

    with caplog.at_level(logging.WARNING):
        log_failure(claim, {"handler": "mine"}, error)

    (line,) = caplog.records
    assert (line.message, line.__dict__["execution_id"]) == ("handler.code_changed", claim.execution_id)
    assert line.__dict__["error"] == "the code of steps has changed"
