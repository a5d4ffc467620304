"""Warns of keys that the output of a built-in handler never has, and of values that it never equals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import nodes

from headrace.wording import closest
from orchestrator.definitions.branches import APPROVAL, CONDITION, SWITCH
from orchestrator.definitions.definition import Node
from orchestrator.documents.problems import joined
from orchestrator.lint.context import Linter
from orchestrator.lint.near_words import nearest
from orchestrator.lint.template_reads import key_of, templates_of, uses_of
from orchestrator.states import NodeStatus

#: Path relative to the node, code, message, hint.
Finding = tuple[str, str, str, str]

#: Every key that an output may have, by handler: of those whose outputs are of one form only.
OUTPUT_KEYS: dict[str, tuple[str, ...]] = {
    "transform": ("result",),
    CONDITION: ("result", "branch"),
    SWITCH: ("value", "case"),
    APPROVAL: ("decision", "by", "at", "form", "votes", "timed_out"),
    "delay": ("status", "delayed_seconds"),
    "emit": ("status", "type"),
    "http": ("status", "status_code", "headers", "body", "duration_ms", "error"),
    "call_external_service": ("status", "data", "url", "status_code", "simulated"),
    "llm": (
        "status", "answer", "content", "model", "usage", "stop_reason", "cost_usd", "parsed", "simulated",
    ),
    "container": ("status", "exit_code", "output", "duration_ms"),
}  # fmt: skip
#: What a failure that was handled leaves.
_OF_FAILURES = "error"
_STATUSES = tuple(str(status) for status in NodeStatus)
#: Every text that a key may be, by handler and key.
_TEXTS: dict[tuple[str, str], tuple[str, ...]] = {
    (APPROVAL, "decision"): ("approve", "deny"),
    (CONDITION, "branch"): ("true", "false"),
    ("http", "status"): ("ok", "error"),
    ("call_external_service", "status"): ("ok",),
    ("llm", "status"): ("ok",),
    ("container", "status"): ("ok",),
    **{(handler, "status"): ("ok",) for handler in ("noop", "delay", "emit", "notify")},
}
_COMPARING = re.compile(r"[=!]=|\bin\b")
_COMPARED = re.compile("|".join(sorted({"status", *(key for _, key in _TEXTS)})))
_HTTP = frozenset({"http", "call_external_service"})


def misread_outputs(linter: Linter) -> Iterator[Finding]:
    """Give what templates ask of outputs in vain."""
    definition, last = linter.definition, linter.definition.output_node
    for node in (*definition.nodes, *([last] if last is not None else ())):
        who = "the output" if node is last else repr(node.id)
        for path, code, message, hint in (*_keys(linter, node, who), *_comparisons(linter, node, who)):
            place = path.removeprefix("config.") if node is last else linter.at(node, path)
            yield place, code, message, hint


# Keys


def _keys(linter: Linter, node: Node, who: str) -> Iterator[Finding]:
    for use in uses_of(node) if node.id not in linter.uses else linter.uses[node.id]:
        read = linter.definition.by_id.get(use.root)
        handler = read.handler if read is not None and read.map is None else ""
        known = OUTPUT_KEYS.get(handler, ())
        if not known or use.key is None or not use.is_needed or use.key in (*known, _OF_FAILURES):
            continue
        message = f"{who} reads {use.key!r} of {use.root!r}, which the output of {handler} never has"
        yield use.path, "output_never_has", message, _key_hint(use.root, use.key, known)


def _key_hint(node_id: str, key: str, known: tuple[str, ...]) -> str:
    if key == "output":
        return f"{node_id!r} is the output itself, with the keys {joined(known)}"
    if (meant := nearest(key, known)) is not None:
        return f"did you mean {meant!r}?"
    if "result" in known:
        return f"what it came to is in 'result': write {node_id}.result, or {node_id}.result.{key}"
    return f"keys: {joined(known)}"


# Comparisons


def _comparisons(linter: Linter, node: Node, who: str) -> Iterator[Finding]:
    # Templates are compiled once more for this: most nodes compare nothing.
    written = f"{node.when} {node.config} {node.map.items if node.map else ''}"
    if not (_COMPARING.search(written) and _COMPARED.search(written)):
        return
    for template, path in templates_of(node):
        tree = template.tree.tree if template.tree is not None else []
        for part in tree if isinstance(tree, list) else [tree]:
            for compare in _compares(part):
                for read, found in _sides(compare):
                    yield from _never(linter, read, found, path, who)


def _compares(tree: nodes.Node) -> Iterator[nodes.Compare]:
    if isinstance(tree, nodes.Compare):
        yield tree
    yield from tree.find_all(nodes.Compare)


def _sides(compare: nodes.Compare) -> Iterator[tuple[nodes.Node, Any]]:
    """Give what is read with each constant that it is compared with."""
    if len(compare.ops) != 1:
        return
    one, op, other = compare.expr, compare.ops[0].op, compare.ops[0].expr
    if op in ("eq", "ne"):
        for read, found in ((one, other), (other, one)):
            if isinstance(found, nodes.Const):
                yield read, found.value
    elif op in ("in", "notin") and isinstance(other, nodes.List | nodes.Tuple):
        yield from ((one, each.value) for each in other.items if isinstance(each, nodes.Const))


def _never(linter: Linter, read: nodes.Node, found: Any, path: str, who: str) -> Iterator[Finding]:
    """Find a text or a number that what is read never equals."""
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return
    name, handler, texts = _texts_of(linter.definition.by_id, read)
    if not texts or found in texts:
        return
    message = f"{who} compares {name} with {found!r}, which it never is"
    hint = f"it is one of {joined(texts)}" if len(texts) > 1 else f"it is {texts[0]!r}"
    if isinstance(found, str) and (meant := _text_meant(found, texts)) is not None:
        hint = f"did you mean {meant!r}?"
    elif handler and isinstance(found, str) and found.upper() in _STATUSES:
        hint += f"; how the node ended is {_step_status(read)}"
    elif handler in _HTTP:
        hint += "; the status of the answer is status_code"
    yield path, "never_equal", message, hint


def _step_status(read: nodes.Node) -> str:
    node_id = getattr(getattr(read, "node", None), "name", "NODE")
    return f"steps.{node_id}.status"


def _text_meant(found: str, texts: tuple[str, ...]) -> str | None:
    if (meant := nearest(found, texts)) is not None:
        return meant
    lower = {text.lower(): text for text in texts}
    close = closest(found.lower(), lower)
    return lower[close] if close is not None else None


def _texts_of(by_id: Mapping[str, Node], read: nodes.Node) -> tuple[str, str, tuple[str, ...]]:
    """Give what an expression reads, in words, the handler if its output is read, and all texts it can be."""
    key = key_of(read)
    base: Any = getattr(read, "node", None)
    step = key_of(base) if base is not None else None
    if key == "status" and step in by_id and _is_name(base.node, "steps"):
        return f"the status of {step!r}", "", _STATUSES
    if key is None or not isinstance(base, nodes.Name) or base.name not in by_id:
        return "", "", ()
    node = by_id[base.name]
    texts = () if node.map is not None else _TEXTS.get((node.handler, key), ())
    return f"{key!r} of {node.id!r}", node.handler, texts


def _is_name(part: nodes.Node, name: str) -> bool:
    return isinstance(part, nodes.Name) and part.name == name
