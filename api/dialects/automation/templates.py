"""Compiles the templates of workflows of this door into ours.

Both are Jinja, and `steps.fetch.output.body.name` and `trigger.payload.x` mean the same in both. Only
`trigger.triggered_by`, which says that a schedule has started it, has another name with us.
"""

from __future__ import annotations

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
    found, place = "", 0
    while place < len(tokens):
        length = _length_of_triggered_by(tokens, place)
        found += _TRIGGERED_BY if length else tokens[place][1]
        place += length or 1
    return found


def _length_of_triggered_by(tokens: list[tuple[str, str]], place: int) -> int:
    """Count the tokens from `trigger` to `triggered_by`, blanks between them too; 0 without them."""
    if tokens[place] != ("name", "trigger") or _word_before(tokens, place) in (".", "|"):
        return 0
    wanted = iter([("operator", "."), ("name", "triggered_by")])
    following = next(wanted)
    for length, token in enumerate(tokens[place + 1 :], start=2):
        if token[0] == "whitespace":
            continue
        if token != following:
            return 0
        following = next(wanted, ("", ""))
        if following == ("", ""):
            return length
    return 0


def _word_before(tokens: list[tuple[str, str]], place: int) -> str:
    return next((word for kind, word in reversed(tokens[:place]) if kind != "whitespace"), "")
