"""What a host notes in shared memory: it can be read while its loop is held up, and after it has died."""

from __future__ import annotations

import os
import tempfile
import time

from headrace._steps import SLOT


class Slot:
    """The memory of one host; `fd` is handed to it. Closed by its owner."""

    def __init__(self) -> None:
        self.fd = _shared_memory()

    def on_cpu(self) -> int:
        """The attempt whose code runs, by its number; 0 for none that is known."""
        return int(SLOT.unpack(os.pread(self.fd, SLOT.size, 0))[0])

    def silent_s(self) -> float:
        """How long the loop has not turned. A loop without attempts need not."""
        return time.monotonic() - float(SLOT.unpack(os.pread(self.fd, SLOT.size, 0))[1]) / 1e9

    def close(self) -> None:
        os.close(self.fd)


def _shared_memory() -> int:
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("headrace-slot")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, SLOT.size)
    return fd
