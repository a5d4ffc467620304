"""Inputs that are given to a workflow which does not know them: they are kept, and nothing reads them.

A warning is given only where nothing can read the name, and never where the schema takes others by some rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from headrace.wording import closest
from orchestrator.definitions.ends import reads_inputs
from orchestrator.documents import exact_json
from orchestrator.documents.problems import joined
from orchestrator.errors import Problem

#: Names that are spoken of one by one.
MOST_NAMED = 5
#: Definitions that are larger are not searched: a start waits for this, and the event loop with it.
MOST_BYTES = 256 * 1024
#: How alike two names are of which one is taken for the other, though something may read any name.
_ALIKE = 0.85
#: Keywords, beside `additionalProperties`, by which a schema may take names that `properties` does not list.
OTHER_RULES = frozenset(
    {
        "unevaluatedProperties", "patternProperties", "propertyNames", "allOf",
        "anyOf", "oneOf", "if", "$ref", "$dynamicRef", "dependentSchemas",
    }
)  # fmt: skip
#: One input that a template names, in JSON text; and the word where all of them are read, or any: what is
#: calculated, or written with marks that JSON escapes, may be the name of each.
#: Letters of other alphabets are bytes of UTF-8.
_KEY = (
    rb"""\.\s*(?!(?:get|items|keys|values)\b)([A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)"""
    rb"""|\[\s*\\?(["'])([^"'\\]*)\\?\2\s*\]"""
)
_named = re.compile(rb"\binputs\s*(?:" + _KEY + rb")")
_reads_whole = re.compile(rb"""\binputs\b(?!"\s*:|\s*(?:""" + _KEY + rb"))").search


def unknown_inputs(
    document: Mapping[str, Any],
    given: Mapping[str, Any] | None,
    path: str = "inputs",
    *,
    called: str = "the workflow",
) -> tuple[Problem, ...]:
    """Warn of each input that is given to a workflow and neither listed in its schema nor read by it. Pure.

    document  the definition as it was submitted.
    path      of the inputs, in what was sent.
    called    what a message calls the workflow.
    """
    properties = listed_inputs(document)
    if not given or not properties or given.keys() <= properties.keys():
        return ()
    text = exact_json.dumps(document)
    if len(text) > MOST_BYTES:
        return ()
    read = {(one or other).decode(errors="replace") for one, _, other in _named.findall(text)}
    unread = [name for name in given if name not in properties and name not in read]
    free = [name for name in properties if name not in given]
    meant = {name: closest(name, free) for name in unread[:MOST_NAMED]}
    if _may_read_any(document, text):
        meant = {name: near for name, near in meant.items() if near and _are_alike(name, near)}
        unread = list(meant)
    problems = [_problem(called, path, name, near, properties) for name, near in meant.items()]
    if (more := len(unread) - len(problems)) > 0:
        message = f"and {more:,} more inputs that {called} does not know"
        problems.append(Problem(path, "ignored_input", message, kind="graph"))
    return tuple(problems)


def listed_inputs(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the inputs that a definition lists by name; none where its schema may take others by some rule."""
    schema = document.get("inputs")
    if not isinstance(schema, dict) or "additionalProperties" in schema or not OTHER_RULES.isdisjoint(schema):
        return {}
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _may_read_any(document: Mapping[str, Any], text: bytes) -> bool:
    """Say whether a handler, or a template that reads all inputs, may read one that nothing names."""
    holder = document.get("dag") or document
    nodes = holder.get("nodes") if isinstance(holder, dict) else None
    handlers = [node.get("handler") for node in nodes or () if isinstance(node, dict)]
    is_by_handler = any(not isinstance(each, str) or reads_inputs(each) for each in handlers)
    return is_by_handler or _reads_whole(text) is not None


def _are_alike(name: str, near: str) -> bool:
    return SequenceMatcher(None, name[:128], near[:128]).ratio() >= _ALIKE


def _problem(called: str, path: str, name: str, near: str | None, properties: Mapping[str, Any]) -> Problem:
    shown = name[:80]
    hint = f"did you mean {near!r}?" if near else f"inputs: {joined(properties)}"
    message = f"{called} has no input {shown!r}, and nothing in it reads one"
    return Problem(f"{path}.{shown}", "ignored_input", message, hint, kind="graph")
