"""Decide whether a failed attempt is tried again, and when. Pure: the timer itself lives in Redis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from orchestrator.durations import parse_duration_ms
from orchestrator.errors import DefinitionInvalid, NodeError, Problem

Jitter = Literal["full", "equal", "none"]
OnExhausted = Literal["fail", "pause", "continue"]

JITTERS: tuple[Jitter, ...] = ("full", "equal", "none")
ON_EXHAUSTED: tuple[OnExhausted, ...] = ("fail", "pause", "continue")
MAX_ATTEMPTS = 1_000
#: A server's Retry-After is believed up to one day.
MAX_RETRY_AFTER_MS = 86_400_000

_FIELDS = (
    "max_attempts",
    "initial_interval",
    "backoff_coefficient",
    "maximum_interval",
    "jitter",
    "retry_on",
    "non_retryable",
    "respect_retry_after",
    "on_exhausted",
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently one node is tried.

    max_attempts   total tries, the first included.
    retry_on       error types (patterns such as `Http.*`); when given, only these are tried again,
                   even those that call themselves not retryable.
    non_retryable  error types never tried again; beats retry_on.
    on_exhausted   what follows when the node has failed for good: `continue` lets the execution go on as if
                   it had completed, with the output {"error": …}; `pause` lets the node wait for an operator
                   and pauses the execution.
    """

    max_attempts: int = 3
    initial_interval_ms: int = 1_000
    backoff_coefficient: float = 2.0
    maximum_interval_ms: int = 60_000
    jitter: Jitter = "full"
    retry_on: tuple[str, ...] = ()
    non_retryable: tuple[str, ...] = ()
    respect_retry_after: bool = True
    on_exhausted: OnExhausted = "fail"

    @classmethod
    def from_dict(cls, fields: Any, *, path: str = "retry") -> RetryPolicy:
        """Build a policy from a definition's `retry`; raises DefinitionInvalid with every problem in it."""
        problems: list[Problem] = []
        policy = _read(fields, path, problems)
        if problems or policy is None:
            raise DefinitionInvalid(problems)
        return policy

    def to_dict(self) -> dict[str, Any]:
        """Give the policy in the form from_dict reads; intervals in seconds."""
        return {
            "max_attempts": self.max_attempts,
            "initial_interval": self.initial_interval_ms / 1_000,
            "backoff_coefficient": self.backoff_coefficient,
            "maximum_interval": self.maximum_interval_ms / 1_000,
            "jitter": self.jitter,
            "retry_on": list(self.retry_on),
            "non_retryable": list(self.non_retryable),
            "respect_retry_after": self.respect_retry_after,
            "on_exhausted": self.on_exhausted,
        }


#: What a node has when neither it nor its handler asks for more.
ONE_ATTEMPT = RetryPolicy(max_attempts=1)


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
    if policy is None or tries >= policy.max_attempts or not _worth_another(policy, error):
        return None
    delay_ms = _jittered(policy, _back_off_ms(policy, tries), random)
    if policy.respect_retry_after and retry_after_ms is not None:
        delay_ms = max(delay_ms, min(retry_after_ms, MAX_RETRY_AFTER_MS))
    return delay_ms


def longest_waits_ms(policy: RetryPolicy) -> int:
    """Add up the waits between all tries, each as long as jitter can make it; Retry-After is not foreseen."""
    return sum(_back_off_ms(policy, tries) for tries in range(1, policy.max_attempts))


def _worth_another(policy: RetryPolicy, error: NodeError) -> bool:
    if matches(error.type, policy.non_retryable):
        return False
    if policy.retry_on:
        return matches(error.type, policy.retry_on)
    return error.retryable


def matches(error_type: str, patterns: tuple[str, ...]) -> bool:
    """Say whether an error type is named by one of the patterns; `*` stands for anything."""
    return any(fnmatchcase(error_type, pattern) for pattern in patterns)


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


def _read(fields: Any, path: str, problems: list[Problem]) -> RetryPolicy | None:
    if not isinstance(fields, Mapping):
        message = f"'{path}' must be an object, got {type(fields).__name__}"
        problems.append(Problem(path, "wrong_type", message))
        return None
    for name in fields:
        if name not in _FIELDS:
            message = f"unknown field {str(name)[:80]!r} in '{path}' (allowed: {', '.join(_FIELDS)})"
            problems.append(Problem(f"{path}.{name}"[:200], "unknown_field", message))
    default = RetryPolicy()
    given: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}

    def checked(name: str, fallback: Any, read: Callable[[Any], Any]) -> Any:
        if name not in given:
            return fallback
        try:
            return read(given[name])
        except ValueError as problem:
            problems.append(Problem(f"{path}.{name}", "bad_value", f"'{path}.{name}': {problem}"))
            return fallback

    return RetryPolicy(
        max_attempts=checked("max_attempts", default.max_attempts, _attempts),
        initial_interval_ms=checked("initial_interval", default.initial_interval_ms, parse_duration_ms),
        backoff_coefficient=checked("backoff_coefficient", default.backoff_coefficient, _coefficient),
        maximum_interval_ms=checked("maximum_interval", default.maximum_interval_ms, parse_duration_ms),
        jitter=checked("jitter", default.jitter, _jitter),
        retry_on=checked("retry_on", (), _patterns),
        non_retryable=checked("non_retryable", (), _patterns),
        respect_retry_after=checked("respect_retry_after", default.respect_retry_after, _flag),
        on_exhausted=checked("on_exhausted", default.on_exhausted, _on_exhausted),
    )


def _attempts(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_ATTEMPTS:
        raise ValueError(f"expected a whole number from 1 to {MAX_ATTEMPTS}, got {value!r:.60}")
    return value


def _coefficient(value: Any) -> float:
    if type(value) not in (int, float) or not 1 <= value <= 100:
        raise ValueError(f"expected a number from 1 to 100, got {value!r:.60}")
    return float(value)


def _jitter(value: Any) -> Jitter:
    for jitter in JITTERS:
        if value == jitter:
            return jitter
    raise ValueError(f"expected one of {', '.join(JITTERS)}, got {value!r:.60}")


def _on_exhausted(value: Any) -> OnExhausted:
    for word in ON_EXHAUSTED:
        if value == word:
            return word
    raise ValueError(f"expected one of {', '.join(ON_EXHAUSTED)}, got {value!r:.60}")


def _patterns(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > 32:
        raise ValueError("expected a list of at most 32 error types such as 'Http.5xx' or 'Http.*'")
    for pattern in value:
        if not isinstance(pattern, str) or not 1 <= len(pattern) <= 128:
            raise ValueError(f"each error type is a text of 1 to 128 characters, got {pattern!r:.60}")
    return tuple(value)


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"expected true or false, got {value!r:.60}")
    return value
