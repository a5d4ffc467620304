"""One memory-mapped file in which the handlers of every measured system stamp when they start.

Layout: a 4 KiB header (the number of writers that have joined), then one region per writer. A region is a
64-byte head (the number of records) followed by 64-byte records: CLOCK_MONOTONIC ns, execution id, node id.
Each process owns one region, so that writing needs no lock; the record is written before the count, so that a
reader never sees half of one.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

#: Environment variable that names the file, set by the driver for every process it starts.
STAMPS_VARIABLE = "BENCH_STAMPS"

WRITERS_MAX = 16
RECORDS_MAX = 131_072
_HEADER_BYTES = 4096
_RECORD = struct.Struct("<q40s16s")
_COUNT = struct.Struct("<q")
_REGION_BYTES = _RECORD.size * (RECORDS_MAX + 1)
_FILE_BYTES = _HEADER_BYTES + WRITERS_MAX * _REGION_BYTES


@dataclass(frozen=True, slots=True)
class Stamp:
    """One start of one handler; or its end, where the node's name is that of `end_of`."""

    execution_id: str
    node_id: str
    #: CLOCK_MONOTONIC of the machine, nanoseconds; comparable between processes.
    at_ns: int


class StampWriter:
    """Appends to the region of this process. Built on first use in each process, never shared between two."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            (joined,) = _COUNT.unpack(file.read(_COUNT.size))
            if joined >= WRITERS_MAX:
                raise RuntimeError(f"stamp file has {joined} writers already, at most {WRITERS_MAX}")
            file.seek(0)
            file.write(_COUNT.pack(joined + 1))
            file.flush()
            self._map = mmap.mmap(file.fileno(), _FILE_BYTES)
            # Closing the file would not do: the map holds a duplicate of its descriptor and so the lock.
            fcntl.flock(file, fcntl.LOCK_UN)
        self._start = _HEADER_BYTES + joined * _REGION_BYTES
        self._count = 0

    def write(self, execution_id: str, node_id: str) -> None:
        """Record that the handler of a node starts now."""
        at_ns = time.monotonic_ns()
        if self._count >= RECORDS_MAX:
            raise RuntimeError(f"stamp region is full: {RECORDS_MAX} records")
        offset = self._start + _RECORD.size * (self._count + 1)
        _RECORD.pack_into(self._map, offset, at_ns, execution_id.encode(), node_id.encode())
        self._count += 1
        _COUNT.pack_into(self._map, self._start, self._count)


class StampReader:
    """Reads what all writers stamped; creates the file, so it comes first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(descriptor, _FILE_BYTES)
            self._map = mmap.mmap(descriptor, _FILE_BYTES)
        finally:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._map.close()

    def counts(self) -> tuple[int, ...]:
        """Say how many records each region holds; the mark from which `since` reads."""
        offsets = (_HEADER_BYTES + writer * _REGION_BYTES for writer in range(WRITERS_MAX))
        return tuple(_COUNT.unpack_from(self._map, offset)[0] for offset in offsets)

    def total(self) -> int:
        return sum(self.counts())

    def since(self, mark: tuple[int, ...]) -> list[Stamp]:
        """Read the records written after the mark, in order of time."""
        stamps: list[Stamp] = []
        for writer, (first, last) in enumerate(zip(mark, self.counts(), strict=True)):
            start = _HEADER_BYTES + writer * _REGION_BYTES
            for index in range(first, last):
                at_ns, execution, node = _RECORD.unpack_from(self._map, start + _RECORD.size * (index + 1))
                stamps.append(Stamp(execution.rstrip(b"\0").decode(), node.rstrip(b"\0").decode(), at_ns))
        return sorted(stamps, key=lambda stamp: stamp.at_ns)


_writer: StampWriter | None = None


def end_of(node_id: str) -> str:
    """Name what a handler stamps when it ends; few do, and their start has the name of the node."""
    return f"{node_id}.end"


def stamp(execution_id: str, node_id: str) -> None:
    """Stamp from whatever process this is, into the file the driver named."""
    global _writer
    if _writer is None:
        _writer = StampWriter(Path(os.environ[STAMPS_VARIABLE]))
    _writer.write(execution_id, node_id)
