"""What users read is plain English: some words are refused wherever a text leaves the program."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from cli.__main__ import app as command_line
from docs import generate

ROOT = generate.ROOT
#: Packages and files whose texts are read.
PLACES = ("api", "cli", "clients", "orchestrator", "sdk", "workers", "main.py", "config.py", "wiring.py")
#: Persons without a name, and periphrases for what the field has a verb for: schedule, claim, renew, resume.
REFUSED = re.compile(
    r"\b(somebody|nobody|anybody|whoever|whomever|whom|anew|told|hurry|goes on too)\b", re.IGNORECASE
)

#: Persons nobody can name, and verbs that make persons of modules.
VAGUE = re.compile(r"\b(somebody|nobody|whoever|told|said|anew)\b", re.IGNORECASE)
PURE = ("documents", "templates", "definitions", "lint", "execution", "errors.py", "states.py", "units.py")


@pytest.mark.parametrize("place", PURE)
def test_pure_rooms_are_plain_in_comments_and_docstrings_too(place: str) -> None:
    root = ROOT / "orchestrator" / place
    vague = [
        f"{path.name}:{number}: {line.strip()}"
        for path in ([root] if root.is_file() else sorted(root.glob("*.py")))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if VAGUE.search(line)
    ]

    assert not vague


@pytest.mark.parametrize("place", PLACES)
def test_texts_of_the_program_are_plain(place: str) -> None:
    root = ROOT / place
    odd = {
        f"{path.relative_to(ROOT)}:{line}": text
        for path in ([root] if root.is_file() else sorted(root.rglob("*.py")))
        for line, text in _texts(path)
        if REFUSED.search(text)
    }

    assert not odd


def test_the_openapi_document_is_plain() -> None:
    assert not [text for text in _descriptions(generate.openapi()) if REFUSED.search(text)]


def test_the_help_of_commands_is_plain() -> None:
    commands = get_command(command_line).commands  # type: ignore[attr-defined]
    helps = [command.help or "" for command in commands.values()]
    helps += [getattr(option, "help", "") or "" for command in commands.values() for option in command.params]

    assert not [text for text in helps if REFUSED.search(text)]


def test_the_documents_have_one_word_for_anyone() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]

    assert len(pages) > 30
    assert not [page.name for page in pages if "anybody" in page.read_text(encoding="utf-8").lower()]


def test_the_check_finds_what_it_looks_for() -> None:
    assert REFUSED.search("send it again when somebody does")
    assert not REFUSED.search("no node waits for signal 'x'")


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every text that is no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in docstrings:
            continue
        yield node.lineno, node.value


def _descriptions(document: object) -> Iterator[str]:
    if isinstance(document, dict):
        for name, value in document.items():
            if name in ("description", "summary", "title") and isinstance(value, str):
                yield value
            yield from _descriptions(value)
    elif isinstance(document, list):
        for value in document:
            yield from _descriptions(value)
