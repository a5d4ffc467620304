"""Runs the rounds: every system of a workload in random order, on a machine that is probed."""

from __future__ import annotations

import random
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks import costs, crowds, tasks, workloads
from benchmarks.probe import await_quiet, contention
from benchmarks.report import Measurement
from benchmarks.stacks import SYSTEMS, Stack
from benchmarks.workloads import Figures


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload and the systems it makes sense for."""

    measure: Callable[[Stack], Awaitable[Figures]]
    systems: tuple[str, ...]


_BOTH = ("HTTP floor", "engine")
WORKLOADS: dict[str, Workload] = {
    "W1": Workload(workloads.measure_chain, ("floor B", *_BOTH, "engine, no orchestrator")),
    "W2": Workload(workloads.measure_fan, ("floor B", *_BOTH)),
    "W3": Workload(workloads.measure_diamonds, ("floor B", *_BOTH, "engine, keys")),
    "W3 in one call": Workload(workloads.measure_launches, _BOTH),
    "W3 by name": Workload(workloads.measure_named, ("engine",)),
    "W4": Workload(workloads.measure_idle, _BOTH),
    "W5": Workload(workloads.measure_growth, _BOTH),
    "W6": Workload(crowds.measure_active, ("engine",)),
    "W7": Workload(crowds.measure_watchers, ("engine",)),
    "W8": Workload(costs.measure_costs, ("engine",)),
    "W9": Workload(tasks.measure_tasks, ("engine",)),
}
#: Compared with and without AOF when that is asked for.
AOF_WORKLOADS = ("W1", "W2", "W3", "W4")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    rounds: int
    only: frozenset[str]
    systems: frozenset[str]
    aof: bool
    #: How long to wait for a quiet machine before each measurement, seconds.
    patience_s: float
    #: How often a measurement spoilt by contention is repeated.
    repeats: int = 0
    seed: int | None = None

    def systems_of(self, name: str) -> list[str]:
        """List the systems of a workload that this plan runs."""
        names = list(WORKLOADS[name].systems)
        if self.aof and name in AOF_WORKLOADS:
            names.append("engine, AOF")
        return [system for system in names if not self.systems or system in self.systems]


async def run(plan: Plan) -> list[Measurement]:
    """Run all rounds. A system that fails a workload is reported and left out of that round."""
    order = random.Random(plan.seed)
    measurements: list[Measurement] = []
    for number in range(1, plan.rounds + 1):
        names = [name for name in WORKLOADS if not plan.only or name in plan.only]
        for name in order.sample(names, len(names)):
            systems = plan.systems_of(name)
            for system in order.sample(systems, len(systems)):
                measurements += await _measure_again(number, name, system, plan)
    return measurements


async def _measure_again(number: int, name: str, system: str, plan: Plan) -> list[Measurement]:
    """Measure until it is usable; the spoilt ones are kept, for the report to say how many there were."""
    made: list[Measurement] = []
    for _ in range(plan.repeats + 1):
        measurement = await _measure(number, name, system, plan.patience_s)
        if measurement is None:
            continue
        made.append(measurement)
        if measurement.is_usable:
            break
    return made


async def _measure(number: int, name: str, system: str, patience_s: float) -> Measurement | None:
    # A fresh stack each time: what an earlier workload left in Redis or in a cache must not favour a system.
    stack = SYSTEMS[system]()
    try:
        await stack.ready()
        await workloads.warm_up(stack)
        before = await await_quiet(patience_s)
        figures = await WORKLOADS[name].measure(stack)
        measurement = Measurement(number, name, system, figures, max(before, contention()))
    except Exception as error:
        _say(f"round {number}  {name:14}  {system:24}  FAILED: {type(error).__name__}: {error}")
        return None
    finally:
        stack.stop()
    _say(_progress(measurement))
    return measurement


def _progress(item: Measurement) -> str:
    figures: Sequence[str] = [f"{figure} {value:.3f}" for figure, value in item.figures.items()][:3]
    mark = "" if item.is_usable else "  (unusable)"
    head = f"round {item.round}  {item.workload:14}  {item.system:24}"
    return f"{head}  {', '.join(figures)}  contention {item.contention:.2f}{mark}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
