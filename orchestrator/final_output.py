"""The `output` of a definition: the last unit of an execution, which a worker renders like any node.

It is no node: nothing depends on it, no list of nodes shows it. It begins when all nodes have ended and the
execution would be COMPLETED; its end is the end of the execution.
"""

from __future__ import annotations

from typing import Any

from orchestrator.definition import OUTPUT, Node
from orchestrator.fields import Fields
from orchestrator.node_compiler import NodeCompiler
from orchestrator.references import references


def read_output(top: Fields, compiler: NodeCompiler, nodes: list[Node]) -> Node | None:
    """Check the `output` of a document, in which any node may be referred to; None when there is none."""
    raw: Any = top.raw.get("output")
    if raw is None or not compiler.is_plain({"output": raw}, "output", {"output": raw}) or top.findings.full:
        return None
    config = {"output": raw}
    found, problems = references(config, ids=compiler.ids, secrets=())
    for problem in problems:
        where = problem.path.removeprefix("config.")
        message = f"output: {problem.message}"
        top.findings.add(where, problem.code, message, problem.hint, kind=problem.kind)
    queues = [node.queue for node in nodes]
    return Node(
        id=OUTPUT,
        handler=OUTPUT,
        config=config,
        # Where workers are that run its nodes.
        queue="default" if "default" in queues or not queues else queues[0],
        references=frozenset(found.nodes),
        uses_inputs=found.uses_inputs,
        templated=found.templated,
    )
