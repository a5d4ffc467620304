"""How a handler's return or exception becomes an outcome."""

from __future__ import annotations

from typing import Any

import pytest

from clients.http.wire import SsrfBlocked, TransportFailed
from clients.llm.provider import LlmError
from headrace import Cancelled, Completed, Retryable, Skip, Skipped, Terminal, Waiting
from orchestrator.errors import NodeError, TemplateError
from workers.context import HandlerContext
from workers.outcome import Failed, encode_output, from_exception, to_outcome


def failed(error: Exception) -> Failed:
    outcome = from_exception(error, attempt=2, worker="w1")
    assert isinstance(outcome, Failed)
    return outcome


@pytest.mark.parametrize("value", [{"a": 1}, [1, 2], "text", 7, None, True])
def test_any_json_value_completes_the_node(value: Any) -> None:
    assert to_outcome(value) == Completed(value)


@pytest.mark.parametrize(
    "outcome",
    [Completed(1, ("B",)), Skipped("nothing new"), Waiting(delay_ms=5), Failed(NodeError("X", "y"))],
)
def test_an_outcome_stands_for_itself(outcome: Any) -> None:
    assert to_outcome(outcome) is outcome


def test_an_unforeseen_exception_is_a_retryable_handler_error() -> None:
    error = failed(RuntimeError("Simulated\nfailure")).error

    assert error == NodeError("HandlerError", "RuntimeError: Simulated failure", True, None, 2, "w1")


def test_an_exception_without_text_is_named() -> None:
    assert failed(KeyError()).error.message == "KeyError:"


def test_authors_say_what_kind_of_failure_it_is() -> None:
    later = failed(Retryable("busy", after_s=1.5, type="Bank.Busy", details={"queue": 3}))
    never = failed(Terminal("no such account"))

    assert (later.error.type, later.error.retryable, later.retry_after_ms) == ("Bank.Busy", True, 1500)
    assert later.error.details == {"queue": 3}
    assert (never.error.type, never.error.retryable, never.retry_after_ms) == ("HandlerError", False, None)


def test_a_skip_skips() -> None:
    assert from_exception(Skip("nothing new")) == Skipped("nothing new")


@pytest.mark.parametrize(
    ("error", "error_type", "retryable"),
    [
        (TransportFailed("x", kind="connect", is_sent=False), "Http.Transport", True),
        (SsrfBlocked("x"), "SsrfBlocked", False),
        (LlmError("x", type="Llm.RateLimited", retryable=True, retry_after_s=3), "Llm.RateLimited", True),
        (TemplateError("B", "config.url", "{{ A.x }}", "no key 'x'"), "TemplateError", False),
    ],
)
def test_errors_of_clients_and_engine_keep_their_type(
    error: Exception, error_type: str, retryable: bool
) -> None:
    found = failed(error).error

    assert (found.type, found.retryable) == (error_type, retryable)


def test_an_output_is_serialised() -> None:
    assert encode_output({"a": [1, None, "ü"]}, max_bytes=100) == '{"a":[1,null,"ü"]}'.encode()


@pytest.mark.parametrize(
    "output",
    [
        {"a": b"bytes"},
        {1, 2},
        {1: "key"},
        object(),
        "\ud800",
        2**1024,
        {"x": [1, float("nan")]},
        float("inf"),
        [[-float("inf")]],
    ],
)
def test_an_output_that_json_cannot_hold_is_a_terminal_failure(output: Any) -> None:
    with pytest.raises(Terminal) as refused:
        encode_output(output, max_bytes=10_000)

    assert refused.value.error_type == "HandlerError"


def test_the_place_of_a_nan_is_named() -> None:
    with pytest.raises(Terminal, match=r"output\.x\[1\] is NaN"):
        encode_output({"x": [1, float("nan")]}, max_bytes=100)


def test_a_circular_output_is_a_terminal_failure() -> None:
    output: list[Any] = []
    output.append(output)

    with pytest.raises(Terminal):
        encode_output(output, max_bytes=100)


class Guarding(dict[str, Any]):
    """Lets nobody look through it."""

    def items(self) -> Any:
        raise LookupError("not now")


def test_an_output_that_lets_nobody_look_through_it_is_refused_as_any_other() -> None:
    with pytest.raises(Terminal, match="the handler's output is not JSON: "):
        encode_output(Guarding(a=object()), max_bytes=100)


def test_an_output_over_the_limit_says_both_sizes() -> None:
    with pytest.raises(Terminal, match="102 bytes; at most 100") as refused:
        encode_output("x" * 100, max_bytes=100)

    assert refused.value.error_type == "OutputTooLarge"


def test_a_handler_that_stops_since_its_work_is_not_wanted_fails_as_cancelled() -> None:
    context = HandlerContext(execution_id="e1", node_id="A")
    context.raise_if_cancelled()
    context.cancelled.set()

    with pytest.raises(Cancelled) as raised:
        context.raise_if_cancelled()

    outcome = from_exception(raised.value)
    assert isinstance(outcome, Failed)
    assert (outcome.error.type, outcome.error.retryable) == ("Cancelled", True)
