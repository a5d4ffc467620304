"""Compiles a document into a Definition, with its nodes, defaults and output, or lists all its problems."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from headrace.wording import quoted
from orchestrator.definitions.budgets import read_budget
from orchestrator.definitions.definition import (
    ID_CONFLICT_POLICIES,
    OUTPUT,
    Definition,
    HandlerNames,
    Node,
    PlainHandlers,
)
from orchestrator.definitions.interface import Interface, check_inbox, read_interface
from orchestrator.definitions.node_compiler import NodeCompiler
from orchestrator.definitions.retention import read_retention
from orchestrator.definitions.retry import RetryPolicy, read_retry
from orchestrator.definitions.targets import TARGET_FIELDS, read_targets
from orchestrator.definitions.triggers import read_triggers
from orchestrator.documents.fields import Fields
from orchestrator.documents.json_schema import one_definition, schema_faults
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import Findings, no_workflow
from orchestrator.errors import DefinitionInvalid
from orchestrator.templates.references import references, whole_output

_TOP_FIELDS = (
    "name", "description", "inputs", "interface", "defaults", "execution_timeout", "fail_fast", "output",
    "budget", "retention", "id_conflict_policy", "triggers", *TARGET_FIELDS, "dag", "nodes",
)  # fmt: skip
_DEFAULT_FIELDS = (
    "retry", "start_to_close_timeout", "schedule_to_start_timeout", "schedule_to_close_timeout", "queue",
)  # fmt: skip
_TOP, _DEFAULTS = frozenset(_TOP_FIELDS), frozenset(_DEFAULT_FIELDS)


def compile_definition(
    document: Any,
    *,
    handlers: HandlerNames,
    limits: Limits | None = None,
    level: int | None = 0,
    is_stored: bool = False,
) -> Definition:
    """Check a document in all its parts; raises DefinitionInvalid with every problem found.

    Accepts `{"name", "dag": {"nodes": […]}, …}` and `{"name", "nodes": […], …}`.
    level      how deep it stands in definitions that have it as a child; None leaves its own children
               unchecked.
    is_stored  it was accepted before, perhaps by an older version.
    """
    with one_definition() if level == 0 else contextlib.nullcontext():
        return _compile(document, handlers, limits or Limits(), level, is_stored=is_stored)


def _compile(
    document: Any, handlers: HandlerNames, limits: Limits, level: int | None, *, is_stored: bool
) -> Definition:
    """Compile a definition; see `compile_definition`."""
    findings = Findings(limits, is_stored=is_stored)
    if not isinstance(document, dict):
        findings.add("", "wrong_type", no_workflow(document))
        findings.raise_any()
    nodes_path, raw_nodes = _find_nodes(document, findings)
    top = Fields(document, "", findings)
    top.refuse_unknown(_TOP, _TOP_FIELDS)
    name = top.title("name")
    schema = document.get("inputs")
    if schema is not None and not is_stored:
        for fault in schema_faults(schema):
            findings.add(f"inputs{fault.place}", "bad_schema", fault.message, fault.hint)
    interface = read_interface(top)
    defaults = _read_defaults(top, findings)

    def check_child(inner: dict[str, Any], path: str) -> None:
        if level is not None and not findings.full:
            _check_child(inner, path, handlers, level + 1, findings)

    compiler = NodeCompiler(nodes_path, handlers, defaults, findings, check_child, _input_names(schema))
    nodes, after, gates = compiler.compile(raw_nodes)
    if interface is not None:
        check_inbox(interface, {node.id: node.map is not None for node in nodes}, findings)
    output_node = _read_output(top, compiler, nodes)
    description = top.text("description") or ""
    timeout_ms = top.duration("execution_timeout")
    fail_fast = top.flag("fail_fast", default=False)
    budget = read_budget(top, findings)
    retention = read_retention(top, findings)
    policy = top.choice("id_conflict_policy", {word: word for word in ID_CONFLICT_POLICIES}, None)
    triggers = read_triggers(top, findings)
    targets = read_targets(top)
    findings.raise_any()
    return Definition(
        name=name,
        nodes=tuple(nodes),
        description=description,
        inputs_schema=schema,
        interface=interface,
        execution_timeout_ms=timeout_ms,
        fail_fast=fail_fast,
        budget=budget,
        retention=retention,
        id_conflict_policy=policy,
        triggers=triggers,
        targets=targets,
        output_node=output_node,
        copied_node=_copied_node(output_node, interface, compiler),
        source=document,
        version=version_of(document),
        by_id={node.id: node for node in nodes},
        successors=after,
        roots=tuple(node.id for node in nodes if not node.dependencies),
        gates=gates,
    )


def version_of(document: Any) -> str:
    """Name a document by its content: equal documents give equal versions, whatever the order of keys."""
    return content_hash(document)[:16]


def content_hash(document: Any) -> str:
    """Give the whole of what `version_of` is the beginning of: 64 hex digits."""
    try:
        canonical = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # integers beyond 64 bits, from a caller that did not parse strictly
        canonical = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(canonical).hexdigest()


def compile_stored(
    document: dict[str, Any], default_retry: Callable[[str], RetryPolicy | None]
) -> Definition:
    """Compile a document that was accepted before: whatever the limits and the handlers were then."""
    nodes = document["nodes"] if "nodes" in document else document["dag"]["nodes"]
    handlers = PlainHandlers(frozenset(node["handler"] for node in nodes), default_retry)
    boundless = Limits(max_nodes=2**31, max_edges=2**31, max_depth=1_000, max_config_bytes=2**31)
    return compile_definition(document, handlers=handlers, limits=boundless, level=None, is_stored=True)


# Parts of a document


def _find_nodes(document: dict[str, Any], findings: Findings) -> tuple[str, list[Any]]:
    """Find the list of nodes in either form of a document."""
    dag = document.get("dag")
    if dag is None:
        path, raw = "nodes", document.get("nodes")
    else:
        path, raw = "dag.nodes", dag.get("nodes") if isinstance(dag, dict) else None
        if not isinstance(dag, dict):
            findings.add("dag", "wrong_type", f"'dag' must be an object with 'nodes', got {quoted(dag)}")
            return path, []
        Fields(dag, "dag", findings).refuse_unknown(frozenset({"nodes"}), ("nodes",))
        if document.get("nodes") is not None:
            findings.add("nodes", "twice", "nodes are given both as 'nodes' and as 'dag.nodes'; keep one")
    if raw is None:
        findings.add(path, "missing", f"'{path}' is missing: a workflow needs a list of nodes")
        return path, []
    if not isinstance(raw, list):
        findings.add(path, "wrong_type", f"'{path}' must be a list, got {quoted(raw)}")
        return path, []
    if not raw:
        findings.add(path, "empty", f"'{path}' is empty: a workflow needs at least one node")
    return path, raw


def _input_names(schema: Any) -> tuple[str, ...]:
    """Give the names of the inputs that a schema describes, which may be none or a wrong one."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return tuple(properties) if isinstance(properties, dict) else ()


def _read_defaults(top: Fields, findings: Findings) -> dict[str, Any]:
    raw = top.raw.get("defaults")
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        findings.add("defaults", "wrong_type", f"'defaults' must be an object, got {quoted(raw)}")
        return {}
    fields = Fields(raw, "defaults", findings)
    fields.refuse_unknown(_DEFAULTS, _DEFAULT_FIELDS)
    return {
        "retry": read_retry(fields),
        "start_to_close_ms": fields.duration("start_to_close_timeout"),
        "schedule_to_start_ms": fields.duration("schedule_to_start_timeout"),
        "schedule_to_close_ms": fields.duration("schedule_to_close_timeout"),
        "queue": fields.identifier("queue") or None,
    }


def _read_output(top: Fields, compiler: NodeCompiler, nodes: list[Node]) -> Node | None:
    """Read the `output` of a document, which may refer to any node; None when there is none."""
    raw: Any = top.raw.get("output")
    if raw is None or not compiler.is_plain({"output": raw}, "output", {"output": raw}) or top.findings.full:
        return None
    config = {"output": raw}
    found, problems = references(raw, ids=compiler.ids, inputs=compiler.inputs, root="output")
    for problem in problems:
        message = f"output: {problem.message}"
        top.findings.add(problem.path, problem.code, message, problem.hint, kind=problem.kind)
    queues = [node.queue for node in nodes]
    return Node(
        id=OUTPUT,
        handler=OUTPUT,
        config=config,
        # Where workers are that run its nodes.
        queue="default" if "default" in queues or not queues else queues[0],
        references=frozenset(found.nodes),
        uses_inputs=found.uses_inputs,
        uses_trigger=found.uses_trigger,
        templated=found.templated,
    )


def _copied_node(output_node: Node | None, interface: Interface | None, compiler: NodeCompiler) -> str | None:
    """Give the node whose output is the output of the whole, as it is; None for one that is to be checked."""
    if output_node is None or (interface is not None and interface.checks_output):
        return None
    return whole_output(output_node.config["output"], compiler.ids)


def _check_child(
    document: dict[str, Any], path: str, handlers: HandlerNames, level: int, findings: Findings
) -> None:
    """Note what is wrong with the definition of a child."""
    most = findings.limits.max_sub_workflow_depth
    if level > most:
        message = (
            f"'{path}' is {level} levels below the workflow; allowed are {most} levels of children "
            "(max_sub_workflow_depth)"
        )
        findings.add(path, "too_deep", message, kind="graph")
        return
    try:
        compile_definition(document, handlers=handlers, limits=findings.limits, level=level)
    except DefinitionInvalid as error:
        for problem in error.problems:
            where = f"{path}.{problem.path}" if problem.path else path
            message = (
                problem.message.replace(f"'{problem.path}'", f"'{where}'")
                if problem.path
                else problem.message
            )
            findings.take(replace(problem, path=where, message=message))
