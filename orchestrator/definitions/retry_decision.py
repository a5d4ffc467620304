"""Decide whether a failed attempt is tried again, and when. Pure: the timer itself lives in Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.definitions.error_types import matches
from orchestrator.definitions.retry import RetryPolicy
from orchestrator.errors import ErrorType, NodeError

#: A server's Retry-After is believed up to one day.
MAX_RETRY_AFTER_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """What follows a failed attempt.

    delay_ms    until the next one; None when there is none.
    counts      tries that each rule has counted, the failed one included; empty for a policy without rules.
    is_used_up  there was to be another one, had not so many failed already.
    """

    delay_ms: int | None
    counts: tuple[int, ...] = ()
    is_used_up: bool = False


def decide_retry(
    policy: RetryPolicy,
    tries: int,
    error: NodeError,
    *,
    counts: Sequence[int] = (),
    retry_after_ms: int | None = None,
    random: Callable[[], float],
) -> RetryDecision:
    """Decide whether a failed attempt is tried again, and after which delay.

    tries   charged tries so far, the failed one included.
    counts  of the rules, as the decision before this one gave them.
    random  gives a number in [0, 1); a parameter so that tests decide it.
    """
    if (
        error.type == ErrorType.ITEMS_FAILED
    ):  # Each item has had its tries; counting them again changes nothing.
        return RetryDecision(None, tuple(counts))
    if not policy.rules:
        delay_ms = next_delay_ms(policy, tries, error, retry_after_ms=retry_after_ms, random=random)
        return RetryDecision(delay_ms, (), delay_ms is None and 1 < policy.max_attempts <= tries)
    now = [counts[index] if index < len(counts) else 0 for index in range(len(policy.rules))]
    for index, rule in enumerate(policy.rules):
        if matches(error.type, rule.errors):
            now[index] += 1
            delay_ms = _delay_ms(rule.policy, now[index], retry_after_ms, random)
            return RetryDecision(delay_ms, tuple(now), delay_ms is None and rule.policy.max_attempts > 1)
    return RetryDecision(None, tuple(now))


def next_delay_ms(
    policy: RetryPolicy | None,
    tries: int,
    error: NodeError,
    *,
    retry_after_ms: int | None = None,
    random: Callable[[], float],
) -> int | None:
    """Say how long to wait before the next try, or None to give up.

    policy  None means a single attempt.
    tries   charged tries so far, the failed one included.
    random  gives a number in [0, 1); a parameter so that tests decide it.
    """
    if policy is None or not is_worth_another(policy, error):
        return None
    return _delay_ms(policy, tries, retry_after_ms, random)


def _delay_ms(
    policy: RetryPolicy, tries: int, retry_after_ms: int | None, random: Callable[[], float]
) -> int | None:
    if tries >= policy.max_attempts:
        return None
    delay_ms = _jittered(policy, _back_off_ms(policy, tries), random)
    if policy.respect_retry_after and retry_after_ms is not None:
        delay_ms = max(delay_ms, min(retry_after_ms, MAX_RETRY_AFTER_MS))
    return delay_ms


def longest_waits_ms(policy: RetryPolicy) -> int:
    """Add up the waits between all tries, each as long as jitter can make it; Retry-After is not foreseen."""
    if policy.rules:
        return sum(longest_waits_ms(rule.policy) for rule in policy.rules)
    return sum(_back_off_ms(policy, tries) for tries in range(1, policy.max_attempts))


def is_worth_another(policy: RetryPolicy, error: NodeError) -> bool:
    """Say whether a policy without rules tries again after such an error, while it has tries left."""
    if matches(error.type, policy.non_retryable):
        return False
    if policy.retry_on:
        return matches(error.type, policy.retry_on)
    return error.retryable


def _back_off_ms(policy: RetryPolicy, tries: int) -> int:
    try:
        grown = policy.initial_interval_ms * policy.backoff_coefficient ** max(tries - 1, 0)
    except OverflowError:
        return policy.maximum_interval_ms
    return int(min(grown, policy.maximum_interval_ms))


def _jittered(policy: RetryPolicy, delay_ms: int, random: Callable[[], float]) -> int:
    if policy.jitter == "full":
        return round(random() * delay_ms)
    if policy.jitter == "equal":
        return round(delay_ms / 2 + random() * delay_ms / 2)
    return delay_ms
