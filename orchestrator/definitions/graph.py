"""Answer questions about a DAG given as {id: [ids it depends on]}. Pure, linear, without recursion.

Every id named as a dependency must be a key; callers drop unknown ones first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

Dependencies = Mapping[str, Sequence[str]]


def successors_of(dependencies: Dependencies) -> dict[str, tuple[str, ...]]:
    """Reverse the edges: the direct dependants of each node, in definition order."""
    found: dict[str, list[str]] = {node: [] for node in dependencies}
    for node, needed in dependencies.items():
        for other in needed:
            found[other].append(node)
    return {node: tuple(after) for node, after in found.items()}


def topological_order(
    dependencies: Dependencies, successors: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """List nodes so that each comes after what it depends on; nodes on or behind a cycle are left out."""
    after = successors_of(dependencies) if successors is None else successors
    missing = {node: len(needed) for node, needed in dependencies.items()}
    order = [node for node, count in missing.items() if count == 0]
    for node in order:  # grows while it is walked
        for other in after[node]:
            missing[other] -= 1
            if missing[other] == 0:
                order.append(other)
    return order


def find_cycle(dependencies: Dependencies, order: Sequence[str] | None = None) -> list[str] | None:
    """Name one cycle as [A, B, A] in the direction work flows, or None.

    order  the result of topological_order, when the caller has it already.
    """
    sorted_ids = topological_order(dependencies) if order is None else order
    if len(sorted_ids) == len(dependencies):
        return None
    done = set(sorted_ids)
    left = {node for node in dependencies if node not in done}
    # Every node that is left has a dependency that is left too, so walking up must come back to itself.
    node = next(name for name in dependencies if name in left)
    seen: dict[str, int] = {}
    path: list[str] = []
    while node not in seen:
        seen[node] = len(path)
        path.append(node)
        node = next(other for other in dependencies[node] if other in left)
    cycle = path[seen[node] :][::-1]
    places = {name: index for index, name in enumerate(dependencies) if name in set(cycle)}
    start = min(range(len(cycle)), key=lambda index: places[cycle[index]])
    return [*cycle[start:], *cycle[:start], cycle[start]]


def not_ancestors(
    dependencies: Dependencies, wanted: Mapping[str, Collection[str]], order: Sequence[str]
) -> dict[str, list[str]]:
    """For each node, say which of the ids it wants are not upstream of it. Nodes that lack none are left out.

    order  a topological order; nodes that are not in it (cycles) are not judged.
    """
    indirect: dict[str, list[str]] = {}
    for node, ids in wanted.items():
        rest = set(ids).difference(dependencies[node])  # most references are to direct dependencies
        if rest:
            indirect[node] = [name for name in ids if name in rest]
    if not indirect:
        return {}
    # One bit per wanted node, carried down all edges as integers. Walking up from each referring node
    # instead would be quadratic on a long chain whose nodes all refer to its head.
    bit: dict[str, int] = {}
    for ids in indirect.values():
        for name in ids:
            bit.setdefault(name, 1 << len(bit))
    above: dict[str, int] = {}
    for node in order:
        mask = 0
        for other in dependencies[node]:
            mask |= above[other] | bit.get(other, 0)
        above[node] = mask
    lacking: dict[str, list[str]] = {}
    for node, ids in indirect.items():
        if node in above:
            strangers = [name for name in ids if not above[node] & bit[name]]
            if strangers:
                lacking[node] = strangers
    return lacking


def turned(wanted: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """For each id that is wanted, give who wants it."""
    wanting: dict[str, list[str]] = {}
    for node_id, others in wanted.items():
        for other in others:
            wanting.setdefault(other, []).append(node_id)
    return wanting
