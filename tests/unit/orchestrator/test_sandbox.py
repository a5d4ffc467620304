"""What hostile templates may not do: reach Python objects, or use up the worker."""

import resource
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import TemplateError
from orchestrator.templating import NodeResult, Scope, evaluate, resolve

BIG = [{"k": "v" * 20} for _ in range(20_000)]
SCOPE = Scope(
    nodes={
        "A": NodeResult(
            "COMPLETED", {"s": "text", "l": [1, 2], "d": {"k": 1}, "n": 1, "big": BIG, "long": "x" * 900_000}
        )
    },
    inputs={"x": 1},
    execution_id="e",
)

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ A['__class__'] }}",
    "{{ A.__class__ }}",
    "{{ A.__init__.__globals__ }}",
    "{{ A.s.__class__.__base__ }}",
    "{{ A.l.__class__ }}",
    "{{ A.n.__class__ }}",
    "{{ A.n.real }}",
    "{{ A.d.items }}",
    "{{ A.d.keys.__self__ }}",
    "{{ A.s.format }}",
    "{{ A.s.format(1) }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "{{ '%s' % A }}",
    "{{ '{0.__class__.__init__.__globals__}'|format(A) }}",
    "{{ ''|attr('__class__') }}",
    "{{ A|attr('s') }}",
    "{{ A|map('attr', '__class__')|list }}",
    "{{ ['x']|map('format')|list }}",
    "{{ ['x']|map(attribute='__class__')|first|default('no', true) == 'no' and 1/0 }}",
    "{{ ['x']|map(attribute='__class__.__mro__')|first.x }}",
    "{{ ['x']|selectattr('__class__')|first }}",
    "{{ ['x']|groupby('__class__') }}",
    "{{ A.d.pop('k') }}",
    "{{ A.l.append(1) }}",
    "{{ A.d.update({}) }}",
    "{{ A.l.sort() }}",
    "{{ self }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__.__globals__.__builtins__ }}",
    "{{ context }}",
    "{{ environment }}",
    "{{ config }}",
    "{{ request }}",
    "{{ loop }}",
    "{{ caller() }}",
    "{{ varargs }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ joiner('x') }}",
    "{{ namespace(a=1) }}",
    "{{ lipsum() }}",
    "{{ lipsum.__globals__ }}",
    "{{ dict(a=1) }}",
    "{{ get_flashed_messages() }}",
    "{{ url_for.__globals__ }}",
    "{{ range.__self__ }}",
    "{{ now.__globals__ }}",
    "{{ now().__class__ }}",
    "{{ range(3).__class__ }}",
    "{{ [now][0]() }}",
    "{{ A.s() }}",
    "{{ A() }}",
    "{{ range(*[1]) }}",
    "{{ range(**{}) }}",
    "{{ steps }}",
    "{{ steps.A }}",
    "{{ steps['A'] }}",
    "{{ steps|list }}",
    "{{ steps[A.s].output }}",
    "{{ steps['A']['find'] }}",
    "{{ steps.A.find }}",
    "{{ steps.find('A', 'output') }}",
    "{{ [steps]|first }}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block b %}{% endblock %}",
    "{% macro m() %}{% endmacro %}",
    "{% call A() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% set x %}y{% endset %}",
    "{% set A.s = 1 %}",
    "{% autoescape true %}{% endautoescape %}",
    "{% with a = 1 %}{% endwith %}",
    "{% do A.l.append(1) %}",
    "{% trans %}x{% endtrans %}",
    "{% debug %}",
    "{{ x.__class__ if false }}",
    "{{ ()|attr('__class__') }}",
    "{{ 1 is callable }}",
    "{{ 1 is filter }}",
    "{{ A|xmlattr }}",
    "{{ A|pprint }}",
    "{{ 'x'|random }}",
    "{{ 'x'|_range }}",
    "{{ [1]|select('callable')|list }}",
    "{{ [1]|map('map', 'x')|list }}",
    "{{ ''[''] }}",
    "{{ A['s\\x00'] }}",
    "{{ '\\ud800' }}",
    "{{ ﬁ }}",
]

BOMBS = [
    "{{ 'A' * 200000000 }}",
    "{{ 200000000 * 'A' }}",
    "{{ [0] * 50000000 }}",
    "{{ 7 ** 3000000 }}",
    "{{ 'a'|center(300000000) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ 'a'|indent(100000000) }}",
    "{{ range(100000000)|list }}",
    "{{ range(0, 100000000, 1) }}",
    "{{ range(10, 0, 0) }}",
    "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "{% for a in A.l %}" * 3 + "{% endfor %}" * 3,
    "{% for a in [1] recursive %}{{ loop([a]) }}{% endfor %}",
    "{% for a in range(9999) %}{{ A.big == A.big|list }}{% endfor %}",
    "{% for a in range(9999) %}{{ 'zz' in A.long }}{{ A.big|tojson|length }}{% endfor %}",
    "{% for a in range(9999) %}{{ A.long|upper|length }}{% endfor %}",
    "{% for a in range(9999) %}{{ A.big|sort(attribute='k')|length }}{% endfor %}",
    "{% set a = 'x' * 9 %}",
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 40 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = {'x': a, 'y': a} %}" * 30 + "{{ a|tojson }}",
    "{% set a = [1] %}" + "{% set a = range(99)|map(attribute='x', default=a)|list %}" * 20 + "{{ a }}",
    "{% set a = ['x'] %}"
    + "{% set a = 'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy'|list|map('int', a)|list %}" * 20
    + "{{ a }}",
    "{% set a = 99999999999999999 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
    "{{ range(9999)|map('string')|map('replace', '1', A.long)|list }}",
    "{{ A.long.replace('x', A.long) }}",
    "{{ A.long.replace('', A.long) }}",
    "{{ ','.join([A.long, A.long]) }}",
    "{{ range(9999)|join(A.long) }}",
    "{{ A.long ~ A.long ~ A.long }}",
    "{{ [" + "A.big, " * 30 + "1] }}",
    "x" + "{{ A.long }}" * 1000,
    "{{ " + "(" * 5000 + ")" * 5000 + " }}",
    "{{ " + "[" * 3000 + "]" * 3000 + " }}",
    "{{ " + "not " * 3000 + "1 }}",
    "{{ " + "-" * 8000 + "1 }}",
    "{{ 1" + "+1" * 5000 + " }}",
    "{{ A" + ".x" * 5000 + "|upper }}",
    "{{ 1" + "|abs" * 3000 + " }}",
    "{{ " + "9" * 10_000 + " }}",
    "{{ 0x" + "f" * 10_000 + " }}",
    "{{ 1e999 }}",
    "{{ 1e308 * 10 }}",
    "{{ 3.5|round(1000000000, 'ceil') }}",
    "{{ 3.5|round(-1000000000) }}",
    "{{ '" + "[" * 5000 + "'|fromjson }}",
    "{{ 'a'|truncate(5, end=A.long) }}",
    "{{ [1]|batch(1000000000, 'x') }}",
    "{{ [1]|slice(1000000000) }}",
    "y" * 20_000 + "{{ 1 }}",
    "{% if 1 %}" * 2000,
    "{#" * 5000 + "{{ 1 }}",
    "{{ (1, 2)[::0] }}",
]


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


@pytest.mark.parametrize("template", BOMBS, ids=lambda text: text[:40])
def test_bombs_end_soon_and_small(template: str) -> None:
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.thread_time()

    with pytest.raises(TemplateError):
        resolve(template, SCOPE, node_id="B")

    assert time.thread_time() - started < 2.5
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


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="{}%#A.s[]'\"|()-+*~ \n\\x01if", max_size=40))
def test_any_text_is_resolved_or_refused(text: str) -> None:
    try:
        assert safe(resolve(text, SCOPE, node_id="B"))
    except TemplateError:
        pass
