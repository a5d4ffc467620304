"""Measures whether other processes use the processors meanwhile."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

#: A round whose spin takes this many times its own CPU time says nothing.
UNUSABLE = 1.5

_SPIN_S = 0.03
_SPIN = f"""
import time
wall, cpu = time.perf_counter(), time.process_time()
while time.process_time() - cpu < {_SPIN_S}:
    pass
print((time.perf_counter() - wall) / (time.process_time() - cpu))
"""


def contention() -> float:
    """Spin on every processor at once; the worst wall time per CPU time, 1.0 on a quiet machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    command = [sys.executable, "-I", "-S", "-c", _SPIN]
    spins = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(cores)]
    return max(float(spin.communicate()[0]) for spin in spins)


async def await_quiet(patience_s: float) -> float:
    """Wait until the machine is quiet, at most so long; returns the last contention seen."""
    until = time.monotonic() + patience_s
    seen = contention()
    while seen > UNUSABLE and time.monotonic() < until:
        await asyncio.sleep(0.5)
        seen = contention()
    return seen
