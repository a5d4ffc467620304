"""Loads the modules of an installation, and describes the handlers they declare."""

from __future__ import annotations

import gc
import importlib
import inspect
import os
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from headrace._huge_pages import use_huge_pages
from headrace._shapes import shape_of
from headrace.plain_json import as_json
from headrace.registration import HANDLER_REGISTRY, HandlerSpec

#: The engine's own modules, which lie beside each other in its folder.
ENGINE = frozenset(
    {
        *("api", "cli", "clients", "orchestrator", "workers"),
        *("config", "env_file", "logs", "main", "sdk_path", "tenant_settings", "validation", "wiring"),
    }
)
_HINT = "handlers import from headrace: `from headrace import Context, handler`"
_HERE = str(Path(__file__).resolve().parent)


class Refused(Exception):
    """A module that does not load: {module, error_type, message, hint, traceback, files}."""

    def __init__(self, fields: dict[str, Any]) -> None:
        super().__init__(fields["message"])
        self.fields = fields


class EngineModules:
    """Finds modules that are named like ones of the engine among the user's own, and never the engine's.

    root  the engine's folder, which may be among those of the user.
    """

    def __init__(self, root: str) -> None:
        self._root = root

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        if name not in ENGINE:
            return None
        others = [folder for folder in sys.path if os.path.realpath(folder or os.curdir) != self._root]
        if (found := PathFinder.find_spec(name, others, target)) is not None:
            return found
        raise ModuleNotFoundError(f"No module named {name!r}; {_HINT}", name=name)


def load(modules: Sequence[str], folders: Sequence[str]) -> dict[str, Any]:
    """Import the modules and describe their handlers: {handlers: […], files: […]}. Raises Refused."""
    began_ns = time.time_ns()
    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException as error:
            raise Refused(_refusal(module, error, folders, began_ns)) from error
    cards: list[dict[str, Any]] = []
    for spec in {spec.name: spec for spec in HANDLER_REGISTRY.values()}.values():
        try:
            cards.append(_card(spec))
        except Exception as error:
            raise Refused(_refusal(spec.function.__module__, error, folders, began_ns)) from error
    # What is loaded stays: each later collection that scanned it would hold up all that runs.
    gc.collect()
    gc.freeze()
    use_huge_pages()
    return {"handlers": cards, "files": _stamped(_files(folders), began_ns)}


def _refusal(module: str, error: BaseException, folders: Sequence[str], began_ns: int) -> dict[str, Any]:
    text = "".join(traceback.format_exception(type(error), error, _users(error)))
    files = set(_files(folders))
    if isinstance(error, SyntaxError) and error.filename:
        files.add(error.filename)
    for frame in traceback.extract_tb(error.__traceback__):
        if _is_within(frame.filename, folders):
            files.add(frame.filename)
    return {
        "module": module,
        "error_type": type(error).__name__,
        "message": f"cannot load handler module '{module}' (HANDLERS): {type(error).__name__}: {error}",
        "hint": _hint(error, folders),
        # What has no place in the user's code says no more than the message.
        "traceback": text if len(text.splitlines()) > 1 else "",
        "files": _stamped(files, began_ns),
    }


def _hint(error: BaseException, folders: Sequence[str]) -> str:
    """Say what makes a module that was not found one that is; "" where something else is wrong."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    if error.name in ENGINE:
        return _HINT
    where = ", ".join(folders)
    return (
        f"it is neither in {where} (HANDLER_PATH names other folders) nor installed for {sys.executable}: "
        "install it there, or name the interpreter of your virtual environment in HANDLER_PYTHON"
    )


def _users(error: BaseException) -> Any:
    """Give the traceback from the user's first frame on."""
    at = error.__traceback__
    while at is not None:
        name = at.tb_frame.f_code.co_filename
        if not name.startswith((_HERE, "<frozen importlib")) and Path(name).parent.name != "importlib":
            return at
        at = at.tb_next
    return None


def _card(spec: HandlerSpec) -> dict[str, Any]:
    function = inspect.unwrap(spec.function)
    code = getattr(function, "__code__", None)
    model = spec.config_model
    return {
        "name": spec.name,
        "aliases": list(spec.aliases),
        "is_async": spec.is_async,
        "description": spec.description,
        "config_schema": _schema(spec),
        "shape": None if model is None else shape_of(model),
        "retry": None if spec.retry is None else dict(spec.retry),
        "secrets": list(spec.secrets),
        "is_durable": spec.is_durable,
        "workflow": _workflow(spec),
        "module": function.__module__,
        "line": code.co_firstlineno if code is not None else 0,
    }


def _workflow(spec: HandlerSpec) -> dict[str, Any] | None:
    """Give the workflow that a handler brings, as it is sent. Raises TypeError where that is no document."""
    if spec.workflow is None:
        return None
    try:
        # In the text of all cards it is two levels deeper.
        document: Any = as_json(spec.workflow, "workflow", depth=2)
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"the workflow of handler {spec.name!r} is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise TypeError(f"the workflow of handler {spec.name!r} must be an object: {{name, nodes, …}}")
    return document


def _schema(spec: HandlerSpec) -> dict[str, Any] | None:
    try:
        return spec.config_schema
    except Exception:
        return None  # Not every type of pydantic can be described; it is checked all the same.


def _stamped(files: Iterable[str], began_ns: int) -> list[tuple[str, int, int]]:
    """Name files with time of change and size, as they were loaded."""
    found = []
    for name in sorted(files):
        try:
            state = os.stat(name)
        except OSError:
            continue
        # Of one that was written meanwhile it is not known what was loaded: it is to be loaded again.
        is_known = state.st_mtime_ns < began_ns
        found.append((name, state.st_mtime_ns if is_known else 0, state.st_size))
    return found


def _files(folders: Sequence[str]) -> list[str]:
    """Files of the user's own that were loaded: a change of one of them is a new version of the handlers."""
    found = set()
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if name and _is_within(name, folders) and "site-packages" not in name:
            found.add(name)
    return sorted(found)


def _is_within(name: str, folders: Sequence[str]) -> bool:
    """Whether a file is the user's own, in one of these folders. This package may lie there too."""
    is_within = any(name.startswith(os.path.join(folder, "")) for folder in folders)
    return is_within and not name.startswith(os.path.join(_HERE, ""))
