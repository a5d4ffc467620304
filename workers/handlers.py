"""The catalogue: importing it fills the register with the built-in handlers."""

from __future__ import annotations

from headrace.registration import HANDLER_REGISTRY
from workers.library import basic, container, control, emit, http, llm, notify, sub_workflow, text, waits
from workers.registry import Catalogue, get_handler, names

#: The modules whose import registers the built-in handlers.
BUILT_IN = (basic, http, llm, text, control, sub_workflow, waits, emit, notify, container)

__all__ = ["BUILT_IN", "HANDLER_REGISTRY", "Catalogue", "get_handler", "names"]
