"""Handlers of the LlamaIndex workflows of a file: a worker that names this module in HANDLERS runs them.

The file is named by WORKFLOW_SERVER_FILE, and has a `WorkflowServer` in it. WORKFLOW_SERVER_PICKLE=true lets
its workflows be kept with pickle, which trusts whoever can write to Redis.
"""

from __future__ import annotations

import os
from pathlib import Path

try:
    import workflows.runtime.types.ticks  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "llama-index-workflows is not installed here: pip install 'llama-index-workflows>=2.26,<3'",
        name=error.name,
    ) from None

from headrace.llama.handlers import register
from headrace.llama.loading import load_server
from headrace.llama.runtime import JournaledRuntime

_file = os.environ.get("WORKFLOW_SERVER_FILE", "")
if not _file:
    raise ImportError("WORKFLOW_SERVER_FILE names no file: it is the path of the file with the workflows")
_runtime = JournaledRuntime()
_server = load_server(Path(_file), _runtime)
register(
    _server,
    _runtime,
    may_pickle=os.environ.get("WORKFLOW_SERVER_PICKLE", "").lower() in ("1", "true", "yes", "on"),
)
