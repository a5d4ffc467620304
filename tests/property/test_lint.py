"""Whatever is warned of is true: every outcome of small random workflows, and many of large ones."""

import re
from collections.abc import Iterator
from itertools import product
from math import prod
from random import Random
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from orchestrator.definitions.trigger_rules import EARLY_RULES
from orchestrator.errors import Problem
from orchestrator.lint.lint import lint
from tests.dags import Outcome, ScriptedDag, compiled, scripted_dags
from tests.interpreter import Ends, handling, in_order, interpret, nodes_of

PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
#: Combinations of outcomes that are looked at, of one workflow.
MOST_COURSES = 2_000
#: How an end tells that the node's turn had come.
RAN = {None, "error", "handler_skipped", "condition_false"}
#: Rules that leave no choice which dependencies are to end how.
ALL = {"all_success", "all_failed", "all_skipped"}
NEVER_RUNS = {"never_runs", "join_never_runs"}


@PROPERTY
@given(dag=scripted_dags(max_nodes=5, is_plain=True), seed=st.integers(0, 2**32))
def test_in_small_workflows_what_never_runs_is_found_and_nothing_else(dag: ScriptedDag, seed: int) -> None:
    loosened(dag, Random(seed))
    found, never = warned(dag, NEVER_RUNS, but="when"), never_running(dag)

    assert found <= never
    # What is known of two nodes together is "both of them", never "one or the other": behind a join that asks
    # for some of its dependencies, a node that cannot run may go unnoticed.
    assert not {node_id for node_id in never - found if not is_behind_a_choice(dag.document, node_id)}


@PROPERTY
@given(dag=scripted_dags(max_nodes=5), seed=st.integers(0, 2**32))
def test_what_is_said_never_to_run_never_runs_after_any_answer_or_failure(
    dag: ScriptedDag, seed: int
) -> None:
    loosened(dag, Random(seed))

    assert warned(dag, NEVER_RUNS, but="when") <= never_running(dag)


@PROPERTY
@given(dag=scripted_dags(max_nodes=60), seed=st.integers(0, 2**32))
def test_in_large_workflows_what_is_said_never_to_run_never_runs(dag: ScriptedDag, seed: int) -> None:
    dice = Random(seed)
    loosened(dag, dice)
    found = warned(dag, NEVER_RUNS)

    for _ in range(30):
        script = {node["id"]: dice.choice(outcomes_of(node)) for node in nodes_of(dag.document)}
        ends, _ = interpret(dag.document, lambda node, script=script: script[node["id"]])  # type: ignore[misc]

        assert not [node_id for node_id in found if ends[node_id][1] in RAN - {"condition_false"}]


@PROPERTY
@given(dag=scripted_dags(max_nodes=5), seed=st.integers(0, 2**32))
def test_references_said_to_fail_do_and_those_said_to_be_missing_may_be(dag: ScriptedDag, seed: int) -> None:
    dice = Random(seed)
    loosened(dag, dice)
    refer(dag.document, dice)
    readers = [node for node in nodes_of(dag.document) if "reads" in node["config"]]
    reads = {node["id"]: node["config"]["reads"] for node in readers}
    lacking: set[str] = set()
    served: set[str] = set()

    for ends in every_course(dag.document, by_handler=False):
        for reader, read in reads.items():
            if ends[reader][1] in RAN - {"condition_false"}:
                (served if has_output(dag.document, ends, read[3:-3]) else lacking).add(reader)
    for ends in every_course(dag.document):
        served.update(
            r for r in reads if ends[r][1] in RAN and has_output(dag.document, ends, reads[r][3:-3])
        )

    late = {node["id"] for node in nodes_of(dag.document) if node.get("trigger_rule") in EARLY_RULES}
    assert warned(dag, {"reference_may_be_missing"}) <= lacking
    unnoticed = (lacking & served) - warned(dag, {"reference_may_be_missing"}) - late
    # What only the failure of a constant choice lets run is warned of as a branch that is never taken.
    unnoticed = {reader for reader in unnoticed if not is_behind_a_constant(dag.document, reader)}
    assert not {reader for reader in unnoticed if not is_behind_a_choice(dag.document, reader)}
    assert not warned(dag, {"reference_never_there"}) & served


@PROPERTY
@given(dag=scripted_dags(max_nodes=5), seed=st.integers(0, 2**32))
def test_what_the_output_is_said_to_lack_may_be_lacking_where_the_execution_completes(
    dag: ScriptedDag, seed: int
) -> None:
    loosened(dag, Random(seed))
    nodes = nodes_of(dag.document)
    dag.document["output"] = {node["id"]: f"{{{{ {node['id']} }}}}" for node in nodes}
    said: dict[str, set[str]] = {"reference_may_be_missing": set(), "reference_never_there": set()}
    for problem in warnings(dag):
        if problem.path.startswith("output.") and problem.code in said:
            said[problem.code].add(problem.path.removeprefix("output."))
    lacking: set[str] = set()
    served: set[str] = set()

    for ends in every_course(dag.document):
        failed = [each for each in nodes if ends[each["id"]][0] == "FAILED" and handling(each) == "nothing"]
        if not any(each.get("critical", True) for each in failed):
            for node_id in dag.document["output"]:
                (served if has_output(dag.document, ends, node_id) else lacking).add(node_id)

    assert said["reference_may_be_missing"] <= lacking
    assert not said["reference_never_there"] & served


@PROPERTY
@given(dag=scripted_dags(max_nodes=6), seed=st.integers(0, 2**32))
def test_a_join_said_to_be_left_out_by_a_catch_never_runs_behind_it(dag: ScriptedDag, seed: int) -> None:
    loosened(dag, Random(seed))
    caught(dag, Random(seed))
    words = [each.message for each in warnings(dag) if each.code == "join_skipped_after_catch"]
    found = [re.findall(r"'(\w+)'", word)[:3] for word in words]

    for ends in every_course(dag.document) if found else ():
        for join, taker, failed in found:
            if ends[failed][0] == "FAILED" and ends[taker][1] in RAN:
                assert ends[join][1] not in RAN


@PROPERTY
@given(dag=scripted_dags(max_nodes=60))
def test_a_workflow_without_branches_and_rules_has_nothing_that_never_runs(dag: ScriptedDag) -> None:
    for node in nodes_of(dag.document):
        node.pop("trigger_rule", None)
        node.pop("catch", None)
        node.pop("when", None)
        node.update(handler="noop", config={"reads": [f"{{{{ {d} }}}}" for d in node["dependencies"][:1]]})
        node["dependencies"] = node["dependencies"][:1]

    assert {problem.code for problem in warnings(dag)} <= {"nothing_critical"}


def is_behind_a_choice(document: dict[str, Any], node_id: str) -> bool:
    """Say whether something upstream may come about in several ways: a join that some of its dependencies
    will do for, or a failure that may be handled."""
    nodes = {node["id"]: node for node in nodes_of(document)}
    found: set[str] = set()
    upstream = list(nodes[node_id]["dependencies"])
    while upstream:
        name = upstream.pop()
        if name not in found:
            found.add(name)
            upstream += nodes[name]["dependencies"]
    return any(
        "catch" in nodes[name]
        or (len(nodes[name]["dependencies"]) > 1 and nodes[name].get("trigger_rule") not in ALL)
        for name in found
    )


def is_behind_a_constant(document: dict[str, Any], node_id: str) -> bool:
    """Say whether a choice that always comes out the same names the node, or one above it, in a branch."""
    nodes = {node["id"]: node for node in nodes_of(document)}
    upstream = [node_id]
    while upstream:
        name = upstream.pop()
        for needed in nodes[name]["dependencies"]:
            config = nodes[needed]["config"]
            asked = config.get("value", config.get("expression", "inputs"))
            branches = [*config.get("cases", {}).values(), config.get("default")]
            branches += [config.get("true_branch"), config.get("false_branch")]
            if "inputs" not in str(asked) and any(name in (branch or ()) for branch in branches):
                return True
            upstream.append(needed)
    return False


def never_running(dag: ScriptedDag) -> set[str]:
    """Name the nodes that get no turn in any course of events."""
    ran: set[str] = set()
    for ends in every_course(dag.document):
        ran.update(node_id for node_id, (_, reason) in ends.items() if reason in RAN)
    return {node["id"] for node in nodes_of(dag.document)} - ran


def loosened(dag: ScriptedDag, dice: Random) -> None:
    """Let most conditions, and the `when` of nodes, depend on inputs instead of being constant."""
    for node in nodes_of(dag.document):
        if "when" in node and dice.random() < 0.7:
            node["when"] = f"{{{{ inputs.when_{node['id']} }}}}"
        if "expression" in node["config"] and dice.random() < 0.7:
            node["config"]["expression"] = f"inputs.{node['id']}"
        if "value" in node["config"] and dice.random() < 0.7:
            node["config"]["value"] = f"{{{{ inputs.{node['id']} }}}}"
            if dice.random() < 0.5:
                del node["config"]["default"]


def caught(dag: ScriptedDag, dice: Random) -> None:
    """Let one node with several successors, and no branches, be followed by a catch and by ordinary rules."""
    nodes = nodes_of(dag.document)
    for node in dice.sample(nodes, len(nodes)):
        after = [each for each in nodes if node["id"] in each["dependencies"]]
        if len(after) > 1 and node["handler"] == "noop":
            node["catch"] = [{"errors": ["*"], "goto": dice.choice(after)["id"]}]
            for each in nodes:
                each.pop("trigger_rule", None)
            return


def refer(document: dict[str, Any], dice: Random) -> None:
    """Let some nodes read one that is upstream of them."""
    nodes = {node["id"]: node for node in nodes_of(document)}
    above: dict[str, set[str]] = {}
    for node_id in in_order(nodes):
        needed = nodes[node_id]["dependencies"]
        above[node_id] = set(needed).union(*(above[name] for name in needed))
        if above[node_id] and nodes[node_id]["handler"] == "noop" and dice.random() < 0.7:
            nodes[node_id]["config"]["reads"] = f"{{{{ {dice.choice(sorted(above[node_id]))} }}}}"


def outcomes_of(node: dict[str, Any], *, by_handler: bool = True) -> list[Outcome]:
    """List what one handler call may end as."""
    when = node.get("when")
    if when == "{{ false }}":
        return ["skip"]
    found: list[Outcome] = ["fail"]
    if node["handler"] == "condition":
        config = node["config"]
        if config["expression"] != "false":
            found.append(("branch", tuple(config["false_branch"])))
        if config["expression"] != "true":
            found.append(("branch", tuple(config["true_branch"])))
    elif node["handler"] == "switch":
        found += [("branch", ids) for ids in not_taken_by(node["config"])]
    else:
        found.append("ok")
    if by_handler or (when is not None and when != "{{ true }}"):
        found.append("skip")
    return found


def not_taken_by(config: dict[str, Any]) -> list[tuple[str, ...]]:
    """List, for each answer a switch may give, the ids it then passes by."""
    answers = config["cases"] | ({"default": config["default"]} if "default" in config else {})
    value = config["value"]
    if not value.startswith("{{"):
        taken = value if value in config["cases"] else "default"
        answers = {taken: answers[taken]} if taken in answers else {}
    every = {node_id for ids in (*config["cases"].values(), config.get("default", [])) for node_id in ids}
    return list(dict.fromkeys(tuple(sorted(every.difference(ids))) for ids in answers.values()))


def has_output(document: dict[str, Any], ends: Ends, node_id: str) -> bool:
    """Say whether a node left something to read: its result, or the error of a handled failure."""
    status, _ = ends[node_id]
    node = next(node for node in nodes_of(document) if node["id"] == node_id)
    return status == "COMPLETED" or (status == "FAILED" and handling(node) != "nothing")


def every_course(document: dict[str, Any], *, by_handler: bool = True) -> Iterator[Ends]:
    """Give the ends of all nodes for every combination of outcomes."""
    nodes = nodes_of(document)
    outcomes = [outcomes_of(node, by_handler=by_handler) for node in nodes]
    # Five switches of many cases have a hundred thousand courses, and teach nothing that three do not.
    assume(prod(map(len, outcomes)) <= MOST_COURSES)
    for chosen in product(*outcomes):
        script = {node["id"]: outcome for node, outcome in zip(nodes, chosen, strict=True)}
        yield interpret(document, lambda node, script=script: script[node["id"]])[0]  # type: ignore[misc]


def warnings(dag: ScriptedDag) -> list[Problem]:
    return lint(compiled(dag.document))


def warned(dag: ScriptedDag, codes: set[str], *, but: str = "nothing") -> set[str]:
    """Name the nodes warned of."""
    nodes = nodes_of(dag.document)
    return {
        nodes[int(problem.path.removeprefix("dag.nodes[").partition("]")[0])]["id"]
        for problem in warnings(dag)
        if problem.code in codes and not problem.path.endswith(f".{but}")
    }
