"""Texts with `{step.field}` in them, compiled and then resolved by the engine's own resolver."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dialects.yaml_runs.templates import (
    ConditionRefused,
    compile_condition,
    compile_text,
    compile_value,
    constant,
    has_reference,
)
from orchestrator.templates.references import compile_template, is_template
from orchestrator.templates.resolver import NodeResult, Scope, resolve

BEFORE = {"fetch": "http", "a.b": "llm", "told": "notify", "off": "http", "trigger-1": "trigger"}
SCOPE = Scope(
    nodes={
        "fetch": NodeResult(
            "COMPLETED",
            {"status_code": 200, "body": {"items": [{"n": "first"}], "0": "zero", "none": None}, "x y": 1},
        ),
        "a.b": NodeResult("COMPLETED", {"content": "text with {fetch.status_code} and {{ inputs }}"}),
        "told": NodeResult("COMPLETED", {"channel": "log", "message": "hi", "data": {"sent": True}}),
        "off": NodeResult("SKIPPED", None, "condition_false"),
    },
    trigger={"source": "path", "payload": {"x": {"y": 7}}, "headers": {"x-id": "abc"}},
)


def resolved(value: Any) -> Any:
    return resolve({"value": value}, SCOPE, node_id="n")["value"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{fetch.status_code}", 200),
        ("code {fetch.status_code}!", "code 200!"),
        ("{fetch.body}", {"items": [{"n": "first"}], "0": "zero", "none": None}),
        ("{fetch.body.items.0.n}", "first"),
        ("{fetch.body.0}", "zero"),
        ("{fetch.body.items}", [{"n": "first"}]),
        ("is {fetch.body.items}", 'is [{"n":"first"}]'),
        ("{fetch.body.none}", None),
        ("{trigger.body.x.y}", 7),
        ("{trigger.headers.x-id}", "abc"),
        ("{a.b.content}", "text with {fetch.status_code} and {{ inputs }}"),
        ("{told.sent}/{told.message}", "true/hi"),
    ],
)
def test_a_reference_is_what_it_leads_to(text: str, value: Any) -> None:
    assert resolved(compile_text(text, BEFORE)) == value


@pytest.mark.parametrize(
    "text",
    [
        "{fetch.nothing}",
        "{fetch.body.items.7}",
        "{fetch.body.items.0.n.more}",
        "{off.body.x}",
        "{off.body.0}",
        "{trigger.body.z}",
        "{later.x}",
        "{told.nothing}",
        "before {fetch.nothing} after",
        f"{{fetch{'.x' * 60_000}}}",
        f"{{{'x' * 60_000}.y}}",
    ],
    ids=lambda text: text[:40],
)
def test_a_reference_to_nothing_stays_as_it_is_written(text: str) -> None:
    assert resolved(compile_text(text, BEFORE)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "{fetch}",
        "{ fetch.status_code }",
        "{}",
        "{{ inputs }}",
        "{{ secrets.KEY }}",
        "{% for x in y %}{{ x }}{% endfor %}",
        "{# note #}",
        '{"json": {"a": [1, "{x}"]}}',
        "${HOME} $(pwd) #{ruby} <%= erb %>",
        'quotes " and \\ and \\n',
        "{{ unclosed",
        "}} {{",
    ],
)
def test_other_braces_stay_as_they_are(text: str) -> None:
    assert resolved(compile_text(text, BEFORE)) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{fetch.status_code}}", "{200}"),
        ("{{{fetch.status_code}}}", "{{200}}"),
        ('{{ x }} {fetch.status_code} "\\"\n{%', '{{ x }} 200 "\\"\n{%'),
        ('{"code": {fetch.status_code}}', '{"code": 200}'),
    ],
)
def test_references_among_other_braces(text: str, value: str) -> None:
    assert resolved(compile_text(text, BEFORE)) == value


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_without_a_reference_survives(text: str) -> None:
    compiled = compile_text(text, {})

    assert has_reference(text, {}) or resolved(compiled) == text


@given(st.text(alphabet="{}%\"\\'\n\r.#ax ", max_size=40))
def test_any_braces_survive_around_a_reference(text: str) -> None:
    compiled = compile_text(f"{text}<{{fetch.status_code}}>{text}", {"fetch": "http"})

    assert resolved(compiled) == f"{text}<200>{text}"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_is_a_constant(text: str) -> None:
    assert resolved(f"{{{{ {constant(text)} }}}}") == text


def test_values_are_compiled_at_every_depth_and_keys_are_kept() -> None:
    value = {"a": ["{fetch.status_code}", {"b": "{fetch.body.0}"}], "{{ k }}": 1, "n": None, "t": True}

    assert resolved(compile_value(value, BEFORE)) == {
        "a": [200, {"b": "zero"}],
        "{{ k }}": 1,
        "n": None,
        "t": True,
    }


def test_a_text_that_is_no_template_stays_one() -> None:
    assert compile_text("plain {x} {fetch}", BEFORE) == "plain {x} {fetch}"
    assert not is_template(compile_text("plain", BEFORE))
    compile_template(compile_text("{fetch.x} {{", BEFORE))


@pytest.mark.parametrize(
    ("text", "answer", "words"),
    [
        ("{fetch.status_code} == 200", True, "200 == 200"),
        ("{fetch.status_code}==200", True, "200 == 200"),
        ("{fetch.status_code} >= 300", False, "200 >= 300"),
        ("{fetch.status_code} <= 200", True, "200 <= 200"),
        ("{fetch.status_code} <= 199.5", False, "200 <= 199.5"),
        ("{fetch.status_code} > 200", False, "200 > 200"),
        ("{fetch.status_code} < 1e3", True, "200 < 1e3"),
        ("{fetch.status_code} != 200", False, "200 != 200"),
        ("{fetch.body.0} == zero", True, "zero == zero"),
        ("{fetch.body.0} == 'zero'", True, "zero == zero"),
        ('"zero" == {fetch.body.0}', True, "zero == zero"),
        ('"a > b" == "a > b"', True, "a > b == a > b"),
        ("{fetch.body.0} == ''", False, "zero == "),
        ("{fetch.nothing} == 200", False, "{fetch.nothing} == 200"),
        ("{off.x} >= 1", False, "{off.x} >= 1"),
        ("code {fetch.status_code} == code 200", True, "code 200 == code 200"),
        ("{a.b.content} == x", False, "text with {fetch.status_code} and {{ inputs }} == x"),
        ("{told.sent}", True, "true"),
        ("{fetch.body.none}", False, "null"),
        ("{fetch.nothing}", False, "{fetch.nothing}"),
        ("{later.x}", False, "{later.x}"),
        (" true ", True, "true"),
        ("False", False, "False"),
        ("it's > 'b'", False, "it's > b"),
    ],
)
def test_conditions_compare_as_numbers_or_as_text(text: str, answer: bool, words: str) -> None:
    question = compile_condition(text, BEFORE)

    assert resolved(f"{{{{ {question.answer} }}}}") is answer
    shown = resolved(f"{{{{ {question.words} ~ '' }}}}")
    assert shown == words


@pytest.mark.parametrize(
    "text", ["", "yes", "{fetch.x} = 3", "{fetch.x} and {fetch.y}", "== 3", "{fetch.x} >", ">"]
)
def test_a_condition_that_compares_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConditionRefused):
        compile_condition(text, BEFORE)
