"""Whether and when a failed attempt is tried again."""

from typing import Any

from orchestrator.definitions.retry import RetryPolicy
from orchestrator.definitions.retry_decision import RetryDecision, decide_retry, next_delay_ms
from orchestrator.errors import NodeError

PLAIN = RetryPolicy(max_attempts=5, jitter="none")


def failed(kind: str = "HandlerError", *, retryable: bool = True) -> NodeError:
    return NodeError(type=kind, message="no", retryable=retryable)


def delay(policy: RetryPolicy | None, tries: int, error: NodeError | None = None, **more: Any) -> int | None:
    return next_delay_ms(policy, tries, error or failed(), random=lambda: 0.5, **more)


def test_without_a_policy_there_is_one_attempt() -> None:
    assert delay(None, 1) is None


def test_back_off_doubles_up_to_its_maximum() -> None:
    policy = RetryPolicy(max_attempts=20, jitter="none", maximum_interval_ms=5_000)

    assert [delay(policy, tries) for tries in (1, 2, 3, 4, 19)] == [1_000, 2_000, 4_000, 5_000, 5_000]


def test_max_attempts_counts_the_first() -> None:
    assert delay(PLAIN, 4) is not None
    assert delay(PLAIN, 5) is None


def test_growth_never_overflows() -> None:
    policy = RetryPolicy(max_attempts=1_000, backoff_coefficient=100.0, jitter="none")

    assert delay(policy, 999) == 60_000


def test_jitter_full_and_equal() -> None:
    assert delay(RetryPolicy(jitter="full"), 1) == 500
    assert delay(RetryPolicy(jitter="equal"), 1) == 750


def test_an_error_that_is_not_retryable_ends_the_node_unless_it_is_listed() -> None:
    listed = RetryPolicy(retry_on=("Http.*",))

    assert delay(PLAIN, 1, failed("Http.4xx", retryable=False)) is None
    assert delay(listed, 1, failed("Http.4xx", retryable=False)) is not None
    assert delay(listed, 1, failed("LeaseLost")) is None


def test_a_map_whose_items_have_had_their_tries_has_no_more() -> None:
    policy = RetryPolicy(max_attempts=5, retry_on=("*",))

    verdict = decide_retry(policy, 1, failed("ItemsFailed", retryable=False), counts=(2,), random=lambda: 0.5)

    assert verdict == RetryDecision(None, (2,))


def test_non_retryable_beats_retry_on() -> None:
    policy = RetryPolicy(retry_on=("Http.*",), non_retryable=("Http.4xx",))

    assert delay(policy, 1, failed("Http.4xx")) is None
    assert delay(policy, 1, failed("Http.5xx")) is not None


def test_retry_after_is_a_lower_bound_and_believed_up_to_a_day() -> None:
    deaf = RetryPolicy(jitter="none", respect_retry_after=False)

    assert delay(PLAIN, 1, retry_after_ms=30_000) == 30_000
    assert delay(PLAIN, 1, retry_after_ms=10) == 1_000
    assert delay(PLAIN, 1, retry_after_ms=10**12) == 86_400_000
    assert delay(deaf, 1, retry_after_ms=30_000) == 1_000
