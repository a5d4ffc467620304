"""What a deliberate mistake in a script is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """file is a path below `lua/` without its ending."""

    name: str
    file: str
    old: str
    new: str = ""


def of(file: str, *rows: tuple[str, str, str]) -> tuple[Mutant, ...]:
    return tuple(Mutant(name, file, old, new) for name, old, new in rows)
