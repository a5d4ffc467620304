"""Failures as `{"detail": …}`: a sentence or, of a request of the wrong shape, its mistakes one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

_PART = re.compile(r"\[(\d+)\]|[^.\[\]]+")


class DetailProblem(BaseModel):
    """One thing that is wrong with a request: where, what, and the kind of mistake."""

    loc: list[str | int]
    msg: str
    type: str


def problem_details(problems: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write problems as `DetailProblem` has them."""
    return [
        {"loc": _location(each["path"]), "msg": each["message"], "type": each["code"]} for each in problems
    ]


def _location(path: str) -> list[str | int]:
    """Take a path such as `query.page` or `steps[1].op` apart; of a body where it does not say what of."""
    parts: list[str | int] = []
    for match in _PART.finditer(path):
        text = match[1] or match[0]
        parts.append(int(text) if text.isdecimal() and len(text) < 9 else text)
    known = ("query", "header", "path", "body")
    return parts if parts and parts[0] in known else ["body", *parts]
