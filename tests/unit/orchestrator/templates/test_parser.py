"""What hostile templates may not do: reach Python objects, or use up the worker."""

import resource
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.lexer import Token, TokenStream

from orchestrator.documents.json_types import is_true
from orchestrator.errors import TemplateError
from orchestrator.templates.parser import MAX_NODES, MAX_TOKENS, parse_template
from orchestrator.templates.resolver import NodeResult, Scope, evaluate, resolve
from orchestrator.templates.values import EvaluationError
from tests.security.templates import BOMBS, ESCAPES, OUTPUT

SCOPE = Scope(
    nodes={"A": NodeResult("COMPLETED", OUTPUT)},
    inputs={"x": 1},
    execution_id="e",
)


def safe(value: Any) -> bool:
    """Plain JSON, nothing else."""
    if isinstance(value, dict):
        return all(type(key) is str and safe(item) for key, item in value.items())
    if isinstance(value, list):
        return all(safe(item) for item in value)
    return value is None or type(value) in (bool, int, float, str)


@pytest.mark.parametrize("template", ESCAPES)
def test_templates_reach_their_data_and_nothing_else(template: str) -> None:
    with pytest.raises(TemplateError):
        resolve(template, SCOPE, node_id="B")


@pytest.mark.timeout(60)  # what is not stopped would take hours
@pytest.mark.parametrize("template", BOMBS, ids=lambda text: text[:40])
def test_bombs_end_soon_and_small(template: str) -> None:
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(TemplateError):
        resolve(template, SCOPE, node_id="B")

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000


def test_one_output_cannot_be_put_in_a_thousand_times() -> None:
    with pytest.raises(TemplateError, match="larger than the allowed"):
        resolve({"items": ["{{ A.big }}"] * 1000}, SCOPE, node_id="B")


def test_a_template_cannot_change_what_others_see() -> None:
    for template in ESCAPES:
        try:
            resolve(template, SCOPE, node_id="B")
        except TemplateError:
            continue

    output = SCOPE.nodes["A"].output
    assert (output["l"], output["d"], len(output["big"])) == ([1, 2], {"k": 1}, 20_000)


_atoms = st.sampled_from(
    [
        "A",
        "A.s",
        "A.l",
        "A.d",
        "A.n",
        "inputs",
        "inputs.x",
        "execution.id",
        "steps.A.output",
        "steps['A'].status",
        "1",
        "-2",
        "0.5",
        "'t'",
        "none",
        "true",
        "[]",
        "{}",
        "now()",
        "range(4)",
        "nope",
        "A.nope",
        # Integers that are long, texts that mean no, marks of comments, and line breaks.
        str(2**64),
        str(-(10**300)),
        "'False '",
        "' 0'",
        "'{# x #}'",
        "'a\r\nb'",
        "'a b/c'",
        "{'k\r': [1, 'none']}",
    ]
)
_expressions = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(
            inner,
            st.sampled_from(["+", "-", "*", "/", "//", "%", "~", "==", "<", "in", "and", "or", "**"]),
            inner,
        ).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
        st.tuples(
            inner,
            st.sampled_from(
                [
                    "upper",
                    "list",
                    "length",
                    "first",
                    "sort",
                    "tojson",
                    "default(1)",
                    "map('upper')",
                    "int",
                    "sum",
                    "join(',')",
                    "unique",
                    "attr('x')",
                    "items",
                    "string",
                    "round",
                    "fromjson",
                    "select('odd')",
                    "select",
                    "reject",
                    "urlencode",
                    "default('no', true)",
                    "map(attribute='k', default=0)",
                    "selectattr('k', 'defined')",
                    "sort(attribute='k')",
                ]
            ),
        ).map(lambda parts: f"({parts[0]})|{parts[1]}"),
        st.tuples(
            inner,
            st.sampled_from(
                [
                    ".__class__",
                    ".x",
                    "[0]",
                    "[-1]",
                    "[1:]",
                    "['__init__']",
                    ".items()",
                    ".upper()",
                    ".pop()",
                    ".format(1)",
                ]
            ),
        ).map(lambda parts: f"({parts[0]}){parts[1]}"),
        st.lists(inner, max_size=3).map(lambda parts: "[" + ", ".join(parts) + "]"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(_expressions)
def test_any_expression_gives_plain_data_or_a_template_error(expression: str) -> None:
    nodes = {"A": NodeResult("COMPLETED", {"s": "t", "l": [1, 2], "d": {"k": 1}, "n": 1})}
    small = Scope(nodes=nodes, inputs={"x": 1})
    for before, after in (("", ""), ("{{ ", " }}"), ("t{{ ", " }}")):
        evaluator = resolve if before else evaluate
        try:
            assert safe(evaluator(before + expression + after, small, node_id="B"))
        except TemplateError:
            pass


@settings(max_examples=200, deadline=None)
@given(_expressions)
def test_an_expression_and_its_contrary_never_agree(expression: str) -> None:
    nodes = {"A": NodeResult("COMPLETED", {"s": " False", "l": [], "d": {"k": "none"}, "n": 0})}
    small = Scope(nodes=nodes, inputs={"x": "null"})
    try:
        found = is_true(evaluate(expression, small, node_id="B"))
    except TemplateError:
        return

    assert evaluate(f"not ({expression})", small, node_id="B") is not found
    assert is_true(evaluate(f"({expression}) and true", small, node_id="B")) is found
    assert evaluate(f"1 if ({expression}) else 2", small, node_id="B") == (1 if found else 2)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="{}%#A.s[]'\"|()-+*~ \r\n\\x01if", max_size=40))
def test_any_text_is_resolved_or_refused(text: str) -> None:
    try:
        assert safe(resolve(text, SCOPE, node_id="B"))
    except TemplateError:
        pass


@pytest.mark.parametrize(
    "source",
    [
        "{{ [" + "a," * 8_000 + "] }}",
        "{{ a" + ".x" * 8_000 + " | upper }}",
        "{{1}}" * 3_200,
        "{{ 'a' " + "'b' " * 4_000 + "}}",
    ],
)
def test_a_text_that_is_too_complex_is_read_no_further_than_needed(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Token] = []
    original = TokenStream.__next__

    def counted(stream: TokenStream) -> Token:
        read.append(original(stream))
        return read[-1]

    monkeypatch.setattr(TokenStream, "__next__", counted)

    with pytest.raises(EvaluationError, match="is too complex"):
        parse_template(source)

    assert len(read) < 3 * MAX_TOKENS


def test_as_many_parts_as_are_allowed_are_read_however_they_are_written() -> None:
    assert parse_template("{{ x }} " * (MAX_NODES // 2 - 1)).names == {"x"}
    assert parse_template("{{ [" + ", ".join(["(a)"] * (MAX_NODES - 2)) + "] }}").names == {"a"}
    assert parse_template("{% if a %}{% else %}{% endif %}" * (MAX_NODES // 2 - 1)).names == {"a"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ x | regex_serch('a') }}", r"unknown filter 'regex_serch' .*did you mean 'regex_search'"),
        ("{{ x | strtime('%Y') }}", "did you mean 'strftime'"),
        ("{{ x | regex_search('(') }}", r"uses regex_search wrongly: the pattern '\(' is none"),
        ("{{ x | regex_replace('a', '\\\\q') }}", "uses regex_replace wrongly: the replacement has"),
        ("{{ x | regex_search(pattern='\\b') }}", "a backslash is written twice"),
        ("{{ x | strftime('%Q') }}", "uses strftime wrongly: the format has '%Q'"),
        ("{{ x | strftime('%Y', tz='Mars') }}", "there is no time zone 'Mars'"),
        ("{{ x | date_add(day=1) }}", r"unknown argument of date_add 'day' .*did you mean 'days'"),
    ],
)
def test_arguments_that_are_written_out_are_judged_before_anything_runs(source: str, words: str) -> None:
    with pytest.raises(EvaluationError, match=words):
        parse_template(source)


def test_a_pattern_that_takes_long_to_read_is_judged_when_it_runs() -> None:
    assert parse_template("{{ x | regex_search('" + "\\\\PL" * 120 + "') }}").names == {"x"}
    assert parse_template("{{ x | regex_search(y) | strftime(z) }}").names == {"x", "y", "z"}
