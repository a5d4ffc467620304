"""How work grows with its size, as a ratio within one run: times alone say more of the machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def growth(work: Callable[[Any], object], small: Any, large: Any) -> float:
    """How many times longer `large` takes than `small`, each at its best of three."""
    return _best(work, large) / _best(work, small)


def _best(work: Callable[[Any], object], size: Any) -> float:
    times = []
    for _ in range(3):
        started = time.process_time()
        work(size)
        times.append(time.process_time() - started)
    return max(min(times), 1e-6)
