"""Documented contracts of other systems, each a folder of thin adapters over the one engine.

A folder has `router` (the calls, or what gathers them), `schemas` (what they take and give), `lowering`
(their documents to our definitions) and `rendering` (our views and events to theirs); the last two speak no
HTTP. None knows another, none knows the store, and none has logic that the engine lacks. Without the folder
and the row of one the others are as before.
"""

from importlib import import_module

from api.dialects.dialect import Dialect

#: A row for each, which is the name of its folder.
_NAMES = (
    "jobs",
    "yaml_runs",
    "automation",
    "workflow_server",
)

DIALECTS: tuple[Dialect, ...] = tuple(import_module(f"{__name__}.{name}").DIALECT for name in _NAMES)
