"""Problems: bounded in number, and worded alike everywhere."""

from __future__ import annotations

import pytest

from headrace.wording import did_you_mean
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings, joined
from orchestrator.errors import DefinitionInvalid
from tests.growth import growth


def test_problems_beyond_the_bound_are_counted() -> None:
    findings = Findings(Limits(max_problems=2))

    for index in range(5):
        findings.add(f"nodes[{index}]", "missing", "missing")

    with pytest.raises(DefinitionInvalid) as refused:
        findings.raise_any()
    assert [problem.message for problem in refused.value.problems] == [
        "missing", "missing", "and 3 more problems",
    ]  # fmt: skip


def test_without_a_problem_nothing_is_raised() -> None:
    Findings(Limits()).raise_any()


def test_only_the_first_problems_get_a_hint() -> None:
    findings = Findings(Limits())

    hints = [findings.did_you_mean("htpp", ["http"]) for _ in range(30)]

    assert hints[0] == "did you mean 'http'?"
    assert hints[-1] is None


def test_long_words_that_are_alike_get_fewer_hints_not_later_ones() -> None:
    many = [f"{'a' * 120}{number}" for number in range(300)]

    def ask(count: int) -> None:
        findings = Findings(Limits())
        for _ in range(count):
            findings.did_you_mean("a" * 124, many)

    assert did_you_mean("htpp", ["x" * 10] * 900 + ["http"]) == "did you mean 'http'?"
    assert growth(ask, 1, 20) < 10


def test_long_lists_are_cut() -> None:
    assert joined(["a", "b", "c"], 2) == "a, b and 1 more"
