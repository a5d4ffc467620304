"""Plain English of the field: words that no message, docstring or comment of these rooms needs."""

from __future__ import annotations

import re

import pytest

from docs import generate

#: Persons nobody can name, and verbs that make persons of modules.
VAGUE = re.compile(r"\b(somebody|nobody|whoever|told|said|anew)\b", re.IGNORECASE)
PLACES = (
    "orchestrator/documents", "orchestrator/templates", "orchestrator/definitions", "orchestrator/lint",
    "orchestrator/execution", "orchestrator/errors.py", "orchestrator/states.py", "orchestrator/units.py",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_sentences_name_what_they_speak_of(place: str) -> None:
    root = generate.ROOT / place
    files = [root] if root.is_file() else sorted(root.glob("*.py"))

    vague = [
        f"{path.name}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if VAGUE.search(line)
    ]

    assert not vague
