"""What a mutant of the scripts is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One text replacement. file is a path below `lua/` without its ending."""

    name: str
    file: str
    old: str
    new: str = ""


def mutants_of(file: str, *rows: tuple[str, str, str]) -> tuple[Mutant, ...]:
    """Make mutants of one file from rows of name, old text and new text."""
    return tuple(Mutant(name, file, old, new) for name, old, new in rows)
