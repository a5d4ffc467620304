"""Words of other languages in templates are refused together with ours."""

from __future__ import annotations

import re

import pytest

from orchestrator.templates.references import compile_expression, compile_template, references
from orchestrator.templates.values import EvaluationError


@pytest.mark.parametrize(
    ("template", "hint"),
    [
        ("{{ secret.KEY }}", "did you mean 'secrets'?"),
        ("{{ nodes.fetch.output }}", "write fetch alone for the output of the node 'fetch'"),
        ("{{ fetch.x == null }}", "write none"),
        ("{{ fetch.x == True or TRUE }}", "write true"),
        ("{{ now }}", "write now()"),
    ],
)
def test_a_word_of_another_language_gets_the_one_of_ours(template: str, hint: str) -> None:
    _, (problem,) = references({"x": template}, ids=("fetch",))

    assert (problem.code, problem.hint) == ("unknown_reference", hint)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ A.x && A.y }}", "write `and`"),
        ("{{ A.x || A.y }}", "write `or`"),
        ("{{ !A.x }}", "write `not`"),
        ("{{ A.x ? 1 : 2 }}", "write `a if condition else b`"),
        ("{{ A.x = 1 }}", "write =="),
        ("{{ A.x === 1 }}", "write =="),
        ("{{ len(A.x) }}", "write `value | length`"),
        ("{{ A.x.trim() }}", "write `value | trim`"),
        ("{{ A.x | startswith('a') }}", "write `value.startswith()`"),
        ("{{ A.x | map('uper') }}", "unknown filter 'uper'"),
        ("{{ A.x | map('uper') }}", "did you mean 'upper'?"),
        ("{{ A.x | select('defned') }}", "did you mean 'defined'?"),
        ("{{ A.x | rejectattr('y', 'defned') }}", "did you mean 'defined'?"),
        ("{{ steps.A }}", 'has steps["A"] without .output or .status behind it'),
    ],
)
def test_what_other_languages_write_is_refused_with_what_ours_does(source: str, words: str) -> None:
    with pytest.raises(EvaluationError, match=re.escape(words)):
        compile_template(source)


def test_a_condition_that_assigns_is_told_how_to_compare() -> None:
    with pytest.raises(EvaluationError, match="'=' follows its end; write =="):
        compile_expression("A.x = 1")
