"""The truth table of the trigger rules, cell by cell, against a slow reading of the documented table."""

from itertools import permutations, product

import pytest

from orchestrator.definitions.trigger_rules import (
    EARLY_RULES,
    RULES,
    RUN,
    WAIT,
    Cell,
    TriggerRule,
    Verdict,
    decide,
    lua_rules,
    outcome_class,
    render_truth_table,
    truth_table,
)
from orchestrator.states import NodeStatus, Reason

SETTLED_BY_FIRST_FAILURE = {
    "none_failed_min_one_success": "upstream_failed",
    "all_success": "upstream_failed",
    "none_failed": "trigger_rule_unmet",
}


def holds(rule: str, outcomes: list[str]) -> bool:
    """Say whether the rule, in the words of the documented table, is satisfied when all are known."""

    def some(kind: str) -> bool:
        return kind in outcomes

    def every(kind: str) -> bool:
        return set(outcomes) == {kind}

    return {
        "none_failed_min_one_success": some("ok") and not some("bad"),
        "all_success": every("ok"),
        "all_done": True,
        "all_done_min_one_success": some("ok"),
        "one_success": some("ok"),
        "all_failed": every("bad"),
        "all_skipped": every("skip"),
        "none_failed": not some("bad"),
        "none_skipped": not some("skip"),
        "one_failed": some("bad"),
        "one_done": some("ok") or some("bad"),
        "always": True,
    }[rule]


def slow_reading(rule: str, outcomes: list[str], unfinished: int) -> str:
    """Read the documented table the long way round: 'run', 'wait' or the reason to skip."""
    if rule == "always" or not outcomes + ["?"] * unfinished:
        return "run"
    if rule in ("one_success", "one_failed", "one_done") and holds(rule, outcomes):
        return "run"
    if "bad" in outcomes and rule in SETTLED_BY_FIRST_FAILURE:
        return SETTLED_BY_FIRST_FAILURE[rule]
    if unfinished:
        return "wait"
    if holds(rule, outcomes):
        return "run"
    if rule in ("none_failed_min_one_success", "all_success", "all_done_min_one_success", "one_success"):
        return "upstream_failed" if "bad" in outcomes else "upstream_skipped"
    return "trigger_rule_unmet"


@pytest.mark.parametrize("rule", list(TriggerRule))
def test_every_cell_is_as_documented(rule: TriggerRule) -> None:
    cells = [cell for cell in truth_table(4) if cell.rule == rule]

    assert len(cells) == 1 + 4 + 10 + 20 + 35
    for cell in cells:
        outcomes = ["ok"] * cell.ok + ["bad"] * cell.bad + ["skip"] * cell.skip
        assert cell.verdict == slow_reading(str(rule), outcomes, cell.total - len(outcomes)), cell


def verdict_after(rule: TriggerRule, arrivals: tuple[str, ...]) -> Verdict:
    """Count outcomes one by one and keep the first verdict that is not WAIT, as the scripts do."""
    seen = {"ok": 0, "bad": 0, "skip": 0}
    for arrival in ("", *arrivals):
        if arrival:
            seen[arrival] += 1
        verdict = decide(rule, **seen, total=len(arrivals))
        if verdict is not WAIT:
            return verdict
    return WAIT


@pytest.mark.parametrize("rule", list(TriggerRule))
def test_no_order_of_arrival_changes_the_verdict(rule: TriggerRule) -> None:
    for total in (1, 2, 3, 4, 5):
        for outcomes in product(("ok", "bad", "skip"), repeat=total):
            verdicts = {verdict_after(rule, order) for order in set(permutations(outcomes))}

            assert len(verdicts) == 1, (rule, outcomes)
            assert verdicts != {WAIT}, (rule, outcomes)


@pytest.mark.parametrize("rule", list(TriggerRule))
def test_a_verdict_once_given_stays(rule: TriggerRule) -> None:
    # A recount after a lost update must not contradict what the counters said on the way.
    for cell in truth_table(4):
        if cell.rule != rule or cell.verdict is WAIT or cell.ok + cell.bad + cell.skip == cell.total:
            continue
        for ok, bad, skip in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
            later = decide(rule, ok=cell.ok + ok, bad=cell.bad + bad, skip=cell.skip + skip, total=cell.total)
            assert later == cell.verdict, cell


def test_a_node_without_dependencies_runs_at_once_under_every_rule() -> None:
    verdicts = {rule: decide(rule, ok=0, bad=0, skip=0, total=0) for rule in TriggerRule}

    assert set(verdicts.values()) == {RUN}


def test_early_rules_are_those_that_run_before_all_is_done() -> None:
    early = {c.rule for c in truth_table(4) if c.verdict is RUN and c.ok + c.bad + c.skip < c.total}

    assert early == EARLY_RULES


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (NodeStatus.COMPLETED, None, "ok"),
        (NodeStatus.FAILED, Reason.ERROR, "bad"),
        (NodeStatus.FAILED, Reason.POISON, "bad"),
        (NodeStatus.FAILED, Reason.TIMEOUT, "bad"),
        (NodeStatus.SKIPPED, Reason.UPSTREAM_FAILED, "bad"),
        (NodeStatus.SKIPPED, Reason.UPSTREAM_SKIPPED, "skip"),
        (NodeStatus.SKIPPED, Reason.BRANCH_NOT_TAKEN, "skip"),
        (NodeStatus.SKIPPED, Reason.CONDITION_FALSE, "skip"),
        (NodeStatus.SKIPPED, Reason.TRIGGER_RULE_UNMET, "skip"),
        (NodeStatus.SKIPPED, Reason.HANDLER_SKIPPED, "skip"),
        (NodeStatus.CANCELLED, Reason.CANCELLED, "bad"),
        (NodeStatus.PENDING, None, None),
        (NodeStatus.QUEUED, None, None),
        (NodeStatus.RUNNING, None, None),
        (NodeStatus.WAITING, None, None),
    ],
)
def test_an_outcome_raises_the_counter_of_its_class(
    status: NodeStatus, reason: Reason | None, expected: str | None
) -> None:
    assert outcome_class(status, reason) == expected


def test_verdicts_depend_only_on_which_outcomes_are_present() -> None:
    # The printed table has one line for each mix; this is what entitles it to.
    by_mix: dict[tuple[object, ...], set[Verdict]] = {}
    for cell in truth_table(5):
        unfinished = cell.total - cell.ok - cell.bad - cell.skip
        mix = (cell.rule, cell.ok > 0, cell.bad > 0, cell.skip > 0, unfinished > 0)
        by_mix.setdefault(mix, set()).add(cell.verdict)

    assert all(len(verdicts) == 1 for verdicts in by_mix.values())


def test_the_printed_table_has_a_column_for_each_rule_and_a_line_for_each_mix() -> None:
    lines = render_truth_table().splitlines()

    assert len(lines) == 2 + 16
    assert {line.count("|") for line in lines} == {4 + len(RULES) + 1}
    assert all(f"`{rule}`" in lines[0] for rule in RULES)
    assert "| – | yes | – | yes | `upstream_failed` |" in render_truth_table()


def test_expressions_use_only_what_python_and_lua_share() -> None:
    words = {"ok", "bad", "skip", "done", "total", "and", "or", "not", "==", ">=", "<", "+", "-"}
    for rule in RULES.values():
        for expression in (rule.run, *(when for when, _ in rule.skips)):
            assert {word for word in expression.split() if not word.isdigit()} <= words, expression


def test_lua_text_names_every_rule_and_every_reason_it_gives() -> None:
    text = lua_rules()

    for name, rule in RULES.items():
        assert f"  {name} = function(ok, bad, skip, done, total)\n" in text
        assert all(f"if {when} then return '{reason}' end" in text for when, reason in rule.skips)
    assert isinstance(next(truth_table()), Cell)
