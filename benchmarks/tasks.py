"""W9: tasks that compute: how much of the time passes inside them, and what the engine adds to each."""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks import dags
from benchmarks.door import Door
from benchmarks.samples import median
from benchmarks.stacks import Stack
from benchmarks.stamps import Stamp, end_of
from benchmarks.workloads import Figures, await_completed, await_stamps

#: (tasks, n of fib(n), repeats). The short ones come first: they warm up what runs sync handlers.
_CHAINS = ((40, 10, 20), (10, 33, 1))


async def measure_tasks(stack: Stack) -> Figures:
    """W9: a chain of 40 that each compute fib(10), and of 10 that each compute fib(33), by plain recursion.

    The total is from before the trigger to the end of the last task; the submission is not part of it.
    """
    door = await stack.door()
    await _run(stack, door, dags.fibonacci(*_CHAINS[0][:2]))
    figures: Figures = {}
    for length, n, repeats in _CHAINS:
        runs = [await _run(stack, door, dags.fibonacci(length, n)) for _ in range(repeats)]
        for figure in runs[0]:
            figures[f"{length} × fib({n}) {figure}"] = median([each[figure] for each in runs])
    await door.close()
    return figures


async def _run(stack: Stack, door: Door, document: dags.Document) -> Figures:
    execution_id = await door.submit(document)
    mark = stack.stamps.counts()
    started_ns = time.monotonic_ns()
    await door.trigger(execution_id)
    # Two of each task: its start and its end.
    stamps = await await_stamps(stack, mark, 2 * dags.size(document))
    await await_completed(door, execution_id)
    return overhead(stamps, started_ns)


def overhead(stamps: Sequence[Stamp], started_ns: int) -> Figures:
    """Compare the time inside tasks that ran one after the other with that from the trigger to the last end.

    stamps      start and end of every task, in order of time.
    started_ns  CLOCK_MONOTONIC just before the trigger.
    """
    at_ns = {stamp.node_id: stamp.at_ns for stamp in stamps}
    ends = {node_id: at_ns[end_of(node_id)] for node_id in at_ns if end_of(node_id) in at_ns}
    inside_ns = sum(end_ns - at_ns[node_id] for node_id, end_ns in ends.items())
    total_ns = stamps[-1].at_ns - started_ns
    return {
        "share inside tasks": inside_ns / total_ns,
        "overhead ms/task": (total_ns - inside_ns) / 1e6 / len(ends),
        "total ms": total_ns / 1e6,
    }
