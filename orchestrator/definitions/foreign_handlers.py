"""Handlers that no one here knows, and that a worker elsewhere may offer. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from headrace.wording import closest
from orchestrator.errors import Problem


def foreign_handlers(
    document: Any, problems: Iterable[Problem], known: Collection[str]
) -> dict[str, Problem]:
    """Give, by name, the problems that are about handlers whose names are no slips of known ones.

    problems  what compiling the document has found.
    """
    unknown = [each for each in problems if each.code == "unknown_handler"]
    named = {_at(document, each.path): each for each in reversed(unknown)}
    return {name: each for name, each in named.items() if closest(name, known) is None}


def _at(document: Any, path: str) -> str:
    """Give the text at a path, such as `nodes[3].handler`."""
    for step in re.findall(r"[^.\[\]]+", path):
        document = document[int(step) if isinstance(document, list) else step]
    return str(document)
