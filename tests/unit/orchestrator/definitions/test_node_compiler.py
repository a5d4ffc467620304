"""Nodes of a document: their fields, their dependencies and references, and their config."""

from dataclasses import dataclass
from typing import Any

import pytest

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.retry import RetryPolicy
from orchestrator.definitions.trigger_rules import TriggerRule
from orchestrator.documents.limits import Limits
from orchestrator.errors import DefinitionInvalid, Problem
from tests.unit.orchestrator.definitions.flat import (
    build,
    condition,
    node,
    problems,
    workflow,
)


def test_dependencies_and_config_may_be_left_out_or_null() -> None:
    definition = build({"id": "A", "handler": "noop"}, {**node("B"), "config": None, "dependencies": None})

    assert [n.config for n in definition.nodes] == [{}, {}]


def test_every_field_of_a_node_is_read() -> None:
    built = build(
        node("A"),
        node(
            "B",
            ["A"],
            when="{{ A.ok }}",
            trigger_rule="all_done",
            retry={"max_attempts": 7},
            critical=False,
            start_to_close_timeout="30s",
            schedule_to_start_timeout=5,
            queue="gpu",
            config={"x": "{{ inputs.y }}"},
        ),
    ).node("B")

    assert built.when == "{{ A.ok }}"
    assert built.trigger_rule is TriggerRule.ALL_DONE
    assert built.retry == RetryPolicy(max_attempts=7)
    assert (built.start_to_close_ms, built.schedule_to_start_ms) == (30_000, 5_000)
    assert (built.critical, built.queue) == (False, "gpu")
    assert (built.references, built.uses_inputs, built.templated) == (frozenset({"A"}), True, True)


@pytest.mark.parametrize(
    ("document", "path", "code", "kind", "says"),
    [
        (workflow(node("A"), node("A")), "nodes[1].id", "duplicate_id", "graph", "Duplicate node ID: A"),
        (
            workflow(node("D", ["X"])),
            "nodes[0].dependencies[0]",
            "unknown_dependency",
            "graph",
            "Invalid dependency: X — node 'D' depends on 'X', which is not in this workflow (nodes: D)",
        ),
        (
            workflow(node("A", ["B"]), node("B", ["A"])),
            "nodes[0].dependencies",
            "cycle",
            "graph",
            "Workflow DAG contains a cycle: A -> B -> A",
        ),
        (workflow(node("A", ["A"])), "nodes[0].dependencies", "cycle", "graph", "cycle: A -> A"),
        (
            workflow(node("A"), node("B", ["A", "A"])),
            "nodes[1].dependencies[1]",
            "duplicate_dependency",
            "graph",
            "twice",
        ),
        (
            workflow({**node("B"), "handler": "htpp"}),
            "nodes[0].handler",
            "unknown_handler",
            "graph",
            "unknown handler 'htpp' in node 'B'; did you mean 'http'?",
        ),
        (workflow({"id": "B"}), "nodes[0].handler", "missing", "shape", "missing"),
        (workflow(node("a:b")), "nodes[0].id", "bad_id", "shape", "'a:b'"),
        (workflow(node("")), "nodes[0].id", "bad_id", "shape", "''"),
        (workflow(node("x" * 129)), "nodes[0].id", "bad_id", "shape", "at most 128"),
        (workflow(node("A\n")), "nodes[0].id", "bad_id", "shape", "'A\\n'"),
        (workflow({**node("A"), "id": 1}), "nodes[0].id", "wrong_type", "shape", "must be text"),
        (workflow({"handler": "noop"}), "nodes[0].id", "missing", "shape", "missing"),
        (workflow(7), "nodes[0]", "wrong_type", "shape", "must be an object"),
        (workflow(node("A", zz=1)), "nodes[0].zz", "unknown_field", "shape", "allowed: id, handler"),
        (workflow(node("A", loop={})), "nodes[0].loop", "unknown_field", "shape", "'loop'"),
        (workflow(node("A", config=[])), "nodes[0].config", "wrong_type", "shape", "an object"),
        (workflow(node("A", config={"x": float("nan")})), "nodes[0].config", "not_finite", "shape", "NaN"),
        (workflow(node("A", config={"x": object()})), "nodes[0].config", "not_json", "shape", "not JSON"),
        (workflow(node("A", config={"x": {1}})), "nodes[0].config", "not_json", "shape", "not JSON"),
        (
            workflow(node("A", config={"x": "y" * 70_000})),
            "nodes[0].config",
            "config_too_large",
            "size",
            "65,536",
        ),
        (workflow(node("A", trigger_rule="all")), "nodes[0].trigger_rule", "bad_value", "shape", "all_done"),
        (workflow(node("A", critical="no")), "nodes[0].critical", "wrong_type", "shape", "true or false"),
        (
            workflow(node("A", start_to_close_timeout=0)),
            "nodes[0].start_to_close_timeout",
            "bad_duration",
            "shape",
            "shorter",
        ),
        (
            workflow(node("A", retry={"max_attempts": 0})),
            "nodes[0].retry.max_attempts",
            "bad_value",
            "shape",
            "1,000",
        ),
        (workflow(node("A", when=3)), "nodes[0].when", "wrong_type", "shape", "text"),
        (
            workflow({**node("A"), "dependencies": "B"}),
            "nodes[0].dependencies",
            "wrong_type",
            "shape",
            "a list",
        ),
        (
            workflow({**node("A"), "dependencies": [3]}),
            "nodes[0].dependencies[0]",
            "wrong_type",
            "shape",
            "node id",
        ),
    ],
)
def test_a_problem_says_what_and_where(document: Any, path: str, code: str, kind: str, says: str) -> None:
    (problem,) = problems(document)

    assert (problem.path, problem.code, problem.kind) == (path, code, kind)
    assert says in problem.message


@pytest.mark.parametrize(
    ("template", "code", "says"),
    [
        ("{{ Z.x }}", "unknown_reference", "'Z'"),
        ("{{ steps['Z'].output }}", "unknown_reference", "'Z'"),
        ("{{ C.x }}", "not_upstream", "'C', which is not upstream"),
        ("{{ B.x }}", "not_upstream", "itself"),
        ("{{ item.x }}", "unknown_reference", "has no meaning here"),
        ("{{ item.KEY }}", "unknown_reference", "has no meaning here"),
        ("{{ A.x", "bad_template", "not a valid template"),
        ("{{ A.x|attr('y') }}", "bad_template", "unknown filter 'attr'"),
        ("{% for A in inputs.x %}{{ A }}{% endfor %}", "bad_template", "'A', which is a node"),
        ("{% for inputs in A.x %}{% endfor %}", "bad_template", "a meaning of its own"),
    ],
)
def test_bad_references_are_found_at_submission(template: str, code: str, says: str) -> None:
    (problem,) = problems(
        workflow(node("A"), node("C"), node("B", ["A"], config={"deep": [{"x": template}]}))
    )

    assert (problem.path, problem.code, problem.kind) == ("nodes[2].config.deep[0].x", code, "graph")
    assert says in problem.message


@pytest.mark.parametrize(
    ("reader", "hint"),
    [
        (node("B", ["A"], config={"x": "{{ C.x }}"}), "add 'C' to the dependencies of 'B'"),
        (node("A", config={"x": "{{ B.x }}"}), "'B' runs after 'A': read it in a node behind 'B'"),
        (node("A", config={"x": "{{ A.x }}"}), "a node has no output before its end: read another node"),
    ],
)
def test_a_node_that_is_not_upstream_comes_with_the_way_out(reader: dict[str, Any], hint: str) -> None:
    others = [each for each in (node("A"), node("C"), node("B", ["A"])) if each["id"] != reader["id"]]

    (problem,) = problems(workflow(reader, *others))

    assert problem.code == "not_upstream"
    assert (problem.hint or "").startswith(hint)


@pytest.mark.parametrize(
    "needed",
    [{"depends_on": ["A"]}, {"needs": ["A"]}, {"dependencies": "A"}, {"dependencies": ["a"]}],
)
def test_dependencies_that_cannot_be_read_are_refused_once(needed: dict[str, Any]) -> None:
    choice = node("A", handler="condition", config={"expression": "true", "true_branch": ["B"]})
    reader = {"id": "B", "handler": "noop", "config": {"x": "{{ A.branch }}"}, **needed}

    (problem,) = problems(workflow(choice, reader, node("C", ["B"], config={"x": "{{ A.branch }}"})))

    assert problem.path.startswith(f"nodes[1].{next(iter(needed))}")


def test_a_map_that_cannot_be_read_is_refused_once_with_what_was_meant() -> None:
    config = {"x": "{{ item.id }} {{ index }}"}
    short = node("B", ["A"], config=config, map="{{ A.rows }}")

    (problem,) = problems(workflow(node("A"), short))
    (elsewhere,) = problems(workflow(node("A"), node("B", ["A"], config=config, withItems="{{ A.rows }}")))

    assert (problem.code, problem.hint) == ("wrong_type", "write map: {items: '{{ A.rows }}'}")
    assert (elsewhere.code, elsewhere.hint) == ("unknown_field", "did you mean 'map'?")


@pytest.mark.parametrize(
    ("template", "hint"),
    [
        ("{{ day }}", "write inputs.day"),
        ("{{ params.day }}", "write inputs.day"),
        ("{{ params.night }}", None),
        ("{{ event.day }}", None),
    ],
)
def test_an_input_without_its_first_word_is_hinted_at(template: str, hint: str | None) -> None:
    inputs = {"type": "object", "properties": {"day": {"type": "string"}}}

    (problem,) = problems(workflow(node("A", config={"x": template}), inputs=inputs))
    (of_output,) = problems(workflow(node("A"), inputs=inputs, output={"x": template}))

    assert (problem.code, problem.hint) == ("unknown_reference", hint)
    assert (of_output.code, of_output.hint) == ("unknown_reference", hint)


def test_references_may_reach_any_ancestor() -> None:
    definition = build(
        node("A"),
        node("a-b", ["A"]),
        node("C", ["a-b"], config={"x": "{{ A.y }} {{ steps['a-b'].output.z }}"}),
    )

    assert definition.node("C").references == {"A", "a-b"}


def test_ids_that_are_no_names_get_a_hint() -> None:
    for node_id, template in [
        ("a-b", "{{ a-b.x }}"),
        ("1st", "{{ 1st.x }}"),
        ("inputs", "{{ item }}{{ inputs }}"),
    ]:
        found = problems(workflow(node(node_id), node("Z", [node_id], config={"x": template})))
        assert found[0].hint == f'write steps["{node_id}"].output for the node {node_id!r}'


def test_a_reserved_word_means_itself_and_not_the_node_of_that_name() -> None:
    definition = build(node("inputs"), node("B", ["inputs"], config={"x": "{{ inputs.y }}"}))

    assert definition.node("B").references == frozenset()
    assert definition.node("B").uses_inputs


def test_a_bare_condition_expression_is_searched_for_references() -> None:
    definition = build(node("A"), condition("c", ["A"], expression="A.n > inputs.limit"))

    assert definition.node("c").references == {"A"}
    assert definition.node("c").uses_inputs


def test_size_limits_are_named() -> None:
    assert "max_nodes" in problems(workflow(node("A"), node("B")), Limits(max_nodes=1))[0].message
    (problem,) = problems(workflow(node("A"), node("B", ["A"])), Limits(max_edges=0))
    assert (problem.kind, "max_edges" in problem.message) == ("size", True)
    deep: dict[str, Any] = {}
    for _ in range(70):
        deep = {"x": deep}
    assert problems(workflow(node("A", config=deep)))[0].code == "too_deep"


@dataclass(frozen=True)
class TypedHandlers:
    names: frozenset[str] = frozenset({"http"})

    def check_config(self, handler: str, config: dict[str, Any]) -> list[Problem]:
        return [] if "url" in config else [Problem("config.url", "missing", "'url' is missing")]

    def default_retry(self, handler: str) -> RetryPolicy | None:
        return RetryPolicy(max_attempts=3)

    def secret_fields(self, handler: str) -> tuple[str, ...] | None:
        return ()

    def is_durable(self, handler: str) -> bool | None:
        return None


def test_handlers_check_their_config_and_bring_their_retry() -> None:
    good = workflow({"id": "A", "handler": "http", "config": {"url": "x"}})

    compiled = compile_definition(good, handlers=TypedHandlers())
    assert compiled.node("A").policy == RetryPolicy(max_attempts=3)
    with pytest.raises(DefinitionInvalid) as caught:
        compile_definition(workflow({"id": "A", "handler": "http"}), handlers=TypedHandlers())
    assert caught.value.problems[0].path == "nodes[0].config.url"
