"""Retry policies as definitions write them."""

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.definitions.retry import RetryPolicy
from orchestrator.errors import DefinitionInvalid


def test_a_policy_survives_being_stored() -> None:
    policy = RetryPolicy.from_dict(
        {"max_attempts": 4, "initial_interval": "500ms", "retry_on": ["Http.*"], "jitter": "equal"}
    )

    assert policy.initial_interval_ms == 500
    assert RetryPolicy.from_dict(policy.to_dict()) == policy


def test_every_problem_of_a_policy_is_listed() -> None:
    with pytest.raises(DefinitionInvalid) as caught:
        RetryPolicy.from_dict(
            {
                "max_attempts": True,
                "jitter": "some",
                "retry_on": "x",
                "backoff_coefficient": 0,
                "tries": 1,
                "initial_interval": -1,
                "respect_retry_after": "yes",
            },
            path="nodes[0].retry",
        )

    assert {problem.path for problem in caught.value.problems} == {
        f"nodes[0].retry.{name}"
        for name in (
            "max_attempts",
            "jitter",
            "retry_on",
            "backoff_coefficient",
            "tries",
            "initial_interval",
            "respect_retry_after",
        )
    }


@pytest.mark.parametrize("pattern", ["Http 5xx", "Http.[45]xx", "Http.?xx", "", "x" * 129, 5])
@pytest.mark.parametrize(
    ("path", "write"),
    [
        ("retry.retry_on", lambda errors: {"retry_on": errors}),
        ("retry.non_retryable", lambda errors: {"non_retryable": errors}),
        ("retry[0].errors", lambda errors: [{"errors": errors}]),
    ],
)
def test_an_error_type_has_few_characters(path: str, write: Callable[[Any], Any], pattern: Any) -> None:
    with pytest.raises(DefinitionInvalid) as caught:
        RetryPolicy.from_dict(write(["Http.*", pattern]))

    (problem,) = caught.value.problems
    assert (problem.path, problem.code) == (path, "bad_value")
    assert problem.message == (
        f"'{path}': each error type is 1 to 128 letters, digits, '_', '.', '-' and, for any text, '*'; "
        f"got {pattern!r:.60}"
    )


@pytest.mark.parametrize("fields", [None, "3", 3])
def test_a_policy_is_an_object_or_a_list(fields: Any) -> None:
    with pytest.raises(DefinitionInvalid, match="must be an object"):
        RetryPolicy.from_dict(fields)
