import pytest

from benchmarks import dags
from benchmarks.dags import Document

WOVEN = dags.woven(10_000, edges=12_000, width=200, delay_every=5)


def dependencies(document: Document) -> dict[str, list[str]]:
    return {node["id"]: node["dependencies"] for node in document["dag"]["nodes"]}


def test_chain_has_one_node_after_the_other() -> None:
    assert dependencies(dags.chain(3)) == {"n0": [], "n1": ["n0"], "n2": ["n1"]}


def test_fan_joins_all_that_it_opened() -> None:
    assert dependencies(dags.fan(2)) == {"A": [], "n0": ["A"], "n1": ["A"], "Z": ["n0", "n1"]}


def test_layered_waits_only_for_the_layer_before() -> None:
    parents = dependencies(dags.layered(30))

    assert parents["n9"] == []
    assert parents["n10"] == ["n0", "n1"]
    assert parents["n29"] == ["n19", "n10"]


def test_woven_has_about_as_many_edges_as_wanted_and_delays_among_its_nodes() -> None:
    assert sum(map(len, dependencies(WOVEN).values())) == pytest.approx(12_000, rel=0.02)
    assert sum(node["handler"] == "delay" for node in WOVEN["dag"]["nodes"]) == 2_000


@pytest.mark.parametrize(
    "document", [dags.chain(10_000), dags.layered(10_000), WOVEN, dags.fan(1000), dags.diamond()]
)
def test_shapes_keep_within_the_limits_of_a_definition(document: Document) -> None:
    parents = dependencies(document)
    earlier: set[str] = set()
    for node_id, named in parents.items():
        assert earlier.issuperset(named)
        earlier.add(node_id)

    assert dags.size(document) <= 10_000
    assert sum(map(len, parents.values())) <= 50_000


def test_parked_execution_waits_on_a_delay() -> None:
    hold, after = dags.parked(60)["dag"]["nodes"]

    assert (hold["handler"], hold["config"]) == ("delay", {"seconds": 60})
    assert after["dependencies"] == ["hold"]


def test_nodes_of_a_fibonacci_chain_compute_the_same_number_one_after_the_other() -> None:
    document = dags.fibonacci(3, 10)

    assert dependencies(document) == dependencies(dags.chain(3))
    assert {node["handler"] for node in document["dag"]["nodes"]} == {dags.FIBONACCI}
    assert [node["config"] for node in document["dag"]["nodes"]] == [{"n": 10}] * 3
