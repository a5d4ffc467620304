"""Lists of retry rules against a small reading of their own: first match wins, each rule counts by itself."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.definitions.retry import RetryPolicy
from orchestrator.definitions.retry_decision import decide_retry, longest_waits_ms
from orchestrator.errors import NodeError

TYPES = (
    "Http.4xx",
    "Http.5xx",
    "Http.Transport",
    "Timeout.StartToClose",
    "Timeout.Heartbeat",
    "HandlerError",
)
PATTERNS = (*TYPES, "Http.*", "Timeout.*", "*")

RULES = st.lists(
    st.fixed_dictionaries(
        {
            "errors": st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3),
            "max_attempts": st.integers(1, 4),
            "initial_interval": st.integers(0, 5),
            "backoff_coefficient": st.integers(1, 3),
            "maximum_interval": st.integers(1, 20),
            "jitter": st.just("none"),
        }
    ),
    min_size=1,
    max_size=5,
)


def read_plainly(rules: list[dict[str, Any]], errors: list[str]) -> list[int | None]:
    """Give the wait in seconds after each failed attempt; None, at the end, for no further one."""
    left = {number: rule["max_attempts"] - 1 for number, rule in enumerate(rules)}
    waits: list[int | None] = []
    for error in errors:
        naming = [i for i, each in enumerate(rules) if any(fnmatchcase(error, one) for one in each["errors"])]
        if not naming or left[naming[0]] == 0:
            return [*waits, None]
        number, rule = naming[0], rules[naming[0]]
        times = rule["max_attempts"] - 1 - left[number]
        left[number] -= 1
        waits.append(
            min(rule["initial_interval"] * rule["backoff_coefficient"] ** times, rule["maximum_interval"])
        )
    return waits


@given(RULES, st.lists(st.sampled_from(TYPES), min_size=1, max_size=20), st.booleans())
def test_rules_wait_as_a_plain_reading_says(
    rules: list[dict[str, Any]], errors: list[str], is_object: bool
) -> None:
    policy = RetryPolicy.from_dict({"rules": rules} if is_object else rules)
    # As workers and loops see it: written to the spec, and read again.
    policy = RetryPolicy.from_dict(policy.to_dict())
    counts: tuple[int, ...] = ()
    waits: list[int | None] = []

    for tries, error in enumerate(errors, start=1):
        verdict = decide_retry(
            policy, tries, NodeError(error, "no", False), counts=counts, random=lambda: 0.5
        )
        counts = verdict.counts
        waits.append(None if verdict.delay_ms is None else verdict.delay_ms // 1_000)
        if verdict.delay_ms is None:
            break

    assert waits == read_plainly(rules, errors)
    assert len(waits) <= policy.max_attempts
    assert sum(wait or 0 for wait in waits) * 1_000 <= longest_waits_ms(policy)
    assert sum(counts) in (len(waits), len(waits) - 1)
