"""Warns of texts with `{# … #}` in them: templates have no comments, so it stays as written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.definitions.definition import Node
from orchestrator.definitions.sub_workflows import own_config
from orchestrator.lint.context import Linter

#: Characters of a comment that a message shows.
_SHOWN = 60


def kept_comments(linter: Linter) -> Iterator[tuple[str, str, str, str]]:
    """Give path, code, message and hint for each text of a node, and of the output, that has a comment."""
    for node in linter.definition.nodes:
        for text, path in _texts_of(node):
            if comment := _comment_in(text):
                yield _finding(linter.at(node, path), f"node {node.id!r}", comment)
    if linter.definition.output_node is not None:
        for text, path in texts_in(linter.definition.output_node.config["output"], "output"):
            if comment := _comment_in(text):
                yield _finding(path, "the output", comment)


def _finding(path: str, where: str, comment: str) -> tuple[str, str, str, str]:
    message = f"{where} has {comment!r} in a text: templates have no comments, and it stays as written"
    return path, "comment_stays", message, "write what is meant for readers of the definition outside of it"


def _comment_in(text: str) -> str | None:
    """Cut the first comment out of a text, shortened; None when it has none."""
    start = text.find("{#")
    end = text.find("#}", start + 2) if start >= 0 else -1
    if end < 0:
        return None
    comment = text[start : end + 2]
    return comment if len(comment) <= _SHOWN else f"{comment[: _SHOWN - 4]}… #}}"


def _texts_of(node: Node) -> Iterator[tuple[str, str]]:
    """Give the texts of a node in which a template may stand, those of a child's nodes included."""
    if node.when is not None:
        yield node.when, "when"
    if node.map is not None:
        yield from texts_in(node.map.items, "map.items")
    own = own_config(node.handler, node.config)
    yield from texts_in(own, "config")
    if own is not node.config:
        child = node.config["workflow"]
        rendered = {name: value for name, value in child.items() if name not in ("name", "description")}
        yield from texts_in(rendered, "config.workflow")


def texts_in(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Give every text in a value, keys of objects included, in the order in which it is written."""
    stack = [(value, path)]
    while stack:
        value, path = stack.pop()
        if isinstance(value, str):
            yield value, path
        elif isinstance(value, dict):
            for key in value:
                yield key, f"{path}.{key}"
            stack += [(below, f"{path}.{key}") for key, below in reversed(value.items())]
        elif isinstance(value, list):
            stack += [(below, f"{path}[{index}]") for index, below in reversed([*enumerate(value)])]
