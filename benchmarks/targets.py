"""The figures this project has promised itself, and whether a run keeps them."""

from __future__ import annotations

from dataclasses import dataclass

ENGINE = "engine"
HOP_FLOOR = "floor B"
HTTP_FLOOR = "HTTP floor"


@dataclass(frozen=True, slots=True)
class Target:
    """One promise: a figure of one system, alone or as a multiple of another's in the same round."""

    workload: str
    figure: str
    #: Most or least that is allowed; exactly one is set.
    at_most: float | None = None
    at_least: float | None = None
    #: The system whose figure divides; None compares the figure itself.
    against: str | None = None
    system: str = ENGINE

    def holds(self, value: float) -> bool:
        if self.at_most is not None:
            return value <= self.at_most
        return self.at_least is not None and value >= self.at_least

    def __str__(self) -> str:
        sign, bound = ("≤", self.at_most) if self.at_most is not None else ("≥", self.at_least)
        return f"{sign} {bound:g}× {self.against}" if self.against else f"{sign} {bound:g}"


TARGETS: tuple[Target, ...] = (
    Target("W1", "hop p50 ms", at_most=0.9, against=HOP_FLOOR),
    Target("W1", "hop p99 ms", at_most=1.5, against=HOP_FLOOR),
    Target("W1", "hop p50 ms", at_most=1.1, against=ENGINE, system="engine, no orchestrator"),
    Target("W2", "wall ms", at_most=2, against=HTTP_FLOOR),
    Target("W3", "executions/s", at_least=1, against=HTTP_FLOOR),
    Target("W3", "executions/s", at_least=1 / 1.05, against=ENGINE, system="engine, keys"),
    Target("W3 by name", "by name over with the document", at_most=1.1),
    Target("W4", "client ms", at_most=1.2, against=HTTP_FLOOR),
    Target("W5", "chain growth", at_most=1.1),
    Target("W5", "layered growth", at_most=1.1),
    Target("W5", "chain 10000 s", at_most=5),
    Target("W5", "layered 10000 s", at_most=3),
    Target("W6", "growth", at_most=1.1),
    Target("W7", "p99 over the bare loop", at_most=1.3),
    Target("W7", "1000 watchers kB each", at_most=60),
    Target("W9", "10 × fib(33) share inside tasks", at_least=0.997),
    Target("W1", "hop p50 ms", at_most=1.6, against=ENGINE, system="engine, AOF"),
    Target("W2", "wall ms", at_most=1.6, against=ENGINE, system="engine, AOF"),
    Target("W3", "executions/s", at_least=1 / 1.6, against=ENGINE, system="engine, AOF"),
    Target("W4", "client ms", at_most=1.6, against=ENGINE, system="engine, AOF"),
)
