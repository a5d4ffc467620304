"""Registers the workflow files of a directory, as every API process does when it starts.

A file is read by the first reader that knows its shape. One that was read before changes nothing, whatever
has become of its workflow since; a bad one is one line of the log, and the rest goes on. Processes that start
together do the same, and the registry makes one workflow of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from orchestrator.definitions.registry import SOURCE_BYTES, Source, hash_of, name_of
from orchestrator.documents import strict_json
from orchestrator.documents.limits import Limits
from orchestrator.documents.problems import no_workflow
from orchestrator.documents.yaml import Locate, load_yaml, located
from orchestrator.errors import DefinitionInvalid, HeadraceError, Problem, ProblemsFound
from orchestrator.operations.workflows import Workflows
from orchestrator.store.script_client import STORE_OUTAGES, UNREACHABLE

log = logging.getLogger("headrace.workflows")

#: Media types by the ending of a file's name.
MEDIA_TYPES = {".yaml": "application/yaml", ".yml": "application/yaml", ".json": "application/json"}
#: Problems of one file that its line of the log names.
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Readable:
    """What a reader makes of a document: the title of the workflow, its definition, and labels for it.

    in_words  gives a problem of the definition as one of the document.
    """

    title: str
    definition: dict[str, Any]
    labels: Mapping[str, str] | None = None
    in_words: Callable[[Problem], Problem] | None = None


class Reader(Protocol):
    """Knows one shape of documents. shape: what it looks for, in words."""

    shape: str

    def recognises(self, document: dict[str, Any]) -> bool:
        """Say whether a document has this shape."""
        ...

    def read(self, document: dict[str, Any]) -> Readable:
        """Make a definition of it. Raises DefinitionInvalid."""
        ...


class NativeReader:
    """Reads definitions as the API takes them."""

    shape = "an object with 'nodes' or 'dag'"

    def recognises(self, document: dict[str, Any]) -> bool:
        """Say whether a document has nodes."""
        return "nodes" in document or "dag" in document

    def read(self, document: dict[str, Any]) -> Readable:
        """Give the document as it is; the engine says what is wrong with it."""
        title = document.get("name")
        return Readable(title if isinstance(title, str) else "", document)


READERS: tuple[Reader, ...] = (NativeReader(),)


async def register_files(
    directory: Path, workflows: Workflows, *, limits: Limits, readers: Sequence[Reader] = READERS
) -> dict[str, int]:
    """Register the files of a directory; gives how many were created, updated, unchanged and refused.

    While the store cannot be reached, a file is tried again.
    """
    counts: Counter[str] = Counter()
    files: dict[str, Path] = {}
    for path in await asyncio.to_thread(_files, directory):
        try:
            outcome = await _register(path, files, workflows, limits, readers)
        except (HeadraceError, OSError) as error:
            outcome = "refused"
            log.error("workflow_file.refused", extra={"file": str(path), "error": in_words_of(error)})
        counts[outcome] += 1
    if counts:
        log.info("workflow_files.registered", extra={"directory": str(directory), "files": dict(counts)})
    return dict(counts)


async def _register(
    path: Path, files: dict[str, Path], workflows: Workflows, limits: Limits, readers: Sequence[Reader]
) -> str:
    """Register one file. files: those read so far, by the name of their workflow."""
    source = await asyncio.to_thread(_source, path)
    document, locate = await asyncio.to_thread(_document, source, limits)
    in_words: Callable[[Problem], Problem] | None = None
    try:
        readable = _reader_of(document, readers).read(document)
        in_words = readable.in_words
        name = name_of(readable.title) or name_of(path.stem)
        if not name:
            message = "neither the title nor the file has letters of ASCII or digits to make a name of"
            raise ProblemsFound([Problem("name", "bad_value", message)])
        if (other := files.setdefault(name, path)) != path:
            message = f"{other.name} has the name {name!r} already; give this workflow another title"
            raise ProblemsFound([Problem("name", "taken", message)])
        return await _put(workflows, name, readable, source)
    except ProblemsFound as error:
        problems = list(map(in_words, error.problems)) if in_words else error.problems
        raise ProblemsFound(located(problems, locate) if locate else problems) from error


async def _put(workflows: Workflows, name: str, readable: Readable, source: Source) -> str:
    tries = 0
    while True:
        try:
            done = await workflows.put(
                name, readable.definition, source, labels=readable.labels, file=hash_of(source.text)
            )
            return done.outcome
        except STORE_OUTAGES as error:
            tries += 1
            log.warning("workflow_files.waiting", extra={"error": str(error)})
            await asyncio.sleep(UNREACHABLE.pause_s(tries))


def _files(directory: Path) -> list[Path]:
    """The files of a directory that may hold workflows, by name; none of one that is not there.

    What begins with a dot is none, and neither is `order.stubs.yaml`, the stubs of a workflow beside it.
    """
    if not directory.is_dir():
        return []
    found = (path for path in directory.iterdir() if path.suffix.lower() in MEDIA_TYPES)
    return sorted(path for path in found if path.is_file() and not _is_left_out(path))


def _is_left_out(path: Path) -> bool:
    return path.name.startswith(".") or path.stem.endswith(".stubs")


def _source(path: Path) -> Source:
    """Read a file. Raises OSError, ProblemsFound."""
    with path.open("rb") as file:
        text = file.read(SOURCE_BYTES + 1)
    if len(text) > SOURCE_BYTES:
        message = f"the file is larger than the {SOURCE_BYTES:,} bytes allowed"
        raise ProblemsFound([Problem("", "too_large", message, kind="size")])
    return Source(text, MEDIA_TYPES[path.suffix.lower()])


def _document(source: Source, limits: Limits) -> tuple[Any, Locate | None]:
    """Parse a document; of YAML the places are known. Raises DefinitionInvalid."""
    if source.media_type == MEDIA_TYPES[".json"]:
        return strict_json.parse(source.text, max_depth=limits.max_depth), None
    return load_yaml(source.text, limits=limits)


def _reader_of(document: Any, readers: Sequence[Reader]) -> Reader:
    """Find who knows the shape of a document. Raises DefinitionInvalid."""
    if not isinstance(document, dict):
        message = no_workflow(document)
        raise DefinitionInvalid([Problem("", "wrong_type", message)])
    for reader in readers:
        if reader.recognises(document):
            return reader
    shapes = "; ".join(reader.shape for reader in readers)
    raise DefinitionInvalid([Problem("", "unknown_shape", f"this is no workflow; known shapes: {shapes}")])


def in_words_of(error: Exception) -> str:
    """Write why a document was refused on one line, with its first problems."""
    return "; ".join(_parts(error))


def _parts(error: Exception) -> Iterator[str]:
    if not isinstance(error, ProblemsFound):
        yield str(error)
        return
    yield from map(str, error.problems[:MOST_NAMED])
    if (rest := len(error.problems) - MOST_NAMED) > 0:
        yield f"and {rest} more"
