"""Handlers of HANDLERS modules, registered for one test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from workers.handlers import HANDLER_REGISTRY, load_modules


@contextmanager
def loaded(module: str) -> Iterator[None]:
    """Load a module as HANDLERS does, and forget its handlers afterwards."""
    before = dict(HANDLER_REGISTRY)
    sys.modules.pop(module, None)
    try:
        load_modules((module,))
        yield
    finally:
        HANDLER_REGISTRY.clear()
        HANDLER_REGISTRY.update(before)
