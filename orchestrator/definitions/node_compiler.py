"""Check the nodes of a document, one by one and as a graph, and build them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson

from headrace.wording import quoted
from orchestrator.definitions import graph
from orchestrator.definitions.branches import CONDITION, check_branches, read_catch, read_choices
from orchestrator.definitions.definition import HandlerNames, ItemMap, Node
from orchestrator.definitions.ends import with_implied
from orchestrator.definitions.maps import map_references, read_map
from orchestrator.definitions.retry import read_retry
from orchestrator.definitions.sub_workflows import SUB_WORKFLOW, CheckChild, own_config, read_sub_workflow
from orchestrator.definitions.trigger_rules import DEFAULT_RULE, TriggerRule
from orchestrator.documents.fields import Fields
from orchestrator.documents.problems import Findings, joined
from orchestrator.documents.strict_json import check_depth
from orchestrator.errors import DefinitionInvalid, Problem
from orchestrator.templates.foreign_words import ITEM_WORDS
from orchestrator.templates.references import References, references

_FIELDS = (
    "id", "handler", "dependencies", "config", "when", "trigger_rule", "retry",
    "start_to_close_timeout", "schedule_to_start_timeout", "schedule_to_close_timeout",
    "heartbeat_timeout", "critical", "queue", "catch", "map",
)  # fmt: skip
_ALLOWED = frozenset(_FIELDS)
_RULES: dict[str, TriggerRule] = {rule.value: rule for rule in TriggerRule}
_NOTHING = References()
#: Only what JSON knows: dates and the like, which orjson would write as text, are refused.
_PLAIN = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


class NodeCompiler:
    """Compiles all nodes of one document."""

    def __init__(
        self,
        path: str,
        handlers: HandlerNames,
        defaults: dict[str, Any],
        findings: Findings,
        check_child: CheckChild,
        inputs: Collection[str] = (),
    ) -> None:
        self.check_child = check_child
        self.inputs = inputs
        self.path = path
        self.handlers = handlers
        self.names = handlers.names
        self.defaults = defaults
        self.findings = findings
        self.limits = findings.limits
        #: Index of the first node of each id, in definition order.
        self.ids: dict[str, int] = {}
        self.dependencies: dict[str, tuple[str, ...]] = {}
        #: For each node that refers to others: their ids, with the path of the template.
        self.referring: dict[str, dict[str, str]] = {}
        #: Nodes of which not all dependencies could be read: what is upstream of them is not known.
        self.unsure: set[str] = set()

    def compile(self, raw: list[Any]) -> tuple[list[Node], dict[str, tuple[str, ...]], dict[str, int]]:
        """Give the nodes, their successors and gates; what is wrong is noted in the findings."""
        self._check_size(raw)
        self._read_ids(raw)
        nodes = [self._node(item, index) for index, item in enumerate(raw) if isinstance(item, dict)]
        after = graph.successors_of(self.dependencies)
        order = graph.topological_order(self.dependencies, after)
        cycle = graph.find_cycle(self.dependencies, order)
        if cycle is not None:
            path = f"{self._at(self.ids[cycle[0]])}.dependencies"
            message = f"Workflow DAG contains a cycle: {_arrows(cycle)}"
            self.findings.add(path, "cycle", message, kind="graph")
        self._check_upstream(order)
        deciding = [(node, self._at(self.ids[node.id])) for node in nodes if node.branches]
        rules = {node.id: node.trigger_rule for node in nodes} if deciding else {}
        return nodes, after, check_branches(deciding, self.dependencies, rules, self.findings, self.unsure)

    def _at(self, index: int) -> str:
        return f"{self.path}[{index}]"

    def _check_size(self, raw: list[Any]) -> None:
        if len(raw) > self.limits.max_nodes:
            most = self.limits.max_nodes
            message = f"the workflow has {len(raw):,} nodes; allowed are {most:,} (max_nodes)"
            self.findings.add(self.path, "too_many_nodes", message, kind="size")
            self.findings.raise_any()
        edges = 0
        for item in raw:
            needed = item.get("dependencies") if isinstance(item, dict) else None
            if isinstance(needed, list):
                edges += len(needed)
        if edges > self.limits.max_edges:
            most = self.limits.max_edges
            message = f"the workflow has {edges:,} dependencies; allowed are {most:,} (max_edges)"
            self.findings.add(self.path, "too_many_edges", message, kind="size")
            self.findings.raise_any()

    def _read_ids(self, raw: list[Any]) -> None:
        for index, item in enumerate(raw):
            if not isinstance(item, dict):
                self.findings.add(
                    self._at(index),
                    "wrong_type",
                    f"'{self._at(index)}' must be an object, got {quoted(item)}",
                )
                continue
            node_id = item.get("id")
            if not isinstance(node_id, str):
                continue  # reported when the node is read
            if node_id in self.ids:
                first = self._at(self.ids[node_id])
                message = f"Duplicate node ID: {node_id[:140]} — '{first}' and '{self._at(index)}' share it"
                self.findings.add(f"{self._at(index)}.id", "duplicate_id", message, kind="graph")
            else:
                self.ids[node_id] = index

    def _node(self, raw: dict[str, Any], index: int) -> Node:
        path = self._at(index)
        fields = Fields(raw, path, self.findings)
        meant = fields.refuse_unknown(_ALLOWED, _FIELDS)
        fields.identifier("id", required=True)
        node_id = raw["id"] if isinstance(raw.get("id"), str) else ""
        if "dependencies" in meant:
            self.unsure.add(node_id)
        handler = self._handler(fields, node_id)
        config = self._config(fields, handler)
        when = self._when(fields)
        needed = self._needed(fields, node_id)
        if self.ids.get(node_id) == index:
            self.dependencies[node_id] = needed
        sub_workflow = None
        if handler == SUB_WORKFLOW:
            sub_workflow = read_sub_workflow(config, fields.where("config"), self.findings, self.check_child)
        found = _NOTHING
        item_map = read_map(fields, self.ids)
        choices = read_choices(handler, config, path, self.findings)
        if item_map is not None and (choices or handler in ("condition", "switch")):
            what = handler if handler in ("condition", "switch") else f"{handler} with {choices[0].field}"
            message = f"'{fields.where('map')}': a {what} chooses once and cannot be mapped"
            self.findings.add(fields.where("map"), "bad_value", message, kind="graph")
        if (config or when is not None or item_map) and not self.findings.full:
            local = ITEM_WORDS if "map" in meant or (item_map is None and raw.get("map") is not None) else ()
            found, item_map = self._references(config, when, node_id, path, handler, item_map, local)
        found, item_map = with_implied(found, item_map, handler, config, needed)
        defaults = self.defaults
        start_to_close = fields.duration("start_to_close_timeout")
        schedule_to_start = fields.duration("schedule_to_start_timeout")
        schedule_to_close = fields.duration("schedule_to_close_timeout")
        return Node(
            id=node_id,
            handler=handler,
            dependencies=needed,
            config=config,
            when=when,
            trigger_rule=fields.choice("trigger_rule", _RULES, DEFAULT_RULE),
            retry=read_retry(fields) or defaults.get("retry"),
            handler_retry=self.handlers.default_retry(handler),
            start_to_close_ms=start_to_close or defaults.get("start_to_close_ms"),
            schedule_to_start_ms=schedule_to_start or defaults.get("schedule_to_start_ms"),
            schedule_to_close_ms=schedule_to_close or defaults.get("schedule_to_close_ms"),
            heartbeat_ms=fields.duration("heartbeat_timeout"),
            critical=fields.flag("critical", default=True),
            queue=fields.identifier("queue") or defaults.get("queue") or "default",
            choices=choices,
            catch=read_catch(raw.get("catch"), f"{path}.catch", self.findings),
            references=frozenset(found.nodes),
            uses_inputs=found.uses_inputs,
            uses_trigger=found.uses_trigger,
            templated=found.templated,
            map=item_map,
            sub_workflow=sub_workflow,
        )

    def _handler(self, fields: Fields, node_id: str) -> str:
        handler = fields.raw.get("handler")
        if handler is None:
            fields.findings.add(fields.where("handler"), "missing", f"'{fields.where('handler')}' is missing")
        elif not isinstance(handler, str):
            fields.wrong("handler", "text", handler)
        elif handler in self.names:
            return handler
        else:
            hint = self.findings.did_you_mean(handler, self.names)
            message = f"unknown handler {quoted(handler)} in node {quoted(node_id)}"
            message += f"; {hint}" if hint else f" (known: {joined(sorted(self.names))})"
            self.findings.add(fields.where("handler"), "unknown_handler", message, kind="graph")
        return ""

    def _config(self, fields: Fields, handler: str) -> dict[str, Any]:
        config = fields.raw.get("config")
        if not config and (config is None or isinstance(config, dict)):
            config = {}
        elif not isinstance(config, dict):
            fields.wrong("config", "an object", config)
            return {}
        elif not self.is_plain(config, fields.where("config"), own_config(handler, config)):
            return {}
        if handler:
            for problem in self.handlers.check_config(handler, config):
                inner = problem.path.removeprefix("config").lstrip(".")
                path = f"{fields.where('config')}.{inner}" if inner else fields.where("config")
                message = f"node {quoted(fields.raw.get('id'))}: {problem.message}"
                self.findings.add(path, problem.code, message, problem.hint, kind=problem.kind)
        return config

    def is_plain(self, config: dict[str, Any], path: str, own: dict[str, Any]) -> bool:
        """Make sure that a config is JSON and not too large or deep; what is wrong is noted.

        own  what of it counts for its size.
        """
        try:
            written = orjson.dumps(config, option=_PLAIN)
            check_depth(config, written, self.limits.max_depth)
        except DefinitionInvalid as error:
            self.findings.add(path, "too_deep", f"'{path}' is {error.problems[0].message}")
            return False
        except (TypeError, RecursionError) as error:
            self.findings.add(path, "not_json", f"'{path}' is not JSON: {error}")
            return False
        if b"null" in written and not _is_finite(config):
            message = f"'{path}' contains NaN or Infinity, which JSON does not have"
            self.findings.add(path, "not_finite", message)
            return False
        if own is not config:
            written = orjson.dumps(own, option=_PLAIN)
        if len(written) > self.limits.max_config_bytes:
            most = self.limits.max_config_bytes
            message = f"'{path}' has {len(written):,} bytes; allowed are {most:,} (max_config_bytes)"
            self.findings.add(path, "config_too_large", message, kind="size")
            return False
        return True

    def _when(self, fields: Fields) -> str | None:
        when = fields.raw.get("when")
        if isinstance(when, bool):
            return "true" if when else "false"
        return fields.text("when")

    def _needed(self, fields: Fields, node_id: str) -> tuple[str, ...]:
        """Read a node's dependencies; those that do not exist or come twice are noted and left out."""
        raw = fields.raw.get("dependencies")
        if raw is None:
            return ()
        if not isinstance(raw, list):
            fields.wrong("dependencies", "a list of node ids", raw)
            self.unsure.add(node_id)
            return ()
        known: dict[str, None] = {}
        for place, other in enumerate(raw):
            if isinstance(other, str) and other in self.ids and other not in known:
                known[other] = None
            else:
                self._bad_dependency(f"{fields.where('dependencies')}[{place}]", other, node_id)
        return tuple(known)

    def _bad_dependency(self, path: str, other: Any, node_id: str) -> None:
        if not isinstance(other, str) or other not in self.ids:
            self.unsure.add(node_id)
        if self.findings.full:
            self.findings.take(Problem(path, "unknown_dependency", ""))
        elif not isinstance(other, str):
            self.findings.add(path, "wrong_type", f"'{path}' must be a node id, got {quoted(other)}")
        elif other in self.ids:
            message = f"Duplicate dependency: {other} — node {node_id!r} names it twice"
            self.findings.add(path, "duplicate_dependency", message, kind="graph")
        else:
            hint = self.findings.did_you_mean(other, self.ids)
            message = (
                f"Invalid dependency: {other[:140]} — node {quoted(node_id)} depends on {quoted(other)}, "
                f"which is not in this workflow (nodes: {joined(self.ids)})"
            )
            self.findings.add(path, "unknown_dependency", message, hint, kind="graph")

    def _references(
        self,
        config: dict[str, Any],
        when: str | None,
        node_id: str,
        path: str,
        handler: str,
        item_map: ItemMap | None,
        local: Collection[str],
    ) -> tuple[References, ItemMap | None]:
        """Find what a node refers to; local: names of items where a map was meant and cannot be read."""
        expressions = ("expression",) if handler == CONDITION else ()
        secrets = self.handlers.secret_fields(handler)
        config = own_config(handler, config)
        if item_map is None:
            found, problems = references(
                config, when, ids=self.ids, expressions=expressions, local=local,
                secrets=secrets, inputs=self.inputs,
            )  # fmt: skip
        else:
            found, item_map, problems = map_references(item_map, config, when, self.ids, secrets, self.inputs)
        for problem in problems:
            message = f"node {node_id!r}: {problem.message}"
            where = f"{path}.{problem.path}"
            self.findings.add(where, problem.code, message, problem.hint, kind=problem.kind)
        if found.nodes:
            self.referring[node_id] = {other: f"{path}.{inner}" for other, inner in found.nodes.items()}
        return found, item_map

    def _check_upstream(self, order: list[str]) -> None:
        """Refuse references to nodes that need not have run before the one that refers."""
        wanted = {node: others for node, others in self.referring.items() if node in self.dependencies}
        if self.unsure:
            unsure = set(self.unsure)
            for node in order:  # so that a node comes behind those it depends on
                if not unsure.isdisjoint(self.dependencies[node]):
                    unsure.add(node)
            wanted = {node: others for node, others in wanted.items() if node not in unsure}
        found = graph.not_ancestors(self.dependencies, wanted, order)
        apart = graph.not_ancestors(self.dependencies, graph.turned(found), order)
        for node_id, strangers in found.items():
            for other in strangers:
                message = f"node {node_id!r} refers to {other!r}, which is not upstream of it"
                hint = f"add {other!r} to the dependencies of {node_id!r}"
                if other == node_id:
                    message = f"node {node_id!r} refers to itself"
                    hint = "a node has no output before its end: read another node, or inputs"
                elif node_id not in apart.get(other, ()):
                    hint = f"{other!r} runs after {node_id!r}: read it in a node behind {other!r}"
                self.findings.add(wanted[node_id][other], "not_upstream", message, hint, kind="graph")


def _arrows(cycle: list[str]) -> str:
    if len(cycle) <= 22:
        return " -> ".join(cycle)
    return " -> ".join([*cycle[:10], f"… {len(cycle) - 20} more …", *cycle[-10:]])


def _is_finite(config: dict[str, Any]) -> bool:
    stack: list[Any] = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list):
            stack += value
        elif isinstance(value, float) and value - value != 0:
            return False
    return True
