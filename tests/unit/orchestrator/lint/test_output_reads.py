"""Keys that the output of a built-in handler never has, and values that it never equals."""

from __future__ import annotations

import re
from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.errors import Problem
from orchestrator.lint.lint import lint
from orchestrator.lint.output_reads import OUTPUT_KEYS
from tests.dags import node, workflow
from workers.handlers import Catalogue
from workers.registry import find_handler

FETCH = node("F", handler="http", config={"url": "http://x/"})
SUM = node("S", handler="transform", config={"output": {"rows": [1]}})
ASK = node("P", handler="approval", config={"prompt": "x", "timeout": "1h"})
BEFORE = (FETCH, SUM, ASK)


def warnings(*nodes: dict[str, Any], **extras: Any) -> list[Problem]:
    return [
        problem
        for problem in lint(compile_definition(workflow(*nodes, **extras), handlers=Catalogue()))
        if problem.code in ("output_never_has", "never_equal")
    ]


def reading(text: str) -> dict[str, Any]:
    return node("R", after=["F", "S", "P"], config={"text": text})


@pytest.mark.parametrize(
    ("text", "read", "hint"),
    [
        (
            "{{ F.output.body }}",
            "'output' of 'F'",
            "'F' is the output itself, with the keys status, status_code",
        ),
        ("{{ F.haeders.n }}", "'haeders' of 'F'", "did you mean 'headers'?"),
        ("{{ F.data }}", "'data' of 'F'", "keys: status, status_code"),
        ("{{ S.rows }}", "'rows' of 'S'", "what it came to is in 'result': write S.result, or S.result.rows"),
        ("{{ S.rows | length }} rows", "'rows' of 'S'", "what it came to"),
    ],
)
def test_a_key_that_an_output_never_has_is_named_with_those_it_has(text: str, read: str, hint: str) -> None:
    (found,) = warnings(*BEFORE, reading(text))

    assert (found.path, found.code) == ("dag.nodes[3].config.text", "output_never_has")
    assert found.message.startswith(f"'R' reads {read}, which the output of ")
    assert found.hint is not None
    assert found.hint.startswith(hint)


@pytest.mark.parametrize(
    "text",
    [
        "{{ F.body.anything }} {{ F.error.message }} {{ S.result.rows }} {{ F }} {{ S['result'] }}",
        "{{ F.data | default('') }}",
        "{{ F.data is defined }}",
        "{{ steps.F.output.body }}",
    ],
)
def test_keys_that_are_there_and_those_that_may_be_missing_are_fine(text: str) -> None:
    assert warnings(*BEFORE, reading(text)) == []


def test_outputs_of_any_form_and_those_of_maps_are_left_alone() -> None:
    mapped = node("M", handler="transform", config={"expression": "{{ item }}"}, map={"items": [1]})
    free = node("N", config={"a": 1})
    reader = node("R", after=["M", "N"], config={"text": "{{ M.rows }} {{ N.rows }}"})

    assert warnings(mapped, free, reader) == []


@pytest.mark.parametrize(
    ("when", "said", "hint"),
    [
        ("steps.F.status == 'failed'", "the status of 'F' with 'failed'", "did you mean 'FAILED'?"),
        ("'done' != steps['F'].status", "the status of 'F' with 'done'", "it is one of PENDING"),
        ("steps.F.status in ['Skipped', 'FAILED']", "the status of 'F' with 'Skipped'", "did you mean"),
        (
            "F.status == 200",
            "'status' of 'F' with 200",
            "it is one of ok, error; the status of the answer is status_code",
        ),
        (
            "F.status == 'failed'",
            "'status' of 'F' with 'failed'",
            "it is one of ok, error; how the node ended is",
        ),
        (
            "Z.status == 'COMPLETED'",
            "'status' of 'Z' with 'COMPLETED'",
            "it is 'ok'; how the node ended is steps.Z",
        ),
        ("P.decision == 'approved'", "'decision' of 'P' with 'approved'", "did you mean 'approve'?"),
        ("P.decision == 'denied' or P.by == 'x'", "'decision' of 'P' with 'denied'", "did you mean 'deny'?"),
    ],
)
def test_a_comparison_that_can_only_have_one_answer_is_named(when: str, said: str, hint: str) -> None:
    others = [*BEFORE, node("Z")]

    (found,) = warnings(*others, node("R", after=["F", "S", "P", "Z"], when=when))

    assert (found.path, found.code) == ("dag.nodes[4].when", "never_equal")
    assert found.message == f"'R' compares {said}, which it never is"
    assert found.hint is not None
    assert found.hint.startswith(hint)


@pytest.mark.parametrize(
    "when",
    [
        "steps.F.status == 'FAILED' and P.decision == 'deny' and F.status == 'error'",
        "steps.F.status == inputs.status or S.result == 'failed' or F.status_code == 200",
        "steps.F.status | lower == 'failed'",
        "F.body.status == 'failed' and P.form.decision == 'approved'",
    ],
)
def test_comparisons_that_may_hold_are_fine(when: str) -> None:
    assert warnings(*BEFORE, node("R", after=["F", "S", "P"], when=when)) == []


def test_the_output_of_the_whole_is_looked_at() -> None:
    found = warnings(
        *BEFORE, output={"a": "{{ S.rows }}", "b": "{{ 1 if steps.F.status == 'failed' else 2 }}"}
    )

    assert [(problem.path, problem.code) for problem in found] == [
        ("output.a", "output_never_has"),
        ("output.b", "never_equal"),
    ]
    assert found[0].message.startswith("the output reads 'rows' of 'S'")


@pytest.mark.parametrize("handler", sorted(OUTPUT_KEYS))
def test_every_key_that_a_handler_names_of_its_output_is_known(handler: str) -> None:
    spec = find_handler(handler)
    assert spec is not None
    described = (spec.function.__doc__ or "").partition("Output: {")[2].partition("}")[0]

    assert set(re.findall(r'(?:^|, )"(\w+)"', described)) <= set(OUTPUT_KEYS[handler])
