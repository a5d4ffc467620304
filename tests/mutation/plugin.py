"""Loaded by pytest (`-p tests.mutation.plugin`): the engine of this run has the mutant that MUTANT names."""

from __future__ import annotations

import os

from hypothesis import Phase, settings

from orchestrator.store import library
from tests.mutation.mutant import Mutant
from tests.mutation.mutants import MUTANTS

_originals = library.sources


def mutated(mutant: Mutant) -> dict[str, str]:
    """All library, one of them wrong. Raises ValueError unless the mutant fits exactly once."""
    files = _originals()
    found = files[mutant.file].count(mutant.old)
    if found != 1:
        raise ValueError(f"{mutant.file}: '{mutant.name}' fits {found} times, not once: {mutant.old}")
    return {**files, mutant.file: files[mutant.file].replace(mutant.old, mutant.new)}


if name := os.environ.get("MUTANT"):
    chosen = next(mutant for mutant in MUTANTS if mutant.name == name)
    changed = mutated(chosen)
    library.sources = lambda: dict(changed)
    # Any failure will do: no time is spent on the shortest.
    settings.register_profile("mutation", phases=[Phase.explicit, Phase.generate])
    settings.load_profile("mutation")
