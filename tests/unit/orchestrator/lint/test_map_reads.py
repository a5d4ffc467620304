"""Readers that expect the other shape of a map's output."""

from __future__ import annotations

import re
from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import PlainHandlers
from orchestrator.errors import Problem
from orchestrator.lint.lint import lint
from orchestrator.lint.map_reads import ENTRY, KNOWN_OUTPUTS
from tests.dags import node, workflow
from tests.unit.orchestrator.lint.cases import warnings
from workers.registry import get_handler

ITEMS: dict[str, Any] = {"items": [1, 2]}
TOLERANT = ITEMS | {"tolerated_failure_count": 1}


def told(text: str, *, tolerant: bool, handler: str = "http") -> list[Problem]:
    """The warnings about a reader of the map `m`."""
    mapped = node("m", handler=handler, map=TOLERANT if tolerant else ITEMS)
    reader = node("B", after=["m"]) | {"config": {"text": text}}
    handlers = PlainHandlers(frozenset({"http", "transform", "mine", "noop"}))
    found = lint(compile_definition(workflow(mapped, reader), handlers=handlers))
    return [each for each in found if each.code == "map_misread"]


@pytest.mark.parametrize(
    "text",
    [
        "{{ m[0].x }}",
        "{{ m[0]['x'].y }}",
        'x {{ steps["m"].output[0].x }}',
        "{{ steps['m'].output[0].x | upper }}",
        "{{ m[-1].x | default('none') }}",
        "{{ m[inputs.n].x }}",
        "{{ (m | first).x }}",
        "{{ (m | selectattr('status', 'eq', 'COMPLETED') | last).x }}",
        "{{ m[1:][0].x }}",
        "{{ m | groupby('x') }}",
        "{{ m | map(attribute='x') | list }}",
        "{{ m | map(attribute='x.y', default=0) | sum }}",
        "{{ m | sum(attribute='x') }}",
        "{{ m | join(',', attribute='x') }}",
        "{{ m | selectattr('x', 'gt', 1) | list }}",
        "{% for r in m %}{{ r.x }}{% endfor %}",
        "{% for r in m if r.x %}{{ r }}{% endfor %}",
        "{% for r in m %}{% if r.status == 'COMPLETED' %}{{ r.x }}{% endif %}{% endfor %}",
        "{% set rows = m | default([]) %}{{ rows[0].x }}",
        "{{ {'a': [m[0].x]} }}",
        "{{ m[0].status == 'COMPLETED' and m[0].x }}",
    ],
)
def test_an_entry_of_a_tolerant_map_has_four_fields_only(text: str) -> None:
    (found,) = told(text, tolerant=True)

    assert (found.path, found.code) == ("dag.nodes[1].config.text", "map_misread")
    assert found.message == (
        "node 'B' reads the field 'x' of an item of 'm', whose output is a list of "
        "{index, status, output | error}, as it tolerates failures"
    )
    assert told(text, tolerant=False) == []


@pytest.mark.parametrize(
    "text",
    [
        "{{ m }}",
        "{{ m[0].output.x }}",
        "{{ m[3].status }} {{ m[0].index }} {{ m[0].error.message }}",
        "{{ m | selectattr('status', 'eq', 'COMPLETED') | map(attribute='output') | map(attribute='x') }}",
        "{{ m | map(attribute='output.x', default=0) | sum }}",
        "{% for r in m %}{{ r.output.x if r.output is defined else r.x }}{% endfor %}",
        "{% for r in m %}{% if r.x is defined %}{{ r.x }}{% endif %}{% endfor %}",
        "{{ m | selectattr('x', 'defined') | map(attribute='x') | list }}",
        "{{ m[0].x.y is defined }}",
        "{{ m[0].x is defined and m[0].x > 1 }}",
        "{% if 'x' in m[0] %}{{ m[0].x }}{% endif %}",
        "{% for m2 in [inputs] %}{{ m2.x }}{% endfor %}",
        "{% set r = m[0] %}{% if inputs.b %}{% set r = inputs %}{% endif %}{{ r.x }}",
        "{{ steps['m'].status }} {{ m | length }} {{ m[0].get('x') }}",
        "{% for a, b in m %}{{ a.x }}{% endfor %}",
        "{{ m | tojson | fromjson | map(attribute='x') | list }}",
    ],
)
def test_what_may_be_right_is_not_told(text: str) -> None:
    assert told(text, tolerant=True) == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{{ m[0].output.body }}", "output"),
        ("{{ m | map(attribute='output') | list }}", "output"),
        ("{{ m | map(attribute='output.body') | list }}", "output"),
        ("{% for r in m %}{{ r.output.body }}{% endfor %}", "output"),
        ("{{ m[3].index }}", "index"),
        ("{{ m | rejectattr('error') | list }}", "error"),
    ],
)
def test_a_plain_list_of_a_known_handler_has_no_entries(text: str, key: str) -> None:
    (found,) = told(text, tolerant=False)

    assert found.message == (
        f"node 'B' reads the field {key!r} of an item of 'm', which tolerates no failures: its output is "
        f"the plain list of what http put out, without a field {key!r}"
    )
    assert told(text, tolerant=True) == []


def test_a_field_that_a_handler_may_have_itself_is_not_told() -> None:
    assert told("{{ m[0].status }}", tolerant=False) == []
    assert told("{{ m[0].output.x }}", tolerant=False, handler="mine") == []
    assert len(told("{{ m[0].status }}", tolerant=False, handler="transform")) == 1


@pytest.mark.parametrize(("tolerant", "inner"), [(True, "output.total"), (False, "total")])
def test_the_output_of_a_map_is_a_list_and_has_no_fields(tolerant: bool, inner: str) -> None:
    (found,) = told("{{ m.total }}", tolerant=tolerant)

    assert found.message == ("node 'B' reads the field 'total' of 'm', which is mapped: its output is a list")
    assert found.hint == f"write m[0].{inner} for one item, m | map(attribute='{inner}') for all"
    assert told("{{ m.error.message }}", tolerant=tolerant) == []


def test_conditions_items_of_a_second_map_and_the_output_are_looked_at() -> None:
    first = node("m", map={"items": [1], "tolerated_failure_percentage": 10})
    second = node("n", after=["m"], when="m[0].ok", map={"items": "{{ m }}"}) | {
        "config": {"x": "{{ item.x }}"}
    }

    found = warnings(first, second, output={"total": "{{ m | sum(attribute='n') }}"})

    assert [(each.path, each.code) for each in found] == [
        ("dag.nodes[1].when", "map_misread"),
        ("dag.nodes[1].config.x", "map_misread"),
        ("output.total", "map_misread"),
    ]


def test_hints_say_how_to_write_it() -> None:
    (entry,) = told("{{ m[0].x }}", tolerant=True)
    (every,) = told("{{ m | map(attribute='x') | list }}", tolerant=True)
    (plain,) = told("{{ m[0].output.body }}", tolerant=False)

    assert entry.hint == "write m[0].output.x, of items whose status is COMPLETED"
    assert every.hint == "write attribute='output.x', of items whose status is COMPLETED"
    assert plain.hint is not None
    assert plain.hint.startswith("leave out .output, or give the map a tolerated_failure_count")


@pytest.mark.parametrize("name", sorted(KNOWN_OUTPUTS))
def test_known_outputs_are_those_that_the_handlers_describe(name: str) -> None:
    described = re.search(r"Output: \{(.*?)\}", get_handler(name).description)

    assert described is not None
    fields = set(re.findall(r'"(\w+)"(?!\s*\|)', re.sub(r": [^,]+", "", described[1])))
    assert KNOWN_OUTPUTS[name] == fields.intersection(ENTRY)
