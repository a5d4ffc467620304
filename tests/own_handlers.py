"""Handlers of a module of a user's, registered in this process for one test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from headrace.registration import HANDLER_REGISTRY


@contextmanager
def loaded(module: str) -> Iterator[None]:
    """Import a module, and forget its handlers afterwards."""
    before = dict(HANDLER_REGISTRY)
    sys.modules.pop(module, None)
    try:
        import_module(module)
        yield
    finally:
        HANDLER_REGISTRY.clear()
        HANDLER_REGISTRY.update(before)
