"""Loads a file that has a `WorkflowServer` in it."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from workflows.runtime.types.plugin import Runtime

from headrace.llama.server import KeptElsewhere, WorkflowServer

#: Modules that the library's server is imported from.
_SERVER_MODULES = ("workflows.server", "llama_agents.server")
#: What else is imported from there.
_STORES = (
    "AbstractWorkflowStore",
    "AgentDataStore",
    "HandlerQuery",
    "MemoryWorkflowStore",
    "PersistentHandler",
    "PostgresWorkflowStore",
    "SqliteWorkflowStore",
)


def load_server(path: Path, runtime: Runtime) -> WorkflowServer:
    """Import a file, and give the first server in it.

    Its module is found under its name later on: what is kept of a run names its classes.
    runtime: of all workflows that the file makes.
    Raises ImportError for a file that cannot be one, and whatever the file raises.
    """
    name = path.stem
    if not path.is_file():
        raise ImportError(f"there is no file {path}", path=str(path))
    if path.suffix != ".py":
        raise ImportError(f"{path} is no file of Python: its name must end with .py", path=str(path))
    if name in sys.stdlib_module_names or name in sys.modules:
        raise ImportError(f"{path.name} has the name of the module {name!r}: give it another", path=str(path))
    _offer_server()
    loader = SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with runtime.registering():
        loader.exec_module(module)
    servers = [each for each in vars(module).values() if isinstance(each, WorkflowServer)]
    if not servers:
        raise ImportError(
            f"{path} has no WorkflowServer: it needs a variable such as `server = WorkflowServer()` (from "
            "llama_agents.server), and `server.add_workflow(name, workflow)`",
            path=str(path),
        )
    if not servers[0].served:
        raise ImportError(
            f"the WorkflowServer of {path} has no workflow: add one by `server.add_workflow(name, workflow)`",
            path=str(path),
        )
    return servers[0]


def _offer_server() -> None:
    """Let the file import our server from where it imports the library's."""
    for name in _SERVER_MODULES:
        module = ModuleType(name, "Workflow servers; see headrace.llama.server.")
        module.__dict__["WorkflowServer"] = WorkflowServer
        module.__dict__.update(dict.fromkeys(_STORES, KeptElsewhere))
        sys.modules[name] = module
        parent, _, child = name.partition(".")
        if (found := sys.modules.get(parent)) is not None:
            setattr(found, child, module)
    # Where the library brings no such package the file may still import from it.
    if "llama_agents" not in sys.modules and importlib.util.find_spec("llama_agents") is None:
        package = ModuleType("llama_agents")
        package.__path__ = []
        package.__dict__["server"] = sys.modules["llama_agents.server"]
        sys.modules["llama_agents"] = package
