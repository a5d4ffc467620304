"""How a fork is put for the scripts: what it keeps, with its counters, and where it begins."""

from __future__ import annotations

from orchestrator.execution.counters import expected_counters
from orchestrator.states import NodeStatus
from orchestrator.store.fork_layout import execution_fields, reuses
from orchestrator.store.layout import SLICE
from tests.dags import node
from tests.forks import BRANCHED, LINE, TAKEN, forked, source


def test_slices_carry_ends_reasons_and_counters() -> None:
    found = source(*BRANCHED, not_taken={"if": ["no"]}, **TAKEN)

    (part,) = reuses(forked(found, from_node="join"))

    assert part.nodes == (
        ("if", "COMPLETED"), ("yes", "COMPLETED"), ("no", "SKIPPED"), ("after_no", "SKIPPED"),
    )  # fmt: skip
    fields = dict(zip(part.fields[::2], part.fields[1::2], strict=True))
    assert fields == {
        "rejects|if": "no",
        "c|yes": "1 0 0 1 0",
        "c|no": "1 0 0 1 1", "reason|no": "branch_not_taken",
        "c|after_no": "0 0 1 0 0", "reason|after_no": "upstream_skipped",
        "c|join": "1 0 1 0 0",
    }  # fmt: skip


def test_counters_are_those_the_planner_counts() -> None:
    found = source(*BRANCHED, not_taken={"if": ["no"]}, **TAKEN)
    plan = forked(found, from_node="yes")
    statuses = {
        each: plan.kept[each].status if each in plan.kept else NodeStatus.PENDING for each in found.nodes
    }
    reasons = {each: state.reason for each, state in plan.kept.items()}

    counters = expected_counters(plan.definition, statuses, reasons, plan.not_taken)

    (part,) = reuses(plan)
    fields = dict(zip(part.fields[::2], part.fields[1::2], strict=True))
    assert {each: fields.get(f"c|{each}", "0 0 0 0 0") for each in found.nodes} == {
        each: f"{c.ok} {c.bad} {c.skip} {c.gates_done} {c.not_taken:d}" for each, c in counters.items()
    }


def test_slices_are_small_and_name_every_kept_node_once() -> None:
    nodes = [node("n0"), *(node(f"n{i}", after=[f"n{i - 1}"]) for i in range(1, 1_001))]

    parts = list(reuses(forked(source(*nodes), from_node="n1000")))

    assert [each for part in parts for each, _ in part.nodes] == [f"n{i}" for i in range(1_000)]
    assert max(len(part.nodes) for part in parts) <= SLICE
    assert max(len(part.fields) for part in parts) <= 20 * SLICE


def test_the_start_is_behind_what_is_kept() -> None:
    plan = forked(source(*LINE), from_node="B")

    assert execution_fields(plan) == ("left", 2, "start|0", "B")


def test_roots_that_run_again_are_part_of_the_start() -> None:
    plan = forked(source(*LINE), from_node="A")

    assert execution_fields(plan) == ("left", 3, "start|0", "A")
