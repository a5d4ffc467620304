"""How a definition is laid out for the scripts: complete, in small slices, in a form they can take apart."""

from __future__ import annotations

import re
from typing import Any

import orjson
import pytest

from orchestrator.store.layout import CHUNK, SLICE, Layout, lay_out
from tests.dags import compiled, condition, node, workflow


def fields_of(layout: Layout) -> dict[str, Any]:
    """Every field of the static layout and of the runtime, once all slices are written."""
    pairs: dict[str, Any] = {}
    for fields in (*layout.statics, *(part.fields for part in (*layout.staged, layout.last))):
        assert len(fields) % 2 == 0
        for name, value in zip(fields[::2], fields[1::2], strict=True):
            assert name not in pairs
            pairs[str(name)] = value
    return pairs


def laid_out(*nodes: dict[str, Any], **extras: Any) -> dict[str, Any]:
    return fields_of(lay_out(compiled(workflow(*nodes, **extras))))


def listed(fields: dict[str, Any], name: str) -> list[str]:
    """Read a list as the scripts do: chunk after chunk, for as long as they are full."""
    found: list[str] = []
    for number in range(1_000):
        chunk = str(fields.get(f"{name}|{number}", "")).split()
        found += chunk
        if len(chunk) < CHUNK:
            return found
    raise AssertionError


def test_a_small_definition_is_one_slice() -> None:
    layout = lay_out(compiled(workflow(node("A"), node("B", after=["A"]))))

    assert layout.staged == ()
    assert layout.last.node_ids == ("A", "B")


@pytest.mark.parametrize("count", [1, 99, 100, 101, 199, 200, 201, 400, 1_000, 2_345])
def test_every_node_is_listed_once_whatever_their_number(count: int) -> None:
    layout = lay_out(compiled(workflow(*(node(f"n{i}") for i in range(count)))))
    names = [f"n{i}" for i in range(count)]

    fields = fields_of(layout)

    assert [each for part in (*layout.staged, layout.last) for each in part.node_ids] == names
    assert listed(fields, "ids") == listed(fields, "start") == names
    assert fields["left"] == fields["nodes"] == count


def test_slices_are_small() -> None:
    nodes = [node("n0"), *(node(f"n{i}", after=[f"n{i - 1}"]) for i in range(1, 10_000))]

    layout = lay_out(compiled(workflow(*nodes)))

    parts = (*layout.staged, layout.last)
    assert max(len(part.node_ids) for part in parts) <= SLICE
    assert max(len(part.fields) for part in parts) <= 4_000


def test_each_slice_lists_its_own_nodes() -> None:
    """What is staged can be found again, should the rest never come."""
    layout = lay_out(compiled(workflow(*(node(f"n{i}") for i in range(1_000)))))

    for part in layout.staged:
        pairs = dict(zip(part.fields[::2], part.fields[1::2], strict=True))
        ids = [
            each for name, text in pairs.items() if str(name).startswith("ids|") for each in str(text).split()
        ]
        assert ids == list(part.node_ids)


def test_successors_are_in_definition_order_and_branch_targets_marked() -> None:
    fields = laid_out(
        condition("if", true=["yes"], false=["no"]),
        node("no", after=["if"]),
        node("neither", after=["if"]),
        node("yes", after=["if"]),
    )

    assert fields["next|if|0"] == "no* neither= yes*"


def test_a_long_list_of_successors_goes_on_in_the_next_chunk() -> None:
    fields = laid_out(node("A"), *(node(f"n{i}", after=["A"]) for i in range(250)))

    assert listed(fields, "next|A") == [f"n{i}=" for i in range(250)]
    assert len(str(fields["next|A|0"]).split()) == CHUNK


def test_only_nodes_without_dependencies_and_those_that_never_wait_are_starting_points() -> None:
    fields = laid_out(node("A"), node("B", after=["A"]), node("C", after=["A"], trigger_rule="always"))

    assert listed(fields, "start") == ["A", "C"]


def test_the_facts_of_a_node_are_in_the_order_the_scripts_take_them_apart() -> None:
    fields = laid_out(
        node("A"),
        node(
            "B", after=["A"], trigger_rule="all_done", critical=False, queue="gpu",
            schedule_to_start_timeout="1m", start_to_close_timeout="30s",
        ),
    )  # fmt: skip

    assert fields["node|A"] == "noop default none_failed_min_one_success 0 0 1 0 0"
    assert fields["node|B"] == "noop gpu all_done 1 0 0 60000 30000"
    # The pattern of parse_facts in the prelude.
    assert re.fullmatch(r"\S+ \S+ \S+ \d+ \d+ \d \d+ \d+", fields["node|B"])


def test_a_node_that_never_waits_counts_no_dependencies() -> None:
    fields = laid_out(node("A"), node("B", after=["A"], trigger_rule="always"))

    assert fields["node|B"].split()[3] == "0"


def test_a_spec_holds_what_a_worker_needs_and_references_what_it_asks_for() -> None:
    fields = laid_out(
        node("A"),
        node("B", after=["A"], config={"x": "{{ A.n }} {{ inputs.who }}"}, retry={"max_attempts": 3}),
    )

    spec = orjson.loads(fields["spec|B"])
    assert (spec["handler"], spec["templated"], spec["retry"]["max_attempts"]) == ("noop", True, 3)
    assert fields["refs|B"] == "A $inputs"
    assert "refs|A" not in fields


def test_the_same_definition_is_always_laid_out_the_same() -> None:
    document = workflow(*(node(f"n{i}") for i in range(300)))

    assert lay_out(compiled(document)) == lay_out(compiled(document))


def test_what_is_to_be_staged_has_no_node_in_its_last_slice() -> None:
    definition = compiled(workflow(node("A"), node("B", after=["A"])))

    layout = lay_out(definition, is_staged=True)

    assert [part.node_ids for part in layout.staged] == [("A", "B")]
    assert layout.last.node_ids == ()
    assert fields_of(layout) == fields_of(lay_out(definition))
