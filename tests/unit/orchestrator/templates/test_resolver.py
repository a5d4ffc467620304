from typing import Any

import pytest

from orchestrator.errors import TemplateError
from orchestrator.templates.budget import Budget
from orchestrator.templates.references import compile_template, references
from orchestrator.templates.resolver import NodeResult, Scope, evaluate, resolve

SCOPE = Scope(
    nodes={
        "A": NodeResult(
            "COMPLETED",
            {
                "data": {"x": [1, 2, {"n": "é"}], "items": 5, "some key": "k"},
                "text": "{{ 7*7 }}",
                "none": None,
                "listish": "[1,2]",
                "flag": True,
                "html": "<b>",
            },
        ),
        "S": NodeResult("SKIPPED", reason="branch_not_taken"),
        "R": NodeResult("RUNNING"),
        "a-b": NodeResult("COMPLETED", {"k": 1}),
        "inputs": NodeResult("COMPLETED", "of the node"),
    },
    inputs={"user": "bob", "rows": [{"id": 1, "v": 2.5}, {"id": 2, "v": 3}], "empty": []},
    trigger={"source": "manual", "payload": {"amount": 250}},
    execution_id="e-1",
    now_ms=1_763_680_000_123,
)


def value(template: Any) -> Any:
    return resolve(template, SCOPE, node_id="B")


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("plain", "plain"),
        ("{{ A.data.x[0] }}", 1),
        ("{{A.data.x[0]}}", 1),
        ("{{ A.data.x }}", [1, 2, {"n": "é"}]),
        ("{{ A.data['some key'] }}", "k"),
        ('{{ A["data"].x[2]["n"] }}', "é"),
        ("{{ A.none }}", None),
        ("{{ A.flag }}", True),
        ("{{ A.listish }}", "[1,2]"),
        ("{{ A.data.items }}", 5),
        ("{{ A.data }}\n", {"x": [1, 2, {"n": "é"}], "items": 5, "some key": "k"}),
        ("{{ trigger.payload.amount }}", 250),
        ("{{ trigger.data.amount }}{{ trigger.body.amount }}", "250250"),
        ("{{ execution.id }}", "e-1"),
        ("{{ now() }}", "2025-11-20T23:06:40.123Z"),
        ("{{ inputs.user }}", "bob"),
        ('{{ steps["a-b"].output.k }}', 1),
        ("{{ steps.A.output.flag }}", True),
        ("{{ steps['inputs'].output }}", "of the node"),
        ("{{ steps['S'].status }}", "SKIPPED"),
        ("{{ A.data.x[-1].n }}", "é"),
        ("{{ A.data.x[0] + 1 }}", 2),
        ("{{ A.data.x[:2] }}", [1, 2]),
        ("{{ [A.flag, {'k': 1.5}] }}", [True, {"k": 1.5}]),
        ("{{ inputs.rows|map(attribute='id')|list }}", [1, 2]),
        ("{{ inputs.rows|sum('v') }}", 5.5),
        ("{{ inputs.rows|selectattr('id', 'gt', 1)|list }}", [{"id": 2, "v": 3}]),
        ("{{ inputs.rows|rejectattr('id', 'eq', 1)|map(attribute='v')|first }}", 3),
        ("{{ inputs.user.upper() }}", "BOB"),
        ("{{ A.data.items() }}", [["x", [1, 2, {"n": "é"}]], ["items", 5], ["some key", "k"]]),
        ("{{ A.data.get('nope', 3) }}", 3),
        ("{{ '[1, {\"a\": 2}]'|fromjson }}", [1, {"a": 2}]),
        ("{{ inputs.rows|tojson }}", '[{"id":1,"v":2.5},{"id":2,"v":3}]'),
        ("{{ 'yes' if A.flag else 'no' }}", "yes"),
        ("{{ range(3)|map('string')|join('-') }}", "0-1-2"),
        ("{{ [3, 1, 2]|sort|reverse }}", [3, 2, 1]),
        ("{{ [1, 1, 2]|unique|length }}", 2),
        ("{{ 7 // 2 }} {{ 7 % 2 }} {{ 7 / 2 }}", "3 1 3.5"),
    ],
)
def test_one_expression_keeps_its_type(template: str, result: Any) -> None:
    assert value(template) == result
    assert type(value(template)) is type(result)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("n={{ A.data.x[0] }}", "n=1"),
        ("{{ A.data.x }}!", '[1,2,{"n":"é"}]!'),
        (" {{ A.flag }}/{{ A.none }} ", " true/null "),
        ("{{ A.html }}.", "<b>."),
        (
            "{% for r in inputs.rows %}{{loop.index}}:{{ r.id }}{% if loop.first %},{% endif %}{% endfor %}",
            "1:1,2:2",
        ),
        ("{% for k, v in A.data.items() %}{{ k }};{% endfor %}", "x;items;some key;"),
        ("{% for x in inputs.empty %}{% else %}none{% endfor %}", "none"),
        ("{% for r in inputs.rows if r.id > 1 %}{{ r.id }}{% endfor %}", "2"),
        ("{% set n = 2 %}{% for r in inputs.rows %}{% set n = r.id %}{% endfor %}{{ n }}", "2"),
        ("{# note #}{% if A.flag %}a{% elif x %}b{% endif %}", "{# note #}a"),
        ("n=${#list}; x={{ A.data.x[0] }}; s=${name#}", "n=${#list}; x=1; s=${name#}"),
        ("h1{#id} {{ A.data.x[0] + 1 }} {#x#} #}", "h1{#id} 2 {#x#} #}"),
        ("{# {{ A.flag }} #}", "{# true #}"),
        ("{{ '{#' ~ '#}' }}{#", "{##}{#"),
        ("{%- if true %}{#{% endif %}", "{#"),
        ("{% raw %}{{ A }}{% endraw %}", "{{ A }}"),
        ('{{ "{{" }} A }}', "{{ A }}"),
        ("{{ 'a' ~ 1 ~ true ~ [1] }}.", "a1true[1]."),
        ("x{{- A.flag -}} y", "xtruey"),
    ],
)
def test_anything_else_becomes_text(template: str, text: str) -> None:
    assert value(template) == text


def test_nested_values_are_resolved_and_the_config_stays_untouched() -> None:
    config = {"a": [{"b": "{{ A.flag }}"}, 3]}

    assert value(config) == {"a": [{"b": True}, 3]}
    assert config["a"] == [{"b": "{{ A.flag }}"}, 3]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("{{ A.flag }}", "true"),
        ("{{ inputs.user }}-{{ A.data.x[0] }}", "bob-1"),
        ("{{ A.data.x[:2] }}", "[1,2]"),
        ("{{ A.none }}", "null"),
        ("{% if A.flag %}k{% endif %}", "k"),
        ("{# {{ 1 }}", "{# 1"),
        ("plain {#key#}", "plain {#key#}"),
    ],
)
def test_templates_in_keys_become_text_wherever_an_object_stands(key: str, name: str) -> None:
    nested = {"rows": [{key: {key: "{{ A.flag }}"}}], "z": 1}

    assert value(nested) == {"rows": [{name: {name: True}}], "z": 1}
    assert resolve({key: 1, "w": "{{ X }}"}, SCOPE, node_id="B", skip=("w",)) == {name: 1, "w": "{{ X }}"}


@pytest.mark.parametrize("second", ["bob", "{{ inputs['user'] }}", "{{ 'b' ~ 'ob' }}"])
def test_two_keys_that_become_equal_are_an_error_with_both(second: str) -> None:
    with pytest.raises(TemplateError) as caught:
        value({"body": {second: 1, "{{ inputs.user }}": 2}})

    assert caught.value.detail == f"this key and {second!r} both become 'bob'"
    assert caught.value.field == "config.body.{{ inputs.user }}"


def test_a_key_that_cannot_be_resolved_is_an_error_with_its_place() -> None:
    with pytest.raises(TemplateError) as caught:
        value({"body": {"{{ A.nope }}": 1}})

    assert (caught.value.field, caught.value.template) == ("config.body.{{ A.nope }}", "{{ A.nope }}")


def test_outputs_are_data_and_never_read_as_templates() -> None:
    assert value("{{ A.text }}") == "{{ 7*7 }}"
    assert value("x {{ A.text }}") == "x {{ 7*7 }}"
    assert value("{{ A.text ~ '' }}") == "{{ 7*7 }}"


def test_fields_can_be_left_alone() -> None:
    assert resolve({"a": "{{ X }}", "b": "{{ A.flag }}"}, SCOPE, node_id="B", skip=("a",)) == {
        "a": "{{ X }}",
        "b": True,
    }


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ A.nope }}", "A has no key 'nope' (keys: data, text, none, listish, flag, html)"),
        ("{{ A.data.nope.deep }}", "A.data has no key 'nope' (keys: x, items, some key)"),
        ("{{ A.data.x[9] }}", "A.data.x is a list of 3 items and has no 9"),
        ("{{ A.data.x.y }}", "A.data.x is a list of 3 items and has no 'y'"),
        ("{{ A.none.y }}", "A.none is null and has no 'y'"),
        ("{{ A.flag.y }}", "A.flag is true or false and has no 'y'"),
        ("{{ A.data.x[7].y ~ '' }}", "A.data.x is a list of 3 items"),
        ("{{ S.x }}", "node 'S' is SKIPPED (branch_not_taken) and has no output"),
        ("{{ R.x }}", "node 'R' is RUNNING and has no output"),
        ("{{ Z.x }}", "node 'Z' has no output yet"),
        ("{{ inputs.nope }}", "inputs has no key 'nope' (keys: user, rows, empty)"),
        ("x {{ inputs.nope }}", "inputs has no key 'nope'"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ inputs.user + 1 }}", "cannot add text and a number; use ~"),
        ("{{ inputs.user > 1 }}", "cannot be compared by '>'"),
        ("a\n{% for x in 3 %}{% endfor %}", "expected a list, got a number (line 2)"),
        ("{{ A.x }} {{", "not a valid template"),
        ("{{ inputs.empty|first }}", "the first of an empty list"),
        ("{{ 'x' if false }}", "has no else"),
        ("{{ inputs.nope and true }}", "no key 'nope'"),
        ("{{ inputs.rows|map(attribute='nope')|list }}", "an item has no key 'nope' (keys: id, v)"),
        ("{{ inputs.rows|map(attribute='id.deep')|list }}", "an item.id is a number and has no 'deep'"),
        ("{{ inputs.rows|selectattr('nope')|list }}", "an item has no key 'nope'"),
        ("{{ inputs.rows|selectattr('nope', 'gt', 1)|list }}", "an item has no key 'nope'"),
        ("{{ inputs.rows|sort(attribute='nope') }}", "an item has no key 'nope'"),
        ("{{ inputs.rows|join(',', 'nope') }}", "an item has no key 'nope'"),
    ],
)
def test_what_is_missing_is_an_error_that_says_what_is_there(template: str, says: str) -> None:
    with pytest.raises(TemplateError) as caught:
        value({"url": template})

    assert says in caught.value.detail
    assert (caught.value.node_id, caught.value.field, caught.value.template) == ("B", "config.url", template)


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{ S.x|default('d') }}", "d"),
        ("{{ A.nope.deep.er|default(3) }}", 3),
        ("{{ A.data.x[9]|default([]) }}", []),
        ("{{ A.none|default('d') }}", None),
        ("{{ A.none|default('d', true) }}", "d"),
        ("{{ A.nope is defined }}", False),
        ("{{ A.nope is undefined or A.none is none }}", True),
        ("{{ inputs.empty|first|default('none') }}", "none"),
        ("x{{ R.x|default('') }}", "x"),
        ("{{ inputs.rows|map(attribute='nope', default=0)|list }}", [0, 0]),
        ("{{ inputs.rows|selectattr('nope', 'defined')|list }}", []),
        ("{{ inputs.rows|rejectattr('nope', 'defined')|list|length }}", 2),
    ],
)
def test_default_stands_in_for_what_is_missing(template: str, result: Any) -> None:
    assert value(template) == result


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("A.data.x[0] == 1", True),
        ("{{ A.data.x[0] == 1 }}", True),
        ("{{ A.flag }}", True),
        ("A.none", None),
        ("true", True),
        ("  inputs.rows|length > 5 ", False),
        ("'b' in inputs.user and not (1 > 2)", True),
        ("1 < 2 < 3", True),
        ("S is defined", False),
        ("123456789012345678901234567890 == 123456789012345678901234567890", True),
        ("123456789012345678901234567890 == 123456789012345678901234567891", False),
        ("A.text == '{{ 7*7 }}'", True),
    ],
)
def test_conditions_are_expressions_bare_or_in_braces(expression: str, result: Any) -> None:
    assert evaluate(expression, SCOPE, node_id="B") == result


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "{{ A.flag }} == 1",
        "{% if true %}1{% endif %}",
        "A.flag = 1",
        "A.flag true",
        "x {{ A.flag }}",
        "{{ A.flag }}{{ A.flag }}",
        "{{",
        "A.flag }}",
    ],
)
def test_conditions_are_one_expression_only(expression: str) -> None:
    with pytest.raises(TemplateError):
        evaluate(expression, SCOPE, node_id="B")


def test_plain_paths_need_no_parser() -> None:
    for template in ("{{ A.data.x[0] }}", "a {{ A.b }} b {{ steps['c-d'].output['e'] }}", "{{ inputs }}"):
        assert compile_template(template).tree is None
    for template in ("{{ true }}", "{{ A.b|d }}", "{{ A.b }}{% if A %}{% endif %}", "{{ A[-1] }}"):
        assert compile_template(template).tree is not None


def test_both_ways_of_evaluating_agree() -> None:
    for path in ("A.data.x[2].n", "A.none", "inputs.rows", "steps['a-b'].output.k", "trigger.payload"):
        assert value(f"{{{{ {path} }}}}") == value(f"{{{{ ({path}) }}}}")
        assert value(f"-{{{{ {path} }}}}") == value(f"-{{{{ ({path}) }}}}")


def test_references_are_known_before_anything_runs() -> None:
    found, problems = references(
        {"a": "{{ A.x }} {{ steps['c-d'].status }}", "b": ["{{ inputs.y|default(B) }}"]},
        "C.ok",
        ids={"A", "B", "C", "c-d", "E"},
    )

    assert problems == []
    assert set(found.nodes) == {"A", "B", "C", "c-d"}
    assert found.nodes["c-d"] == "config.a"
    assert found.nodes["C"] == "when"
    assert found.uses_inputs and found.templated


def test_loop_names_are_not_references() -> None:
    found, problems = references({"a": "{% for r in A.rows %}{{ r.x }}{% endfor %}"}, ids={"A"})

    assert (set(found.nodes), problems) == ({"A"}, [])


def test_all_templates_of_a_node_share_one_budget_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(i * 0.01 for i in range(10_000))
    monkeypatch.setattr("orchestrator.templates.budget.time.thread_time", lambda: next(clock))
    template = "{{ 'x' in inputs.user and 'y' in inputs.user or '' }}."

    assert resolve([template] * 10, SCOPE, node_id="B") == ["."] * 10
    with pytest.raises(TemplateError, match="1 s allowed for all templates of a node"):
        resolve([template] * 200, SCOPE, node_id="B")


def test_a_resolution_and_its_condition_can_share_a_budget() -> None:
    budget = Budget()
    budget.produced = 3

    resolve("{{ 'a' ~ 'b' }}", SCOPE, node_id="B", budget=budget)
    with pytest.raises(TemplateError, match="characters"):
        evaluate("'a' ~ 'b' == 'ab'", SCOPE, node_id="B", budget=budget)


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("a\r\nb\rc\n{{ inputs.user }}\r\n", "a\r\nb\rc\nbob\r\n"),
        ("a\r\nb\rc\n{{ inputs.user | upper }}\r\n", "a\r\nb\rc\nBOB\r\n"),
        ("{% if true %}\r\nx\r{% endif %}\r\n", "\r\nx\r\r\n"),
        ("{{ 'a\r\nb' ~ '\r' }}", "a\r\nb\r"),
        ("{{ {'a\r': 1} }}", {"a\r": 1}),
        ("{{ 1\r\n+ 1\r}}", 2),
        ("{{ '\\u1680' ~ '\\N{MEDIUM MATHEMATICAL SPACE}' }}\u202f\r", "\u1680\u205f\u202f\r"),
    ],
)
def test_line_breaks_stay_as_they_are_written(template: str, result: Any) -> None:
    assert value(template) == result
