"""The outcomes of a node: those of its branches, of its catch, and of a failure it continues on."""

from orchestrator.definitions.definition import Choice, Node
from orchestrator.lint.outcomes import BAD, KnownAnswers, outcomes_of
from tests.dags import node
from tests.unit.orchestrator.lint.cases import catching, switch, warnings


def test_success_and_failure_of_one_node_exclude_each_other() -> None:
    rescue = node("rescue", after=["A"], trigger_rule="all_failed")

    (found,) = warnings(node("A"), rescue, node("D", after=["A", "rescue"], trigger_rule="all_success"))

    assert found.code == "join_never_runs"
    assert "they need different outcomes of 'A'" in found.message


def test_a_node_may_catch_as_many_errors_as_are_allowed() -> None:
    names = [f"n{index}" for index in range(16)]
    rules = [{"errors": [f"E.{name}"], "goto": name} for name in names]

    assert warnings(node("A", catch=rules), *(node(name, after=["A"]) for name in names)) == []


def test_who_takes_over_and_who_goes_on_never_run_both() -> None:
    (found,) = warnings(
        catching(("*", "G")),
        node("G", after=["A"]),
        node("B", after=["A"]),
        node("D", after=["G", "B"], trigger_rule="all_success"),
    )

    assert (found.path, found.code) == ("dag.nodes[3]", "join_never_runs")
    assert "they need different outcomes of 'A'" in found.message


def test_a_rule_behind_one_that_takes_every_error_is_never_used() -> None:
    (found,) = warnings(catching(("*", "G"), ("Http.*", "H")), node("G", after=["A"]), node("H", after=["A"]))

    assert found.path == "dag.nodes[2]"
    assert found.message == (
        "'H' can never run: it takes over from 'A', which has an earlier rule in its catch that takes every "
        "error"
    )
    assert (
        warnings(catching(("Http.*", "H"), ("*", "G")), node("G", after=["A"]), node("H", after=["A"])) == []
    )


def test_who_takes_over_from_a_node_that_never_runs_never_runs() -> None:
    found = warnings(catching(("*", "G"), when="{{ false }}"), node("G", after=["A"]))

    assert "'G' can never run: it takes over from 'A', which never runs" in [each.message for each in found]


def test_a_switch_with_more_answers_than_are_told_apart_is_not_guessed_at() -> None:
    names = [f"n{index}" for index in range(30)]
    many = switch(cases={name: name for name in names})
    targets = [node(name, after=["s"]) for name in names]
    join = node("D", after=["n1", "n2"], trigger_rule="all_success")

    assert warnings(many, *targets, join) == []


def test_a_plain_node_fails_is_skipped_or_completes() -> None:
    outcomes = outcomes_of(Node("A", "noop"))

    assert [outcome.kind for outcome in outcomes.every] == ["bad", "skip", "ok"]
    assert (outcomes.completing, outcomes.failing) == ((2,), (BAD,))


def test_each_answer_leaves_the_other_branch_out() -> None:
    deciding = Node("c", "condition", choices=(Choice("true_branch", ("A",)), Choice("false_branch", ("B",))))

    answers = [outcome.leaves_out for outcome in outcomes_of(deciding).every[2:]]

    assert answers == [{"B"}, {"A"}]


def test_a_known_answer_is_the_only_one_a_node_may_complete_with() -> None:
    deciding = Node("c", "condition", choices=(Choice("true_branch", ("A",)), Choice("false_branch", ("B",))))
    outcomes = outcomes_of(deciding)

    known = KnownAnswers(answers={"c": "false_branch"}, skips=lambda node: False)

    assert [outcomes.every[place].leaves_out for place in known.of(deciding, outcomes)] == [{"A"}, set()]
