"""Stubs that no node can play are refused, not passed over."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import DefinitionInvalid
from tests.dags import node

MAPPED = {"items": [1, 2, 3]}


@pytest.mark.parametrize(
    ("stubs", "path", "said"),
    [
        ({"Aa": {}}, "stubs.nodes.Aa", "no node is called 'Aa' (nodes: A, M, S, P, B)"),
        ({"zz[1]": {}}, "stubs.nodes.zz[1]", "no node is called 'zz'"),
        (
            {"A/zz": {}},
            "stubs.nodes.A/zz",
            "node 'A' has the handler 'noop'; only sub_workflow has nodes inside",
        ),
        ({"A[0]": {}}, "stubs.nodes.A[0]", "node 'A' has no map, so no items"),
        ({"M[3]": {}}, "stubs.nodes.M[3]", "node 'M' has no such item (items: M[0] to M[2])"),
        ({"M[x]": {}}, "stubs.nodes.M[x]", "an item is written as M[0]"),
        (
            {"P": {"signal": {}}},
            "stubs.nodes.P.signal",
            "is for wait_for_signal; node 'P' has the handler 'approval'",
        ),
        (
            {"S": {"decision": {"decision": "approve"}}},
            "stubs.nodes.S.decision",
            "is for approval; node 'S' has the handler 'wait_for_signal'",
        ),
        ({"A": {"output": 1, "skip": "x"}}, "stubs.nodes.A", "has an output and a skip"),
    ],
)
async def test_a_stub_that_fits_no_node_is_refused(
    play: Any, stubs: dict[str, Any], path: str, said: str
) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        await play(
            node("A"),
            node("M", map=MAPPED),
            node("S", handler="wait_for_signal", config={"name": "go"}),
            node("P", handler="approval", config={"prompt": "?"}),
            node("B"),
            stubs={"nodes": stubs},
        )

    (problem,) = refused.value.problems
    assert problem.path == path
    assert said in problem.message


async def test_stubs_of_items_are_played(play: Any) -> None:
    simulation = await play(
        node("M", handler="http", config={"url": "http://x/"}, map=MAPPED),
        stubs={"nodes": {"M": {"output": 1}, "M[2]": {"output": 2}}},
    )

    assert simulation.nodes[0].output == b"[1,1,2]"
