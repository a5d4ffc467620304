"""Documents: both their forms, their defaults and version, and everything that is wrong at once."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.definitions.compiler import compile_definition
from orchestrator.errors import DefinitionInvalid
from tests.examples import examples
from tests.growth import growth
from tests.unit.orchestrator.definitions.flat import (
    HANDLERS,
    build,
    node,
    problems,
    workflow,
)


def test_the_documented_form_and_the_flat_form_are_the_same_workflow() -> None:
    nodes = [node("A"), node("B", ["A"]), node("C", ["A"]), node("D", ["B", "C"])]

    dag = compile_definition({"name": "x", "dag": {"nodes": nodes}, "fail_fast": True}, handlers=HANDLERS)
    flat = compile_definition({"name": "x", "nodes": nodes, "fail_fast": True}, handlers=HANDLERS)

    assert dag.nodes == flat.nodes
    assert dag.successors == {"A": ("B", "C"), "B": ("D",), "C": ("D",), "D": ()}
    assert dag.roots == ("A",)
    assert dag.fail_fast
    assert dag.node("D").dependencies == ("B", "C")


def test_defaults_apply_where_a_node_says_nothing() -> None:
    definition = build(
        node("A"),
        node("B", queue="own", retry={"max_attempts": 2}),
        defaults={"queue": "slow", "retry": {"max_attempts": 9}, "start_to_close_timeout": "5m"},
        execution_timeout="1h",
    )

    first, second = definition.nodes
    assert (first.queue, second.queue) == ("slow", "own")
    assert first.retry is not None and first.retry.max_attempts == 9
    assert second.retry is not None and second.retry.max_attempts == 2
    assert first.start_to_close_ms == 300_000
    assert definition.execution_timeout_ms == 3_600_000


def test_version_follows_content_not_key_order() -> None:
    one = compile_definition({"name": "x", "nodes": [node("A")]}, handlers=HANDLERS)
    two = compile_definition({"nodes": [dict(reversed(node("A").items()))], "name": "x"}, handlers=HANDLERS)
    other = build(node("B"))

    assert one.version == two.version != other.version
    assert len(one.version) == 16


@pytest.mark.parametrize(
    ("document", "path", "code", "kind", "says"),
    [
        (workflow(node("A"), foo=1), "foo", "unknown_field", "shape", "allowed: name"),
        (workflow(), "nodes", "empty", "shape", "at least one node"),
        ({"name": "x"}, "nodes", "missing", "shape", "list of nodes"),
        ({"name": "x", "dag": {}}, "dag.nodes", "missing", "shape", "list of nodes"),
        ({"name": "x", "dag": []}, "dag", "wrong_type", "shape", "object"),
        (
            {"name": "x", "dag": {"nodes": [node("A")], "z": 1}},
            "dag.z",
            "unknown_field",
            "shape",
            "allowed: nodes",
        ),
        ({"name": "x", "dag": {"nodes": [node("A")]}, "nodes": []}, "nodes", "twice", "shape", "keep one"),
        ({"nodes": [node("A")]}, "name", "missing", "shape", "missing"),
        ({"name": 7, "nodes": [node("A")]}, "name", "wrong_type", "shape", "must be text, got 7"),
        ({"name": "", "nodes": [node("A")]}, "name", "bad_value", "shape", "1 to 256 characters"),
        ({"name": " \u00a0", "nodes": [node("A")]}, "name", "bad_value", "shape", "not all blank"),
        ({"name": "x" * 257, "nodes": [node("A")]}, "name", "bad_value", "shape", "1 to 256 characters"),
        ({"name": "a\nb", "nodes": [node("A")]}, "name", "bad_value", "shape", "such as U+000A"),
        ({"name": "a\x1b[31m", "nodes": [node("A")]}, "name", "bad_value", "shape", "such as U+001B"),
        ({"name": "a\u2028b", "nodes": [node("A")]}, "name", "bad_value", "shape", "such as U+2028"),
        (workflow(node("A"), inputs={"type": "strin"}), "inputs.type", "bad_schema", "shape", "JSON Schema"),
        (workflow(node("A"), execution_timeout="soon"), "execution_timeout", "bad_duration", "shape", "soon"),
        ([], "", "wrong_type", "shape", "must be an object"),
        (None, "", "wrong_type", "shape", "the document is empty; a workflow is an object with a name"),
    ],
)
def test_a_problem_says_what_and_where(document: Any, path: str, code: str, kind: str, says: str) -> None:
    (problem,) = problems(document)

    assert (problem.path, problem.code, problem.kind) == (path, code, kind)
    assert says in problem.message


def test_paths_follow_the_form_that_was_submitted() -> None:
    (problem,) = problems({"name": "x", "dag": {"nodes": [node("A", ["X"])]}})

    assert problem.path == "dag.nodes[0].dependencies[0]"


def test_all_problems_are_listed_at_once() -> None:
    found = problems(
        workflow(
            node("A", ["B"]),
            node("B", ["A"]),
            node("C", ["X", "Y"]),
            {"id": "D", "handler": "x"},
            node("E", config={"a": "{{ Q.x }}"}),
            node("C"),
            bogus=1,
        )
    )

    assert {problem.code for problem in found} == {
        "cycle",
        "unknown_dependency",
        "unknown_handler",
        "unknown_reference",
        "duplicate_id",
        "unknown_field",
    }
    assert len(found) == 7


def test_problems_are_bounded_in_number() -> None:
    bad = workflow(*(node(f"n{i}", [f"z{i}"], config={"x": f"{{{{ q{i} }}}}"}) for i in range(10_000)))

    found = problems(bad)

    assert len(found) == 101
    assert "more problems" in found[-1].message


def test_a_dag_compiles_in_time_linear_in_its_size() -> None:
    def nodes(count: int) -> list[Any]:
        return [
            node(
                f"n{i}",
                [f"n{i - 1}", f"n{i - 2}"] if i > 1 else [],
                config={"x": f"{{{{ n{i // 2}.y }}}}"} if i > 1 else {},
            )
            for i in range(count)
        ]

    assert growth(lambda many: build(*many), nodes(500), nodes(5_000)) < 40


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
odd_nodes = st.fixed_dictionaries(
    {},
    optional={
        name: json_values | st.sampled_from(["A", "noop", "{{ A.x }}", "1s", ["A"], {"a": "{{ B }}"}])
        for name in (
            "id",
            "handler",
            "dependencies",
            "config",
            "when",
            "trigger_rule",
            "retry",
            "critical",
            "queue",
        )
    },
)


@settings(max_examples=examples(100), deadline=None)
@given(
    json_values | st.fixed_dictionaries({"name": st.just("x"), "nodes": st.lists(odd_nodes | json_values)})
)
def test_any_document_is_compiled_or_refused(document: Any) -> None:
    try:
        compile_definition(document, handlers=HANDLERS)
    except DefinitionInvalid as refusal:
        if not refusal.problems:
            raise AssertionError("refused without saying why") from None
