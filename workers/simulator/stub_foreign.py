"""Stubs for handlers that only a worker elsewhere has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from orchestrator.definitions.compiler import compile_definition
from orchestrator.definitions.foreign_handlers import foreign_handlers
from orchestrator.documents.limits import Limits
from orchestrator.errors import DefinitionInvalid
from workers.handlers import Catalogue
from workers.simulator.stubs import Stubs


def with_foreign(stubs: Stubs, document: dict[str, Any], limits: Limits) -> Stubs:
    """Stub the handlers that are not known here, unless their names are slips."""
    known = Catalogue(frozenset(stubs.handlers))
    try:
        compile_definition(document, handlers=known, limits=limits)
    except DefinitionInvalid as error:
        foreign = foreign_handlers(document, error.problems, known.names)
        return replace(stubs, handlers={**stubs.handlers, **dict.fromkeys(foreign, stubs.default)})
    return stubs
