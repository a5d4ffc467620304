"""Compiles texts with `{step.field}` in them into templates of ours. Pure.

What a reference does not lead to stays as it is written, and so does every brace that is none of a
reference: no text of theirs is ever read as a template of ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: What started the run: `{trigger.body.x}`, `{trigger.headers.x}`.
TRIGGER = "trigger"
NOTIFY = "notify"
#: As deep as JSON is read. Longer ones are none: they lead nowhere.
_KEY = r"[A-Za-z0-9_-]{1,128}"
_REFERENCE = re.compile(rf"\{{({_KEY}(?:\.{_KEY}){{1,64}})\}}")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})
_OPERATOR = re.compile(r">=|<=|!=|==|>|<")
_OPERATOR_NEXT = re.compile(r"\s*(?:>=|<=|!=|==|>|<)")
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_TRUTHS = frozenset({"true", "false"})


class ConditionRefused(ValueError):
    """A condition cannot be read; the message says why, without naming the step."""


@dataclass(frozen=True, slots=True)
class Question:
    """A condition as expressions: its answer, and what it compares, in words."""

    answer: str
    words: str


def compile_value(value: Any, before: Mapping[str, str]) -> Any:
    """Compile every text in a value. before: types of the steps that run before, by id."""
    if isinstance(value, str):
        return compile_text(value, before)
    if isinstance(value, list):
        return [compile_value(each, before) for each in value]
    if isinstance(value, dict):
        return {_literal(key): compile_value(below, before) for key, below in value.items()}
    return value


def compile_text(text: str, before: Mapping[str, str]) -> str:
    """Compile one text. A reference that stands alone keeps the type of its value."""
    parts = _parts(text, before)
    if not any(is_reference for is_reference, _ in parts):
        return _literal(text)
    return f"{{{{ {_joined(parts)} }}}}"


def has_reference(text: Any, before: Mapping[str, str]) -> bool:
    """Say whether a value is a text in which something is referred to."""
    return isinstance(text, str) and any(is_reference for is_reference, _ in _parts(text, before))


def expression(text: str, before: Mapping[str, str]) -> str:
    """Write a text as an expression, to be part of a larger one."""
    return f"({_joined(_parts(text, before))})"


def constant(text: str) -> str:
    """Write a text as a constant of an expression."""
    return f'"{text.translate(_ESCAPES)}"'


def compile_condition(text: str, before: Mapping[str, str]) -> Question:
    """Compile `left OPERATOR right`, or a reference alone, whose value is then yes or no.

    Raises ConditionRefused.
    """
    # References are masked: a value never decides where the operator is.
    text = text.strip()
    found = _operator_in(_REFERENCE.sub(lambda match: "r" * len(match[0]), text))
    if found is None:
        return Question(_truth(text, before), expression(text, before))
    left, sign, right = text[: found.start()].strip(), found[0].strip(), text[found.end() :].strip()
    if not left or not right:
        raise ConditionRefused(f"there is nothing on one side of '{sign}'; write '' for an empty text")
    sides = [expression(_unquoted(side), before) for side in (left, right)]
    answer = f'({sides[0]} | compare("{sign}", {sides[1]}))'
    return Question(answer, f'({sides[0]} ~ " {sign} " ~ {sides[1]})')


def _operator_in(text: str) -> re.Match[str] | None:
    """Find the first operator; one within quotes that the text begins with is none."""
    if text[:1] in ("'", '"') and (end := text.find(text[0], 1)) > 0:
        found = _OPERATOR_NEXT.match(text, end + 1)
        if found is not None:
            return found
    return _OPERATOR.search(text)


def _truth(text: str, before: Mapping[str, str]) -> str:
    """Write whether a value means yes; one that is not there means no."""
    if text.lower() in _TRUTHS:
        return text.lower()
    parts = _parts(text, before)
    if len(parts) != 1 or _REFERENCE.fullmatch(text) is None:
        raise ConditionRefused("it compares nothing; one of >=, <=, !=, ==, > and < is needed")
    is_reference, _ = parts[0]
    return f"(not not {_reference(text[1:-1], before, 'false')})" if is_reference else "false"


def _parts(text: str, before: Mapping[str, str]) -> list[tuple[bool, str]]:
    """Cut a text into expressions: each says whether it is a reference, or else a constant."""
    parts: list[tuple[bool, str]] = []
    literal, end = "", 0
    for match in _REFERENCE.finditer(text):
        literal += text[end : match.start()]
        end = match.end()
        found = _reference(match[1], before, constant(match[0]))
        if found is None:
            literal += match[0]
            continue
        if literal:
            parts.append((False, constant(literal)))
        parts.append((True, found))
        literal = ""
    literal += text[end:]
    if literal or not parts:
        parts.append((False, constant(literal)))
    return parts


def _joined(parts: list[tuple[bool, str]]) -> str:
    return " ~ ".join(text for _, text in parts)


def _reference(path: str, before: Mapping[str, str], otherwise: str) -> str | None:
    """Write what a path refers to, and what is there otherwise; None where it can refer to nothing."""
    keys = path.split(".")
    for count in range(len(keys) - 1, 0, -1):
        if (step_id := ".".join(keys[:count])) in before:
            is_notice = before[step_id] == NOTIFY
            # What a notice puts out is in its data, but for the message itself.
            prefix = ["data"] if is_notice and keys[count] != "message" else []
            return _followed(f'steps["{step_id}"].output', [*prefix, *keys[count:]], otherwise)
    return _followed("trigger", keys[1:], otherwise) if keys[0] == TRIGGER else None


def _followed(root: str, keys: list[str], otherwise: str) -> str:
    if any(key.isdecimal() for key in keys):
        # A number is a place in a list, or a key: known only once the value is.
        path = constant(".".join(keys))
        return f"([{root} | default({{}})] | map(attribute={path}, default={otherwise}) | first)"
    return f"({root}{''.join(f'[{constant(key)}]' for key in keys)} | default({otherwise}))"


def _unquoted(text: str) -> str:
    quoted = _QUOTED.fullmatch(text)
    return text if quoted is None else next(each for each in quoted.groups() if each is not None)


def _literal(text: str) -> str:
    """Write a text that is no template: as it is, unless it could be read as one."""
    return f"{{{{ {constant(text)} }}}}" if "{{" in text or "{%" in text else text
