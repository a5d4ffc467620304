"""Budgets as definitions give them, and how usage adds up."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definitions.budgets import NOTHING_USED, Budget, Caps, Usage
from orchestrator.errors import DefinitionInvalid
from tests.dags import compiled, node, workflow


def budget_of(**budget: Any) -> Budget | None:
    return compiled(workflow(node("A"), budget=budget)).budget


def test_limits_are_read() -> None:
    read = budget_of(max_tokens=1_000, daily={"max_cost_usd": 2.5}, on_budget="fail")

    assert read == Budget(Caps(1_000, None), Caps(None, 2_500_000_000))
    assert read.words() == "1000 - - 2500000000"


def test_a_budget_may_ask_rather_than_fail() -> None:
    read = budget_of(max_cost_usd=1, on_budget="pause")

    assert read is not None
    assert read.words() == "- 1000000000 - - pause"


def test_a_definition_without_a_budget_has_none() -> None:
    assert compiled(workflow(node("A"))).budget is None
    assert compiled(workflow(node("A"), budget=None)).budget is None


@pytest.mark.parametrize(
    ("budget", "path", "code", "says"),
    [
        ({}, "budget", "empty", "sets no limit"),
        (1_000, "budget", "wrong_type", "an object"),
        ({"max_tokens": 0}, "budget.max_tokens", "bad_value", "from 1"),
        ({"max_tokens": True}, "budget.max_tokens", "bad_value", "whole number"),
        ({"max_tokens": 1.5}, "budget.max_tokens", "bad_value", "whole number"),
        ({"max_tokens": "10"}, "budget.max_tokens", "bad_value", "whole number"),
        ({"max_cost_usd": 0}, "budget.max_cost_usd", "bad_value", "above 0"),
        ({"max_cost_usd": 1e9}, "budget.max_cost_usd", "bad_value", "at most"),
        ({"max_token": 10}, "budget.max_token", "unknown_field", "max_tokens"),
        ({"daily": {"max_tokens": -1}}, "budget.daily.max_tokens", "bad_value", "from 1"),
        ({"daily": 5}, "budget.daily", "wrong_type", "an object"),
        ({"max_tokens": 1, "on_budget": "explode"}, "budget.on_budget", "bad_value", "fail"),
        ({"on_budget": "pause"}, "budget", "empty", "sets no limit"),
    ],
)
def test_what_is_wrong_is_named(budget: Any, path: str, code: str, says: str) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        compiled(workflow(node("A"), budget=budget))

    problem = next(each for each in refused.value.problems if each.path == path)
    assert problem.code == code
    assert says in f"{problem.message} {problem.hint}"


def test_usage_adds_up() -> None:
    one = Usage(
        1, 0, input=1, output=2, cache_read=3, cache_write=4, cost_nanos=5, lost_calls=1, lost_tokens=6
    )

    assert one + one + NOTHING_USED == Usage(2, 0, 2, 4, 6, 8, 10, 2, 12)
    assert one.tokens == 16


def test_a_cost_is_none_while_nothing_has_a_price() -> None:
    assert NOTHING_USED.cost_usd is None
    assert Usage(calls=2, unpriced_calls=2).cost_usd is None
    assert Usage(calls=2, unpriced_calls=1, cost_nanos=500_000_000).cost_usd == 0.5
