"""Compile templates, and find out what they refer to before anything runs.

Nearly all templates are paths such as `{{ A.data.items[0].id }}`: those are cut up once by one expression,
without a parser. The rest is parsed and checked by `parser`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from headrace.wording import did_you_mean
from orchestrator.documents.problems import joined
from orchestrator.errors import Problem
from orchestrator.templates.foreign_words import meant_by_input, meant_by_item, meant_by_name
from orchestrator.templates.parser import (
    KEYWORDS,
    MAX_SOURCE,
    RESERVED,
    ROOTS,
    STEP_FIELDS,
    Checked,
    parse_expression,
    parse_template,
)
from orchestrator.templates.values import EvaluationError

#: Hints given for one node's templates: comparing with every id is slow.
MAX_HINTS = 20
#: Problems listed for one node's templates.
MAX_PROBLEMS = 20
_ROOTS = ("inputs", "trigger", "execution", "steps")
#: Where secrets are allowed, in the words for a place whose handler takes none.
SECRETS_ALLOWED = "the config fields that a handler declares for them, such as config.headers of http"

_PATH = re.compile(
    r"""\{\{\s*([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[\d{1,9}\]|\["[^"\\\n]*"\]|\['[^'\\\n]*'\])*)\s*\}\}"""
)
_KEY = re.compile(r"""\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\["([^"]*)"\]|\['([^']*)'\]""")
_MARKS = ("{{", "{%", "}}", "%}")
_NOT_A_PATH = KEYWORDS | {"loop", "self", "now", "range"}


@dataclass(frozen=True, slots=True)
class References:
    """What a node's templates need: the nodes whose outputs they read, and what the execution started with.

    nodes         each node referred to, with the path of the first template that does.
    uses_inputs   inputs or execution are read.
    uses_trigger  trigger is read.
    templated     the config has templates in it.
    """

    nodes: Mapping[str, str] = field(default_factory=dict)
    uses_inputs: bool = False
    uses_trigger: bool = False
    templated: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A reference that needs no parser: a root or node, and the keys to follow."""

    root: str
    keys: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """One template text, compiled: a path, text with paths in it, or a checked tree."""

    source: str
    names: frozenset[str]
    steps: frozenset[str]
    locals: frozenset[str] = frozenset()
    parts: tuple[str | Path, ...] = ()
    tree: Checked | None = None


def is_template(text: str) -> bool:
    """Say whether a config text has anything to resolve in it."""
    return "{{" in text or "{%" in text


def references(
    config: Any,
    when: str | None = None,
    *,
    ids: Collection[str],
    expressions: Collection[str] = (),
    local: Collection[str] = (),
    later: Collection[str] = (),
    secrets: Collection[str] | None = (),
    inputs: Collection[str] = (),
    root: str = "config",
) -> tuple[References, list[Problem]]:
    """Find out what a node's templates refer to, and everything that is wrong with them.

    ids          all node ids of the definition; a name that is neither one of them nor a root is a problem.
    local        names that have a value of their own: the item of a mapped node.
    later        such names, where they have no value yet: what the map is made from.
    expressions  top-level config fields whose text is an expression even without braces.
    secrets      top-level config fields that may hold secrets.NAME; None: all of them.
    inputs       names of inputs, which templates of other tools read without `inputs.`.
    root         what `config` is called; no secret may stand in what has another name.
    Paths of problems begin with the root or are `when`. Whether a referenced node is upstream is not judged.
    """
    found = _Found(ids, local, later, secrets, inputs)
    stack: list[tuple[Any, str]] = [(config, root)] if config else []
    while stack:
        value, path = stack.pop()
        if type(value) is str:
            if path[7:] in expressions:
                found.add(value, path, compile_expression)
            elif "{{" in value or "{%" in value:
                found.templated = True
                found.add(value, path, compile_template)
        elif type(value) is dict:
            stack += [(below, f"{path}.{key}") for key, below in value.items()]
            for key in value:
                if type(key) is str and ("{{" in key or "{%" in key):
                    found.templated = True
                    found.add(key, f"{path}.{key}", compile_template)
        elif type(value) is list:
            stack += [(below, f"{path}[{index}]") for index, below in enumerate(value)]
    if when is not None:
        found.add(when, "when", compile_expression)
    return References(found.nodes, found.uses_inputs, found.uses_trigger, found.templated), found.problems


def compile_template(source: str) -> Template:
    """Compile a text that has templates in it; raises EvaluationError."""
    return _paths_only(source) or _parsed(source)


def gives_text(source: str) -> bool:
    """Say whether a template always gives text, having more in it than one expression."""
    try:
        template = compile_template(source)
    except EvaluationError:
        return False  # `references` reports it.
    if template.tree is not None:
        return isinstance(template.tree.tree, list)
    return len(template.parts) != 1


def whole_output(value: Any, ids: Collection[str]) -> str | None:
    """Give the node whose whole output a value is, such as `{{ fetch }}`; None for any other value."""
    template = _paths_only(value) if isinstance(value, str) else None
    match template.parts if template else ():
        case (Path("steps", (str(node_id), "output")),) if node_id in ids:
            return node_id
        case (Path(root, ()),) if root in ids and root not in RESERVED:
            return root
    return None


@lru_cache(maxsize=256)  # trees are large: 500 nodes may take 150 kB
def _parsed(source: str) -> Template:
    return _from_tree(source, parse_template(source))


@lru_cache(maxsize=256)
def compile_expression(source: str) -> Template:
    """Compile a condition; raises EvaluationError."""
    text = source.strip()
    if not text.startswith("{{"):
        try:
            return _from_tree(source, parse_expression(text))
        except EvaluationError as error:
            if "{{" in text or "{%" in text:
                detail = f"{error}; a condition is one expression, without braces inside"
                raise EvaluationError(detail) from None
            raise
    template = _paths_only(text)
    if template is None:
        template = _parsed(text)
    if len(template.parts) > 1 or (template.tree is not None and isinstance(template.tree.tree, list)):
        raise EvaluationError("is not one expression; write {{ A.x == B.y }}, not {{ A.x }} == {{ B.y }}")
    return template


def _from_tree(source: str, checked: Checked) -> Template:
    return Template(source, checked.names, checked.steps, checked.locals, tree=checked)


@lru_cache(maxsize=2048)
def _paths_only(source: str) -> Template | None:
    """Compile a text whose only templates are plain paths; None when it needs the parser."""
    if len(source) > MAX_SOURCE:
        raise EvaluationError(f"is longer than the allowed {MAX_SOURCE:,} characters")
    parts: list[str | Path] = []
    names: set[str] = set()
    steps: set[str] = set()
    end = 0
    for match in _PATH.finditer(source):
        literal, root = source[end : match.start()], match[1]
        if root in _NOT_A_PATH or any(mark in literal for mark in _MARKS):
            return None
        keys = tuple(_key(key) for key in _KEY.finditer(match[2]))
        if root == "steps":
            if len(keys) < 2 or not isinstance(keys[0], str) or keys[1] not in STEP_FIELDS:
                return None  # the parser's check says what is wrong
            steps.add(keys[0])
        if root == "secrets" and not (keys and isinstance(keys[0], str)):
            return None
        names.add(root)
        if literal:
            parts.append(literal)
        parts.append(Path(root, keys))
        end = match.end()
    rest = source[end:]
    if not parts or any(mark in rest for mark in _MARKS):
        return None
    if rest and not (rest in ("\n", "\r\n") and len(parts) == 1):  # a YAML block ends in a line break
        parts.append(rest)
    return Template(source, frozenset(names), frozenset(steps), parts=tuple(parts))


def _key(match: re.Match[str]) -> str | int:
    name, index, double, single = match.groups()
    if index is not None:
        return int(index)
    return next(text for text in (name, double, single) if text is not None)


class _Found:
    """Gathers what the templates of one node refer to."""

    __slots__ = (
        "hints_left", "ids", "inputs", "later", "local", "nodes", "problems", "secrets", "templated",
        "uses_inputs", "uses_trigger",
    )  # fmt: skip

    def __init__(
        self,
        ids: Collection[str],
        local: Collection[str],
        later: Collection[str],
        secrets: Collection[str] | None,
        inputs: Collection[str],
    ) -> None:
        self.ids = ids
        self.inputs = inputs
        self.local = local
        self.later = later
        self.secrets = secrets
        self.nodes: dict[str, str] = {}
        self.uses_inputs = False
        self.uses_trigger = False
        self.templated = False
        self.problems: list[Problem] = []
        self.hints_left = MAX_HINTS

    def add(self, text: str, path: str, compiled: Callable[[str], Template]) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            return
        try:
            template = compiled(text)
        except EvaluationError as error:
            shown = text if len(text) <= 120 else text[:120] + "…"
            hint = self._hint(text)
            message = f"the template {shown!r} {error}"
            self.problems.append(Problem(path, "bad_template", message, hint, kind="graph"))
            return
        for name in sorted(template.names):
            if name == "steps" or name in self.local:
                continue
            if name == "trigger":
                self.uses_trigger = True
            elif name in ROOTS:
                self.uses_inputs = True
            elif name == "secrets":
                self._check_secrets(text, path)
            elif name in self.ids and name not in RESERVED:
                self.nodes.setdefault(name, path)
            else:
                self._unknown(name, text, path)
        for name in sorted(template.steps):
            if name in self.ids:
                self.nodes.setdefault(name, path)
            else:
                self._unknown_step(name, text, path)
        for name in sorted(template.locals):
            if name in self.ids:
                message = f"the template assigns {name!r}, which is a node; choose another name"
                self.problems.append(Problem(path, "bad_template", message, kind="graph"))

    def _check_secrets(self, text: str, path: str) -> None:
        """Refuse a secret where its value would be stored or shown."""
        if self._may_hold_secrets(path):
            return
        if self.secrets is None:
            allowed = "any field of config"
        else:
            allowed = ", ".join(f"config.{name}" for name in sorted(self.secrets)) or SECRETS_ALLOWED
        message = f"secrets are not allowed here (in {text[:120]!r}; allowed: {allowed})"
        self.problems.append(Problem(path, "secret_not_allowed", message, kind="graph"))

    def _may_hold_secrets(self, path: str) -> bool:
        if not path.startswith("config."):
            return False
        return self.secrets is None or re.split(r"[.\[]", path[7:])[0] in self.secrets

    def _unknown(self, name: str, text: str, path: str) -> None:
        known = [*_ROOTS, *(["secrets"] if self._may_hold_secrets(path) else []), *self.local]
        if name in RESERVED:
            message = f"{name!r} has no meaning here"
            if name in self.ids:
                message = f"{name!r} is a word of the template language"
        else:
            what = f"neither a node of this workflow nor one of {', '.join(known)}"
            message = f"refers to {name[:80]!r}, which is {what}"
        item = None if name in self.ids else meant_by_item(name, self.local, self.later)
        given = None if name in RESERVED else meant_by_input(name, text, self.inputs)
        hint = self._hint(text, name, [*known, "secrets"], item or given)
        self._add_unknown(message, text, path, hint)

    def _unknown_step(self, name: str, text: str, path: str) -> None:
        message = f"refers to {name[:80]!r}, which is not a node of this workflow"
        self._add_unknown(message, text, path, self._hint(text, name))

    def _add_unknown(self, message: str, text: str, path: str, hint: str | None) -> None:
        message = f"{message} (in {text[:120]!r}; nodes: {joined(self.ids)})"
        self.problems.append(Problem(path, "unknown_reference", message, hint, "graph"))

    def _hint(
        self, text: str, name: str = "", words: Iterable[str] = (), known: str | None = None
    ) -> str | None:
        """Point at the spelling for ids that are no names (a-b, 1st), at what is known, or at the nearest."""
        if len(self.ids) > 1_000 or self.hints_left <= 0:
            return known
        self.hints_left -= 1
        for node in self.ids:
            if node in text and (not node.isidentifier() or node in RESERVED or node in KEYWORDS):
                return f'write steps["{node}"].output for the node {node!r}'
        if known or not name:
            return known
        return meant_by_name(name, text, self.ids) or did_you_mean(name, [*self.ids, *words])
