"""Compiles the templates of workflows of this door into ours.

Both are Jinja, and `steps.fetch.output.body.name` and `trigger.payload.x` mean the same in both. Only
`trigger.triggered_by`, which says that a schedule has started it, has another name with us.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, TemplateSyntaxError

#: No text that is read has half a character in it: `{#` is no comment to us, and stays as it is written.
_NEVER = "\udc23"
_LEXING = Environment(
    comment_start_string=_NEVER + "{",
    comment_end_string="}" + _NEVER,
    keep_trailing_newline=True,
    autoescape=False,
)
_TRIGGER = ("name", "trigger")
_REST = (("operator", "."), ("name", "triggered_by"))
_TRIGGERED_BY = "('cron' if trigger.source == 'schedule' else trigger.triggered_by)"


def compile_templates(value: Any) -> Any:
    """Compile every template in a value, in keys of objects too; what is no template stays as it is."""
    if isinstance(value, str):
        return _compiled(value)
    if isinstance(value, list):
        return [compile_templates(each) for each in value]
    if isinstance(value, dict):
        return {compile_templates(key): compile_templates(each) for key, each in value.items()}
    return value


def _compiled(text: str) -> str:
    if "triggered_by" not in text or "{" not in text:
        return text
    try:
        tokens = [(kind, word) for _, kind, word in _LEXING.lex(text)]
    except TemplateSyntaxError:
        return text  # the engine says what is wrong with it
    return compile_tokens(tokens)


def compile_tokens(tokens: Sequence[tuple[str, str]]) -> str:
    """Write tokens, each a kind and a word, as text, with our name for `triggered_by`; takes linear time."""
    parts, before, place = [], "", 0
    while place < len(tokens):
        kind, word = tokens[place]
        end = 0 if before in (".", "|") else _end_of_triggered_by(tokens, place)
        parts.append(_TRIGGERED_BY if end else word)
        if kind != "whitespace":
            before = word
        place = end or place + 1
    return "".join(parts)


def _end_of_triggered_by(tokens: Sequence[tuple[str, str]], place: int) -> int:
    """Find the place after `trigger.triggered_by`, which may have blanks in it; 0 where it does not stand."""
    if tokens[place] != _TRIGGER:
        return 0
    for wanted in _REST:
        place += 1
        if place < len(tokens) and tokens[place][0] == "whitespace":
            place += 1
        if place >= len(tokens) or tokens[place] != wanted:
            return 0
    return place + 1
