"""Checks stubs against the definition they are for: one that no node can play is a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.definitions.branches import APPROVAL, WAIT_FOR_SIGNAL
from orchestrator.definitions.definition import Definition, Node
from orchestrator.definitions.sub_workflows import SUB_WORKFLOW
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings, joined
from orchestrator.errors import DefinitionInvalid, Problem
from orchestrator.units import index_of, node_of
from workers.simulator.stub_signals import DecisionAnswer, SignalAnswer
from workers.simulator.stubs import Stub, Stubs


class StubsInvalid(DefinitionInvalid):
    """Stubs that are wrong, or do not belong to the definition; paths begin with `stubs`."""


def check_stubs(stubs: Stubs, definition: Definition) -> None:
    """Check that every stub of a node has its node. Raises StubsInvalid with every problem found.

    What is inside of a child, `bill/pay`, is judged only where nothing could have one: which definition a
    child runs may be known no sooner than it starts.
    """
    findings = Findings(Limits())
    nodes = {node.id: node for node in definition.nodes}
    for name, stub in stubs.nodes.items():
        for problem in _problems(name, stub, nodes, findings):
            findings.take(problem)
    try:
        findings.raise_any()
    except DefinitionInvalid as error:
        raise StubsInvalid(error.problems) from None


def _problems(name: str, stub: Stub, nodes: Mapping[str, Node], findings: Findings) -> Iterator[Problem]:
    path = f"stubs.nodes.{name}"
    unit, slash, _ = name.partition("/")
    node = nodes.get(node_of(unit))
    if node is None:
        message = f"'{path}': no node is called {node_of(unit)!r} (nodes: {joined(nodes)})"
        yield Problem(path, "unknown_node", message, findings.did_you_mean(node_of(unit), nodes))
        return
    if "[" in unit:
        yield from _item_problems(path, unit, node)
    if slash and node.handler != SUB_WORKFLOW:
        message = (
            f"'{path}': node {node.id!r} has the handler {node.handler!r}; only sub_workflow has nodes inside"
        )
        yield Problem(path, "unknown_node", message)
    if not slash:
        yield from _answer_problems(path, stub, node)


def _item_problems(path: str, unit: str, node: Node) -> Iterator[Problem]:
    text = unit.partition("[")[2]
    if not text.endswith("]") or not text[:-1].isdecimal():
        yield Problem(path, "unknown_node", f"'{path}': an item is written as {node.id}[0]")
        return
    if node.map is None:
        yield Problem(path, "unknown_node", f"'{path}': node {node.id!r} has no map, so no items")
        return
    count = len(node.map.items) if isinstance(node.map.items, list) else node.map.max_items
    if (index_of(unit) or 0) >= count:
        most = f"{node.id}[0] to {node.id}[{count - 1}]" if count else "none"
        yield Problem(path, "unknown_node", f"'{path}': node {node.id!r} has no such item (items: {most})")


def _answer_problems(path: str, stub: Stub, node: Node) -> Iterator[Problem]:
    for kind, field, handler in (
        (SignalAnswer, "signal", WAIT_FOR_SIGNAL),
        (DecisionAnswer, "decision", APPROVAL),
    ):
        if any(isinstance(answer, kind) for answer in stub.answers or ()) and node.handler != handler:
            message = f"'{path}.{field}' is for {handler}; node {node.id!r} has the handler {node.handler!r}"
            yield Problem(f"{path}.{field}", "bad_value", message)
