"""Warns of texts that look like references and are none: without braces, or with those of other tools."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from orchestrator.definitions.branches import CONDITION, SWITCH
from orchestrator.definitions.definition import Node
from orchestrator.definitions.ends import OWN_HANDLERS
from orchestrator.definitions.sub_workflows import own_config
from orchestrator.lint.comments import texts_in
from orchestrator.lint.context import Linter
from orchestrator.templates.parser import RESERVED, ROOTS
from orchestrator.templates.references import compile_expression, is_template
from orchestrator.templates.values import EvaluationError

#: Path, code, message, hint.
Finding = tuple[str, str, str, str]

#: Fields of configs that are there to be calculated: a text that reads as an expression is meant as one.
_CALCULATED = {
    "transform": ("config.expression",),
    SWITCH: ("config.value",),
    CONDITION: ("config.left", "config.right"),
}
#: `${{ … }}`, `${ … }`, `{ … }` and `$.…`: references as other tools write them.
_FOREIGN = re.compile(r"\$\{\{(.+)\}\}|\$\{(.+)\}|\{([^{}:]+)\}|\$\.?([A-Za-z_].*)")
_KEYS = r"(?:\.[A-Za-z_][A-Za-z0-9_]*|\[(?:\d{1,9}|\"[^\"]+\"|'[^']+')\])"
_INPUT = re.compile(rf"inputs\.([A-Za-z_][A-Za-z0-9_]*){_KEYS}*")
_STEP = re.compile(rf"steps(?:\.([A-Za-z_][A-Za-z0-9_]*)|\[[\"']([^\"']+)[\"']\])\.(?:output|status){_KEYS}*")
_OUTPUT = re.compile(rf"([A-Za-z_][A-Za-z0-9_]*)\.output{_KEYS}+")
_LONGEST = 300


def literal_references(linter: Linter) -> Iterator[Finding]:
    """Give the texts of configs and of the output that look like references, and are none."""
    ids = linter.definition.by_id.keys()
    for node in linter.definition.nodes:
        if node.handler not in OWN_HANDLERS:
            continue  # What a text means to code of the user's is not known.
        local = {node.map.item_name, "index"} if node.map else set()
        for text, path in texts_in(own_config(node.handler, node.config), "config"):
            meant = None
            if path in _CALCULATED.get(node.handler, ()):
                meant = _expression_meant(text, node, ids | local)
            elif not (node.handler == CONDITION and path == "config.expression"):
                meant = _reference_meant(linter, text)
            if meant is not None:
                yield _finding(linter.at(node, path), repr(node.id), text, meant)
    if linter.definition.output_node is not None:
        for text, path in texts_in(linter.definition.output_node.config["output"], "output"):
            if (meant := _reference_meant(linter, text)) is not None:
                yield _finding(path, "the output", text, meant)


def _finding(path: str, who: str, text: str, meant: str) -> Finding:
    why = "the '$' stays in front" if is_template(text) else "as it is written it refers to nothing"
    message = f"{who} has the text {text[:80]!r}: {why}"
    return path, "literal_reference", message, f"write {meant}"


def _expression_meant(text: str, node: Node, names: Collection[str]) -> str | None:
    """Say what was meant by a text that would be calculated if it had braces; None if it would not be."""
    text = text.strip()
    foreign = _FOREIGN.fullmatch(text)
    inner = next(filter(None, foreign.groups())) if foreign else text
    if len(text) > _LONGEST or (foreign is None and is_template(text)):
        return None
    inner = inner.strip()
    try:
        template = compile_expression(inner)
    except EvaluationError:
        return None
    if not (template.names or template.steps) or not template.names <= {*names, *ROOTS, "steps"}:
        is_path = foreign is not None and text.startswith("$.") and re.fullmatch(rf"\w+{_KEYS}*", inner)
        return f"{{{{ inputs.{inner} }}}}, or {{{{ NODE.{inner} }}}}" if is_path else None
    # One word alone may well be meant as it is.
    if foreign is None and inner.isidentifier() and inner not in node.dependencies:
        return None
    return _written(inner, names)


def _reference_meant(linter: Linter, text: str) -> str | None:
    """Say what was meant by a text that is one whole reference; None if it is none."""
    text = text.strip()
    if len(text) > _LONGEST or "." not in text:
        return None
    ids = linter.definition.by_id
    if match := _INPUT.fullmatch(text):
        properties = (linter.definition.inputs_schema or {}).get("properties")
        return f"{{{{ {text} }}}}" if not isinstance(properties, dict) or match[1] in properties else None
    if match := _STEP.fullmatch(text):
        return f"{{{{ {text} }}}}" if (match[1] or match[2]) in ids else None
    match = _OUTPUT.fullmatch(text)
    return _written(text, ids) if match and match[1] in ids else None


def _written(expression: str, names: Collection[str]) -> str:
    """Write an expression with braces; `A.output.x`, which other tools have, as `A.x`."""
    match = _OUTPUT.fullmatch(expression)
    if match and match[1] in names and match[1] not in RESERVED:
        expression = match[1] + expression[len(f"{match[1]}.output") :]
    return f"{{{{ {expression} }}}}"
