"""When steps run, compared with an interpreter that simply goes where conditions send it."""

from __future__ import annotations

import random

import pytest

from api.dialects.yaml_runs.jumps import Jump, When, when_of
from orchestrator.documents.json_types import is_true
from orchestrator.templates.resolver import NodeResult, Scope, evaluate
from tests.jump_programs import Program, drawn, gone_to


def whens_of(program: Program) -> list[When]:
    jumps: list[Jump] = []
    whens = []
    for place in range(program.length):
        when = when_of(place, jumps)
        if place in program.targets:
            jumps.append(Jump(f"s{place}", *program.targets[place], when))
        whens.append(when)
    return whens


def evaluated(program: Program) -> list[int]:
    """Evaluate the `when` of each step in turn, as workers do."""
    results: dict[str, NodeResult] = {}
    ran = []
    for place, when in enumerate(whens_of(program)):
        text = str(when).lower() if isinstance(when, bool) else when
        if is_true(evaluate(text, Scope(nodes=results), node_id=f"s{place}")):
            ran.append(place)
            output = {"result": program.results.get(place)}
            results[f"s{place}"] = NodeResult("COMPLETED", output)
        else:
            results[f"s{place}"] = NodeResult("SKIPPED")
    return ran


@pytest.mark.parametrize("seed", range(20))
def test_steps_run_as_an_interpreter_of_jumps_runs_them(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(100):
        program = drawn(draw)

        assert evaluated(program) == gone_to(program), program


def test_what_always_runs_has_no_expression() -> None:
    assert whens_of(Program(4, {}, {})) == [True] * 4
    assert whens_of(Program(5, {1: (2, 3)}, {1: True})) == [
        True,
        True,
        'steps["s1"].output.result',
        '(not steps["s1"].output.result)',
        True,
    ]


def test_what_never_runs_is_known() -> None:
    assert whens_of(Program(4, {0: (3, 3)}, {0: True})) == [True, False, False, True]


def test_a_condition_that_may_not_run_decides_only_if_it_has() -> None:
    whens = whens_of(Program(4, {0: (1, 2), 1: (2, 3)}, {0: True, 1: True}))

    answer, has_run = 'steps["s1"].output.result', 'steps["s1"].status == "COMPLETED"'
    assert whens[1] == 'steps["s0"].output.result'
    assert whens[3] == f"(not {has_run} or (not {answer}))"


def test_conditions_inside_of_one_jump_add_nothing_to_what_is_asked() -> None:
    targets = {0: (1, 9)} | {place: (place + 1, place + 1) for place in range(1, 8)}

    whens = whens_of(Program(10, targets, dict.fromkeys(targets, True)))

    assert whens[1:9] == ['steps["s0"].output.result'] * 8
