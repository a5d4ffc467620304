"""Checks values by schemas, one line of JSON in, one out: `python -m workers.simulator.schema_process`.

A process of its own, for what would hold up an event loop; whoever has started it ends it when it takes too
long. A line in: {"schema", "value", "what"}. A line out: the problems found.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import asdict

import orjson

from orchestrator.documents import exact_json
from orchestrator.documents.json_schema import APART, judge
from orchestrator.errors import Problem

#: Listing the problems of a large value copies it once for each.
MEMORY_BYTES = 1024 * 1024 * 1024


def answer(line: bytes) -> bytes:
    """Answer one question."""
    asked = exact_json.loads(line)
    what = asked["what"]
    try:
        found = judge(asked["schema"], asked["value"], what, APART).problems
    except MemoryError:
        found = (Problem(what, "too_complex", f"the schema asks for too many checks of this {what}"),)
    return orjson.dumps([asdict(problem) for problem in found])


def _limit_memory(most_bytes: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))


def main(read_line: Callable[[], bytes], write: Callable[[bytes], object]) -> None:
    """Answer line after line until the input ends."""
    _limit_memory(MEMORY_BYTES)
    while line := read_line():
        write(answer(line) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer.readline, sys.stdout.buffer.write)
