"""The files of the page, kept in memory: each with its tag, its compressed form and what it imports."""

from __future__ import annotations

import errno
import gzip
import hashlib
import posixpath
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: What is served, by the end of its name; all else in the directory is not.
MEDIA_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
#: Compressed, what is shorter than this is hardly shorter and may be longer.
LEAST_COMPRESSED_BYTES = 200

#: Neither a hidden file nor a way out of the directory has such a name.
_is_name = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9_.-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*").fullmatch
#: There is none of that name, or none any more.
_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
#: Static imports and re-exports of our own modules, which are relative.
_IMPORT = re.compile(
    r"""^\s*(?:import|export)\b(?:[^"'();]*?\bfrom\s*)?\s*["'](\.[^"']+)["']""", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Content:
    """What is served under one name.

    tag      of its bytes as they are in the file.
    zipped   the compressed form; None where it would not be shorter.
    imports  the modules that it imports at once, as names of files.
    """

    body: bytes
    media_type: str
    tag: str
    zipped: bytes | None
    imports: tuple[str, ...] = ()


@dataclass(slots=True)
class Files:
    """The files below a directory. One that has changed there is read again, so that no restart is needed."""

    directory: Path
    _kept: dict[str, tuple[tuple[int, int], Content]] = field(default_factory=dict)

    def find(self, name: str) -> Content | None:
        """Give a file by its path below the directory; None for what is not served."""
        suffix = posixpath.splitext(name)[1]
        if suffix not in MEDIA_TYPES or _is_name(name) is None:
            return None
        path = self.directory / name
        try:
            state = path.stat()
            version = (state.st_mtime_ns, state.st_size)
            # First: to resolve the path of each module would take most of the time of the shell.
            if name in self._kept and self._kept[name][0] == version:
                return self._kept[name][1]
            if not path.resolve().is_relative_to(self.directory.resolve()) or not path.is_file():
                return None
            content = content_of(path.read_bytes(), suffix, name)
        except OSError as error:
            if error.errno not in _NO_FILE:
                raise
            return None
        self._kept[name] = (version, content)
        return content

    def modules_of(self, name: str) -> tuple[str, ...]:
        """Give a module and all that it imports, directly and indirectly, each once; nearest first."""
        found: list[str] = []
        known, waiting = {name}, deque([name])
        while waiting:
            content = self.find(each := waiting.popleft())
            if content is None:
                continue
            found.append(each)
            new = [module for module in content.imports if module not in known]
            known.update(new)
            waiting += new
        return tuple(found)


def content_of(body: bytes, suffix: str, name: str = "") -> Content:
    """Make what is served of the bytes of a file, compressed once for all who ask."""
    zipped = gzip.compress(body, 9, mtime=0) if len(body) >= LEAST_COMPRESSED_BYTES else None
    return Content(
        body=body,
        media_type=MEDIA_TYPES[suffix],
        tag=hashlib.sha256(body).hexdigest()[:32],
        zipped=zipped if zipped is not None and len(zipped) < len(body) else None,
        imports=tuple(_imports(body, name)) if suffix == ".js" else (),
    )


def _imports(body: bytes, name: str) -> Iterator[str]:
    folder = posixpath.dirname(name)
    for found in _IMPORT.finditer(body.decode("utf-8", "replace")):
        yield posixpath.normpath(posixpath.join(folder, found[1]))
