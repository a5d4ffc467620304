from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.definitions.graph import find_cycle, not_ancestors, successors_of, topological_order
from tests.growth import growth

DIAMOND = {"A": [], "B": ["A"], "C": ["A"], "D": ["B", "C"]}


def test_successors_come_in_definition_order() -> None:
    assert successors_of(DIAMOND) == {"A": ("B", "C"), "B": ("D",), "C": ("D",), "D": ()}


def test_every_node_comes_after_what_it_depends_on() -> None:
    assert topological_order(DIAMOND) == ["A", "B", "C", "D"]
    assert find_cycle(DIAMOND) is None


def test_a_cycle_is_named_in_the_direction_of_work() -> None:
    assert find_cycle({"A": ["C"], "B": ["A"], "C": ["B"]}) == ["A", "B", "C", "A"]


def test_a_self_loop_is_a_cycle() -> None:
    assert find_cycle({"A": ["A"]}) == ["A", "A"]


def test_a_cycle_behind_other_nodes_is_found() -> None:
    assert find_cycle({"A": [], "X": ["Y", "A"], "Y": ["X"], "Z": ["Y"]}) == ["X", "Y", "X"]


def test_strangers_are_told_from_ancestors() -> None:
    wanted = {"D": ["A", "B"], "B": ["C"], "C": ["C"], "A": ["A"]}

    lacking = not_ancestors(DIAMOND, wanted, topological_order(DIAMOND))

    assert lacking == {"B": ["C"], "C": ["C"], "A": ["A"]}


@given(st.lists(st.sets(st.integers(0, 11)), min_size=1, max_size=12))
def test_cycle_and_ancestors_agree_with_plain_search(raw: list[set[int]]) -> None:
    names = [f"n{index}" for index in range(len(raw))]
    graph = {names[i]: sorted(names[j] for j in needed if j < len(raw)) for i, needed in enumerate(raw)}

    def above(node: str) -> set[str]:
        seen: set[str] = set()
        todo = list(graph[node])
        while todo:
            other = todo.pop()
            if other not in seen:
                seen.add(other)
                todo += graph[other]
        return seen

    cycle = find_cycle(graph)
    order = topological_order(graph)
    assert (cycle is None) == all(node not in above(node) for node in graph)
    if cycle is not None:
        assert all(earlier in graph[later] for earlier, later in pairwise(cycle))
        return
    lacking = not_ancestors(graph, dict.fromkeys(names, names), order)
    for node in names:
        assert set(lacking.get(node, [])) == set(names) - above(node)


def test_a_long_chain_whose_nodes_all_refer_to_its_head_is_quick() -> None:
    def check(length: int) -> None:
        names = [f"n{index}" for index in range(length)]
        graph = {name: names[index - 1 : index] if index else [] for index, name in enumerate(names)}
        assert not_ancestors(graph, dict.fromkeys(names[1:], names[:1]), topological_order(graph)) == {}

    # Ten times the nodes: about ten times the work; looking each way up anew would be a hundred times.
    assert growth(check, 1_000, 10_000) < 40
