"""Concrete runs in which a reference is missing."""

from orchestrator.lint.outcomes import MISSING, KnownAnswers
from orchestrator.lint.reachability import Reachability
from orchestrator.lint.witness import find_witness
from orchestrator.states import Reason
from tests.dags import node
from tests.unit.orchestrator.lint.cases import BRANCHES, definition, switch, warnings


def test_what_is_missing_in_two_ways_is_found_by_either() -> None:
    # Passed by for its `when` it keeps D from running, too; behind a switch that fails it does not.
    reader = node("D", after=["s", "X"], trigger_rule="none_skipped") | {"config": {"reads": "{{ X }}"}}
    read = node("X", after=["s"], when="{{ inputs.on }}", retry={"on_exhausted": "continue"})

    (found,) = warnings(switch(cases={"small": ["X", "D"], "big": []}), read, reader)

    assert (found.path, found.code) == ("dag.nodes[2].config.reads", "reference_may_be_missing")
    assert "'D' also runs when 'X' was skipped (upstream_failed)" in found.message


def test_a_witness_is_a_run_in_which_the_reader_runs_without_what_it_reads() -> None:
    reach = Reachability(
        definition(*BRANCHES, node("D", after=["A", "B"])),
        KnownAnswers(skips=lambda node: False),
        watched={"A"},
    )

    run = find_witness(reach, "D", "A", ["c", "A", "B"])

    assert run is not None
    assert run.outcomes["A"] in MISSING
    assert run.reasons == {"A": Reason.BRANCH_NOT_TAKEN}


def test_where_the_rule_needs_it_there_is_no_witness() -> None:
    reach = Reachability(
        definition(node("A"), node("B", after=["A"])), KnownAnswers(skips=lambda node: False), watched={"A"}
    )

    assert find_witness(reach, "B", "A", ["A"]) is None
