"""Memory that stays, in the large pages of the processor.

A process that has loaded its modules works on some ten megabytes, spread over thousands of pages. Where
several processes take turns, the places of these pages are looked up anew at every turn. In pages of two
megabytes there are few to look up. See madvise(2).
"""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path

_SIZE = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
_MAPS = Path("/proc/self/maps")
#: Of <sys/mman.h>: what comes may have such pages; what is there is to have them now (since Linux 6.1).
_MADV_HUGEPAGE, _MADV_COLLAPSE = 14, 25
#: Private memory without a file that can be written: START-END, and the heap of C by its name.
_own_memory = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0 *(\[heap\])?$").match


def use_huge_pages() -> int:
    """Move what this process holds into large pages, where the kernel has them; gives the bytes of these.

    To be called once all is loaded. What is not in use within such a page is taken, too.
    """
    if sys.platform != "linux":
        return 0
    moved = 0
    try:
        page = int(_SIZE.read_text())
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for found in map(_own_memory, _MAPS.read_text().splitlines()):
            if found is None:
                continue
            first, last = int(found[1], 16), int(found[2], 16)
            begin, end = -(-first // page) * page, last // page * page
            if end > begin:
                madvise(begin, end - begin, _MADV_HUGEPAGE)
                moved += 0 if madvise(begin, end - begin, _MADV_COLLAPSE) else end - begin
    except (OSError, ValueError, AttributeError):
        # No such kernel, or no /proc: it works in small pages as before.
        pass
    return moved
