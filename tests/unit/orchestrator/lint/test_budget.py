"""A budget that is spent leaves warnings out; those that remain are still true."""

import pytest

from orchestrator.lint.budget import BUDGET, LintBudget
from orchestrator.lint.lint import lint
from tests.dags import node
from tests.unit.orchestrator.lint.cases import BRANCHES, definition, reading

JOIN = node("D", after=["A", "B"], trigger_rule="all_success")
READER = reading("E", "{{ A.text }}", after=["A", "B"])
SPENT = LintBudget(
    tracking_work=0,
    max_tracked_nodes=0,
    min_tracked_nodes=0,
    upstream_visits=0,
    witness_runs=0,
    output_nodes=0,
)


def test_a_spent_budget_gives_no_warning_that_a_full_one_does_not() -> None:
    document = definition(*BRANCHES, JOIN, READER, node("off", when=False))

    full, spent = lint(document, budget=BUDGET), lint(document, budget=SPENT)

    assert [each.code for each in full] == ["never_runs", "join_never_runs", "reference_may_be_missing"]
    assert [each.code for each in spent] == ["never_runs"]


@pytest.mark.parametrize("bound", ["witness_runs", "upstream_visits"])
def test_without_room_for_a_search_a_missing_reference_is_not_guessed(bound: str) -> None:
    budget = LintBudget(**{bound: 0 if bound == "witness_runs" else -1})

    assert lint(definition(*BRANCHES, READER), budget=budget) == []
