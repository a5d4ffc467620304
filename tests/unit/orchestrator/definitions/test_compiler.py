# long: most of it is one table, every wrong document beside the words it is refused with.

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.definition import Definition, PlainHandlers
from orchestrator.definitions.retry import RetryPolicy
from orchestrator.definitions.trigger_rules import EARLY_RULES, TriggerRule
from orchestrator.documents.limits import Limits
from orchestrator.errors import DefinitionInvalid, Problem
from tests.examples import examples
from tests.growth import growth

HANDLERS = PlainHandlers(frozenset({"noop", "http", "condition", "switch"}))


def node(node_id: str, after: list[str] | None = None, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "handler": "noop", "dependencies": after or [], **more}


def workflow(*nodes: Any, **more: Any) -> dict[str, Any]:
    return {"name": "test", "nodes": list(nodes), **more}


def build(*nodes: Any, limits: Limits | None = None, **more: Any) -> Definition:
    return compile_definition(workflow(*nodes, **more), handlers=HANDLERS, limits=limits)


def problems(document: Any, limits: Limits | None = None) -> list[Problem]:
    with pytest.raises(DefinitionInvalid) as caught:
        compile_definition(document, handlers=HANDLERS, limits=limits)
    return caught.value.problems


def test_the_documented_form_and_the_flat_form_are_the_same_workflow() -> None:
    nodes = [node("A"), node("B", ["A"]), node("C", ["A"]), node("D", ["B", "C"])]

    dag = compile_definition({"name": "x", "dag": {"nodes": nodes}, "fail_fast": True}, handlers=HANDLERS)
    flat = compile_definition({"name": "x", "nodes": nodes, "fail_fast": True}, handlers=HANDLERS)

    assert dag.nodes == flat.nodes
    assert dag.successors == {"A": ("B", "C"), "B": ("D",), "C": ("D",), "D": ()}
    assert dag.roots == ("A",)
    assert dag.fail_fast
    assert dag.node("D").dependencies == ("B", "C")


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
        (workflow(node("A"), foo=1), "foo", "unknown_field", "shape", "allowed: name"),
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
        ({"name": "a b", "nodes": [node("A")]}, "name", "bad_id", "shape", "'a b'"),
        (workflow(node("A"), inputs={"type": "strin"}), "inputs", "bad_schema", "shape", "JSON Schema"),
        (workflow(node("A"), execution_timeout="soon"), "execution_timeout", "bad_duration", "shape", "soon"),
        ([], "", "wrong_type", "shape", "must be an object"),
        (None, "", "wrong_type", "shape", "null"),
    ],
)
def test_a_problem_says_what_and_where(document: Any, path: str, code: str, kind: str, says: str) -> None:
    (problem,) = problems(document)

    assert (problem.path, problem.code, problem.kind) == (path, code, kind)
    assert says in problem.message


def test_paths_follow_the_form_that_was_submitted() -> None:
    (problem,) = problems({"name": "x", "dag": {"nodes": [node("A", ["X"])]}})

    assert problem.path == "dag.nodes[0].dependencies[0]"


def test_all_problems_are_told_at_once() -> None:
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


def condition(node_id: str, after: list[str] | None = None, **config: Any) -> dict[str, Any]:
    return {**node(node_id, after, config={"expression": "true", **config}), "handler": "condition"}


def test_branches_are_read_and_gates_counted() -> None:
    definition = build(
        condition("c", true_branch=["x"], false_branch="y"),
        condition("d", true_branch="x"),
        node("x", ["c", "d"]),
        node("y", ["c"]),
        node("z", ["c"]),
    )

    assert definition.node("c").branches == ("x", "y")
    assert definition.gates == {"x": 2, "y": 1}


def test_a_bare_condition_expression_is_searched_for_references() -> None:
    definition = build(node("A"), condition("c", ["A"], expression="A.n > inputs.limit"))

    assert definition.node("c").references == {"A"}
    assert definition.node("c").uses_inputs


@pytest.mark.parametrize(
    ("config", "code", "path"),
    [
        ({"true_branch": ["nope"]}, "unknown_branch", "nodes[0].config.true_branch"),
        ({"true_branch": ["far"]}, "not_successor", "nodes[0].config.true_branch"),
        ({"true_branch": ["x"], "false_branch": ["x"]}, "in_both_branches", "nodes[0].config"),
        ({"true_branch": 3}, "wrong_type", "nodes[0].config.true_branch"),
        ({"true_branch": [["x"]]}, "wrong_type", "nodes[0].config.true_branch"),
        ({"true_branch": "{{ inputs.b }}"}, "unknown_branch", "nodes[0].config.true_branch"),
    ],
)
def test_branches_name_direct_successors_once(config: dict[str, Any], code: str, path: str) -> None:
    (problem,) = problems(workflow(condition("c", **config), node("x", ["c"]), node("far", ["x"])))

    assert (problem.code, problem.path) == (code, path)


def switch(node_id: str, after: list[str] | None = None, **config: Any) -> dict[str, Any]:
    return {**node(node_id, after, config={"value": "a", **config}), "handler": "switch"}


def test_cases_are_read_and_gates_counted() -> None:
    definition = build(
        switch("s", cases={"a": "x", "b": ["x", "y"]}, default="z"),
        node("x", ["s"]),
        node("y", ["s"]),
        node("z", ["s"]),
        node("free", ["s"]),
    )

    assert definition.node("s").branches == ("x", "y", "z")
    assert definition.gates == {"x": 1, "y": 1, "z": 1}


@pytest.mark.parametrize(
    ("config", "code", "path"),
    [
        ({"cases": {"a": ["nope"]}}, "unknown_branch", "nodes[0].config.cases.a"),
        ({"cases": {"a": ["far"]}}, "not_successor", "nodes[0].config.cases.a"),
        ({"cases": {"a": "x"}, "default": ["nope"]}, "unknown_branch", "nodes[0].config.default"),
        ({"cases": {"a": 3}}, "wrong_type", "nodes[0].config.cases.a"),
    ],
)
def test_cases_name_direct_successors(config: dict[str, Any], code: str, path: str) -> None:
    (problem,) = problems(workflow(switch("s", **config), node("x", ["s"]), node("far", ["x"])))

    assert (problem.code, problem.path) == (code, path)


@pytest.mark.parametrize("rule", sorted(EARLY_RULES))
def test_a_branch_target_may_not_run_early(rule: str) -> None:
    (problem,) = problems(workflow(condition("c", true_branch="x"), node("x", ["c"], trigger_rule=rule)))

    assert problem.code == "early_rule"


def test_size_limits_are_named() -> None:
    assert "max_nodes" in problems(workflow(node("A"), node("B")), Limits(max_nodes=1))[0].message
    (problem,) = problems(workflow(node("A"), node("B", ["A"])), Limits(max_edges=0))
    assert (problem.kind, "max_edges" in problem.message) == ("size", True)
    deep: dict[str, Any] = {}
    for _ in range(70):
        deep = {"x": deep}
    assert problems(workflow(node("A", config=deep)))[0].code == "too_deep"


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


@dataclass(frozen=True)
class TypedHandlers:
    names: frozenset[str] = frozenset({"http"})

    def check_config(self, handler: str, config: dict[str, Any]) -> list[Problem]:
        return [] if "url" in config else [Problem("config.url", "missing", "'url' is missing")]

    def default_retry(self, handler: str) -> RetryPolicy | None:
        return RetryPolicy(max_attempts=3)

    def secret_fields(self, handler: str) -> tuple[str, ...] | None:
        return ()


def test_handlers_check_their_config_and_bring_their_retry() -> None:
    good = workflow({"id": "A", "handler": "http", "config": {"url": "x"}})

    compiled = compile_definition(good, handlers=TypedHandlers())
    assert compiled.node("A").policy == RetryPolicy(max_attempts=3)
    with pytest.raises(DefinitionInvalid) as caught:
        compile_definition(workflow({"id": "A", "handler": "http"}), handlers=TypedHandlers())
    assert caught.value.problems[0].path == "nodes[0].config.url"


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
