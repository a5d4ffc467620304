"""A second reading of retries and time limits: how the tries of a node end, and after how long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def end_of_tries(node: dict[str, Any], results: Sequence[str], takes_s: int = 0) -> tuple[str, int, int]:
    """Play the tries of one unit.

    results  what each try comes to, the last one for ever: "ok" or a type of error.
    takes_s  seconds that each try takes; a stop by `start_to_close_timeout` counts as a failure.

    Gives its word (ok, fail, or late: a time limit ended it), the number of tries, and the seconds from
    its first try to its end. Whole seconds only, and no jitter where a limit depends on them.
    """
    longest, close = node.get("start_to_close_timeout"), node.get("schedule_to_close_timeout")
    budget = _Budget(node.get("retry") or {})
    now = tries = 0
    while True:
        result = results[min(tries, len(results) - 1)]
        tries += 1
        took = takes_s
        if longest is not None and takes_s > longest:
            result, took = "Timeout.StartToClose", longest
        if close is not None and now + took > close:
            return "late", tries, close
        now += took
        if result == "ok":
            return "ok", tries, now
        wait = budget.wait_after(result)
        if wait is None:
            return ("late" if result.startswith("Timeout.") else "fail"), tries, now
        if close is not None and now + wait >= close:
            return "late", tries, now
        now += wait


class _Budget:
    """What is left of the tries that a node's `retry` allows."""

    def __init__(self, retry: dict[str, Any] | list[dict[str, Any]]) -> None:
        rules = retry if isinstance(retry, list) else retry.get("rules")
        self.is_list = rules is not None
        # Numbers for all errors are one rule that names them all.
        self.rules = rules or [{"errors": ["*"], **retry}] if rules or retry else []  # type: ignore[dict-item]
        self.failures = [0] * len(self.rules)

    def wait_after(self, error: str) -> int | None:
        """Give the seconds until the next try; None when there is none."""
        for number, rule in enumerate(self.rules):
            if not any(_names(pattern, error) for pattern in rule["errors"]):
                continue
            if not self.is_list and not _is_for(rule, error):
                return None
            self.failures[number] += 1
            if self.failures[number] >= rule.get("max_attempts", 3):
                return None
            grown = rule.get("initial_interval", 1) * rule.get("backoff_coefficient", 2) ** (
                self.failures[number] - 1
            )
            return int(min(grown, rule.get("maximum_interval", 60)))
        return None


def _is_for(retry: dict[str, Any], error: str) -> bool:
    """Say whether numbers that are for all errors are for this one after all."""
    if any(_names(pattern, error) for pattern in retry.get("non_retryable", [])):
        return False
    wanted = retry.get("retry_on", [])
    return not wanted or any(_names(pattern, error) for pattern in wanted)


def _names(pattern: str, error: str) -> bool:
    return pattern == error or (pattern.endswith("*") and error.startswith(pattern[:-1]))
