"""Print a fan-out of any width as a workflow: python examples/wide.py 50 | ./headrace run -"""

from __future__ import annotations

import json
import sys


def wide(width: int) -> dict[str, object]:
    """One node, `width` nodes after it, and one that waits for all of them."""
    middle = [f"part_{number:0{len(str(width))}}" for number in range(1, width + 1)]
    nodes = [
        {"id": "start", "handler": "noop", "dependencies": []},
        *({"id": part, "handler": "noop", "dependencies": ["start"]} for part in middle),
        {"id": "end", "handler": "noop", "dependencies": middle},
    ]
    return {"name": f"wide-{width}", "dag": {"nodes": nodes}}


if __name__ == "__main__":
    print(json.dumps(wide(int(sys.argv[1]) if len(sys.argv) > 1 else 50), indent=1))
