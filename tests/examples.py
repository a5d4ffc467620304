"""How many examples a property test tries."""

from __future__ import annotations

import os


def examples(count: int) -> int:
    """Give `count`, which is for a few seconds, or ten times as many in `./headrace test --long`."""
    return 10 * count if os.environ.get("HEADRACE_LONG") else count
