"""Random families: DAGs some of whose nodes run others as their children: alone, for each item, unattended.

What a child does stands in the outcome of its node, as another ScriptedDag.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from tests.dags import Outcome, ScriptedDag, scripted_dags
from tests.interpreter import nodes_of

#: Types of errors that a try may come to.
ERRORS = ("Http.5xx", "Http.Transport", "Mine.Broken")
PATTERNS = (*ERRORS, "Http.*")
#: Nodes of one child at most.
SMALL = 8
#: Levels of children below the root.
DEPTH = 2


@st.composite
def families(
    draw: st.DrawFn, max_nodes: int = 60, *, depth: int = DEPTH, durations: tuple[int, ...] = (0,)
) -> ScriptedDag:
    """Draw a DAG with children, tries, time limits and an `output`, of at most so many nodes in all.

    durations  what a try may take, in seconds; where there is more than one, all failures of a node are
               the same, because a simulation knows one error for each.
    """
    own = draw(st.integers(1, max(1, max_nodes - SMALL * depth)))
    dag = draw(scripted_dags(max_nodes=own, with_maps=True))
    left = max_nodes - len(nodes_of(dag.document))
    for node in nodes_of(dag.document):
        if node["handler"] != "noop":
            continue
        if depth and left > 0 and draw(st.integers(0, 2)) == 0:
            child = draw(families(min(SMALL, left), depth=depth - 1, durations=durations))
            left -= len(nodes_of(child.document))
            dag.outcomes[node["id"]] = _draw_parent(draw, node, dag.outcomes[node["id"]], child)
        elif draw(st.booleans()):
            dag.outcomes[node["id"]] = _draw_tries(draw, node, dag.outcomes[node["id"]], durations)
        if "map" in node and dag.outcomes[node["id"]] == "fail":
            node["map"]["items"] = "{{ 5 }}"
    dag.document["name"] = draw(st.sampled_from(("one", "other")))
    if draw(st.booleans()):
        _draw_output(draw, dag)
    return dag


def _draw_parent(draw: st.DrawFn, node: dict[str, Any], outcome: Outcome, child: ScriptedDag) -> Outcome:
    """Let a node run a child, unless it is to be skipped by its `when`."""
    is_awaited = draw(st.integers(0, 3)) > 0
    node["handler"] = "sub_workflow"
    node["config"] = {"workflow": child.document}
    if not is_awaited:
        policy = draw(st.sampled_from(("abandon", "request_cancel", "terminate")))
        node["config"] |= {"wait": False, "parent_close_policy": policy}
    elif draw(st.booleans()):
        # The child that has failed goes on in place, and fails again.
        node["retry"] = {**(node.get("retry") or {}), "max_attempts": 2, "initial_interval": 1}
    kind = "child" if is_awaited else "detached"
    if outcome == "skip":
        node["when"] = "{{ false }}"
        return outcome
    if "map" not in node:
        return kind, child
    if isinstance(outcome, str):
        return outcome
    return "items", tuple((kind, _varied(draw, child)) for _ in outcome[1])


def _varied(draw: st.DrawFn, child: ScriptedDag) -> ScriptedDag:
    """Give the same document with nodes that do otherwise here and there, for one item."""
    outcomes = dict(child.outcomes)
    for node in nodes_of(child.document):
        is_plain = node["handler"] == "noop" and "map" not in node and "when" not in node
        if is_plain and isinstance(outcomes[node["id"]], str) and draw(st.booleans()):
            outcomes[node["id"]] = draw(st.sampled_from(("ok", "fail", "skip")))
    return ScriptedDag(child.document, outcomes)


def _draw_tries(
    draw: st.DrawFn, node: dict[str, Any], outcome: Outcome, durations: tuple[int, ...]
) -> Outcome:
    """Let a node, or its items, be tried several times, under limits of time."""
    goes_on = "retry" in node
    if draw(st.booleans()):
        rules = draw(st.lists(_rules(), min_size=1, max_size=3))
        node["retry"] = {"rules": rules, "on_exhausted": "continue"} if goes_on else rules
    else:
        node["retry"] = {**_numbers(draw), **({"on_exhausted": "continue"} if goes_on else {})}
    if draw(st.integers(0, 2)) == 0:
        node["schedule_to_close_timeout"] = draw(st.sampled_from((1, 2, 3, 5, 8)))
    if len(durations) > 1 and draw(st.integers(0, 3)) == 0:
        node["start_to_close_timeout"] = draw(st.sampled_from((2, 4)))

    def tries(word: str) -> Outcome:
        takes_s = draw(st.sampled_from(durations))
        errors = draw(st.lists(st.sampled_from(ERRORS), max_size=4))
        if len(durations) > 1:
            errors = [draw(st.sampled_from(ERRORS))] * len(errors)
        if word == "fail":
            return "tries", (tuple(errors or ERRORS[:1]), takes_s)
        return "tries", ((*errors, "ok"), takes_s)

    if outcome == "skip" or (outcome == "fail" and "map" in node):
        return outcome
    if isinstance(outcome, str):
        return tries(outcome)
    return "items", tuple(each if each == "skip" else tries(each) for each in outcome[1])


@st.composite
def _rules(draw: st.DrawFn) -> dict[str, Any]:
    # None names everything: a map whose items failed, or one that gives no list, would be tried again.
    names = draw(st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2))
    return {"errors": names, **_numbers(draw)}


def _numbers(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "max_attempts": draw(st.integers(1, 4)),
        "initial_interval": draw(st.sampled_from((0, 1, 2))),
        "backoff_coefficient": draw(st.sampled_from((1, 2, 3))),
        "maximum_interval": draw(st.sampled_from((1, 4, 60))),
        "jitter": "none",
    }


def _draw_output(draw: st.DrawFn, dag: ScriptedDag) -> None:
    """Let the whole put out what some nodes did; now and then one that may not be there is asked for."""
    names = draw(st.lists(st.sampled_from(sorted(dag.outcomes)), max_size=3, unique=True))
    is_strict = draw(st.integers(0, 5)) == 0
    dag.document["output"] = {
        name: f"{{{{ {name}.of }}}}" if is_strict else f"{{{{ {name}.of | default('-') }}}}" for name in names
    }


def documents_by_input(document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the document with every other child of its own named by an input, and those inputs."""
    made, inputs = deepcopy(document), {}
    parents = [node for node in nodes_of(made) if node["handler"] == "sub_workflow"]
    for node in parents[::2]:
        inputs[node["id"]] = node["config"]["workflow"]
        node["config"]["workflow"] = f"{{{{ inputs.{node['id']} }}}}"
    return made, inputs
