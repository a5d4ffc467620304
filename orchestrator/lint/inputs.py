"""Warns of inputs that nothing reads, and of reads of inputs that the schema does not have."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from orchestrator.definitions.definition import Node
from orchestrator.definitions.ends import reads_inputs
from orchestrator.definitions.unknown_inputs import OTHER_RULES
from orchestrator.documents.problems import joined
from orchestrator.lint.context import Linter
from orchestrator.lint.near_words import nearest
from orchestrator.lint.template_reads import Use, uses_in, uses_of

#: Path, code, message, hint.
Finding = tuple[str, str, str, str | None]

_NOT_READING = frozenset({"inputs", "name", "description"})
_NO_DIGITS = re.compile(r"\D")


def misread_inputs(linter: Linter) -> Iterator[Finding]:
    """Give the inputs that no template reads, and those that are read and will not be there."""
    schema = linter.definition.inputs_schema or {}
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return
    rest = {name: value for name, value in linter.definition.source.items() if name not in _NOT_READING}
    read = [use.key for text in _texts(rest) for use in uses_in(text, "") if use.root == "inputs"]
    used = {key for key in read if key is not None}
    misspelt: set[str] = set()
    for found, meant in _not_described(linter, schema, properties, used):
        misspelt |= {meant} if meant else set()
        yield found
    if None in read or any(reads_inputs(node.handler) for node in linter.definition.nodes):
        return
    for name in properties:
        if name not in used and name not in misspelt:
            yield f"inputs.properties.{name}", "unused_input", f"no template reads the input {name!r}", None


def _not_described(
    linter: Linter, schema: Mapping[str, Any], properties: Mapping[str, Any], used: Collection[str]
) -> Iterator[tuple[Finding, str | None]]:
    """Give what is read in vain, each with the input that was probably meant.

    Where a schema does not say whether it takes others, only slips of the pen are given.
    """
    if not OTHER_RULES.isdisjoint(schema) or schema.get("additionalProperties", False) is not False:
        return
    is_closed = "additionalProperties" in schema
    meant: dict[str, str | None] = {}
    for node, use in _needed(linter):
        key = use.key
        if key is None or key in properties:
            continue
        if key not in meant and len(meant) < linter.budget.compared_words:
            meant[key] = _meant(key, properties, used, schema.get("required"))
        near = meant.get(key)
        if near is None and not is_closed:
            continue
        who = "the output" if node is linter.definition.output_node else repr(node.id)
        path = use.path.removeprefix("config.") if who == "the output" else linter.at(node, use.path)
        message = f"{who} reads the input {key!r}, which the schema does not "
        message += "allow" if is_closed else "describe: a start without it fails there"
        hint = f"did you mean {near!r}?" if near else linter.findings.did_you_mean(key, properties)
        yield (path, "unknown_input", message, hint or f"inputs: {joined(properties)}"), near


def _needed(linter: Linter) -> Iterator[tuple[Node, Use]]:
    """Give each input that is read without a default."""
    last = linter.definition.output_node
    read = [(node, use) for node in linter.definition.nodes for use in linter.uses.get(node.id, ())]
    read += [(last, use) for use in uses_of(last)] if last is not None else []
    yield from ((node, use) for node, use in read if use.root == "inputs" and use.is_needed)


def _meant(key: str, properties: Mapping[str, Any], used: Collection[str], required: Any) -> str | None:
    """Find the input that was meant: by a slip of two letters one that nothing else reads, else of one.

    `file1` beside `file2`, and `rows` beside `row`, are two inputs.
    """
    if isinstance(required, list) and key in required:
        return None
    if (near := nearest(key, [name for name in properties if name not in used])) is not None:
        return near
    near = nearest(key, properties, most=1)
    if near is None or near.rstrip("s") == key.rstrip("s") or _digits(near) != _digits(key):
        return None
    return near


def _digits(text: str) -> str:
    return _NO_DIGITS.sub("", text)


def _texts(value: Any) -> Iterator[str]:
    """Give every text in a document that may read an input."""
    stack = [value]
    while stack:
        found = stack.pop()
        if isinstance(found, str) and "inputs" in found:
            yield found
        elif isinstance(found, dict):
            stack += [*found, *found.values()]
        elif isinstance(found, list):
            stack += found
