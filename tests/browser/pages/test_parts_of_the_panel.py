"""What the panel of a node works out by itself."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.modules import Module

MOMENT = "2026-11-29T08:00:{:06.3f}Z"


def attempt(
    outcome: str,
    queued: float,
    started: float | None,
    ended: float | None,
    waiting_since: float | None = None,
    **more: Any,
) -> dict[str, Any]:
    """An attempt with moments in seconds."""

    def at(moment: float | None) -> str | None:
        return None if moment is None else MOMENT.format(moment)

    return {
        "outcome": outcome,
        "queued_at": at(queued),
        "started_at": at(started),
        "ended_at": at(ended),
        "waiting_since": at(waiting_since),
        **more,
    }


@pytest.mark.parametrize(
    ("attempts", "end", "expected"),
    [
        ([attempt("completed", 0, 1, 3)], 3, (1, 2, 0)),
        ([attempt("running", 0, 1, None)], 5, (1, 4, 0)),
        ([attempt("queued", 2, None, None)], 5, (3, 0, 0)),
        ([attempt("retrying", 0, 1, 2), attempt("completed", 10, 11, 12)], 12, (2, 2, 8)),
        ([attempt("retrying", 0, 1, 2)], 9, (1, 1, 7)),
        ([attempt("waiting", 0, 1, None, waiting_on="approval")], 9, (1, 0, 8)),
        ([attempt("waiting", 0, 1, None, waiting_since=3)], 9, (1, 2, 6)),
        # Answered, after it had worked for two seconds and waited for five.
        ([attempt("completed", 0, 1, 8, waiting_on="approval", waiting_since=3)], 8, (1, 2, 5)),
        ([attempt("cancelled", 0, 1, 8, waiting_since=1)], 8, (1, 0, 7)),
        ([attempt("waiting", 0, 1, 6, waiting_since=2), attempt("completed", 6, 7, 9)], 9, (2, 3, 4)),
        ([], 9, (0, 0, 0)),
    ],
)
def test_time_is_split(
    pure: Callable[[str], Module], attempts: list[dict[str, Any]], end: float, expected: tuple[int, ...]
) -> None:
    part = pure("pages/run/attempts.js")

    spent = part.run(
        "(module, attempts, end) => module.spentOf(attempts, Date.parse(end))", attempts, MOMENT.format(end)
    )

    assert (spent["queued"], spent["running"], spent["waiting"]) == tuple(each * 1_000 for each in expected)


def test_a_request_is_a_command_that_a_shell_takes(pure: Callable[[str], Module]) -> None:
    part = pure("pages/run/http_tab.js")
    config = {
        "url": "https://a.example/x?y=1#top",
        "method": "put",
        "headers": {"X-Note": "it's $HOME `x`"},
        "query": {"q": "a b&c", "n": [1, 2], "none": None},
        "body": {"text": "'; rm -rf /"},
        "timeout": "5s",
        "follow_redirects": False,
    }

    words = shlex.split(part.call("curlOf", config).replace("\\\n", " "))

    assert words == [
        *("curl", "-X", "PUT", "--max-time", "5", "-H", "X-Note: it's $HOME `x`"),
        *("-H", "Content-Type: application/json", "--data-raw", """{"text":"'; rm -rf /"}"""),
        "https://a.example/x?y=1&q=a%20b%26c&n=1&n=2#top",
    ]
    assert shlex.split(part.call("curlOf", {"url": "http://a.example"}).replace("\\\n", " ")) == [
        *("curl", "-L", "http://a.example")
    ]


def test_a_policy_is_said_in_words(pure: Callable[[str], Module]) -> None:
    part = pure("pages/run/retry_tab.js")

    once, usual, chosen = part.each(
        "ruleInWords",
        ({"max_attempts": 1},),
        ({},),
        (
            {
                "max_attempts": 5,
                "initial_interval": "200ms",
                "backoff_coefficient": 1,
                "non_retryable": ["Http.4xx"],
            },
        ),
    )

    assert once == ["Tried once."]
    assert usual[0] == "Up to 3 tries."
    assert "1s before the second, 2 times as long" in usual[1]
    assert chosen == [
        "Up to 5 tries.",
        "Waits 200ms before the second: anything up to that.",
        "Never after Http.4xx.",
    ]


def test_signals_that_are_waited_for_are_offered_first(pure: Callable[[str], Module]) -> None:
    part = pure("parts/signal_form.js")
    definition = {
        "interface": {"events": {"Noted": {"schema": {"type": "string"}}}},
        "nodes": [
            {"id": "later", "handler": "wait_for_signal", "config": {"name": "later"}},
            {"id": "own", "handler": "wait_for_signal", "config": {"name": "{{ inputs.name }}"}},
            {
                "id": "now",
                "handler": "wait_for_signal",
                "config": {"name": "paid", "schema": {"type": "object"}},
            },
        ],
    }

    offers = part.run(
        "(module, definition) => module.signalOffers(definition, (id) => id === 'now')", definition
    )

    assert offers == [
        {"name": "paid", "schema": {"type": "object"}, "waiting": ["now"]},
        {"name": "later", "schema": None, "waiting": []},
        {"name": "Noted", "schema": {"type": "string"}, "waiting": []},
    ]
