"""Medians over rounds, ratios within a round, and the table that says what holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.probe import UNUSABLE
from benchmarks.samples import median
from benchmarks.targets import Target


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one system did on one workload in one round."""

    round: int
    workload: str
    system: str
    figures: dict[str, float]
    #: The larger of the contention before and after, 1.0 when quiet.
    contention: float

    @property
    def is_usable(self) -> bool:
        return self.contention <= UNUSABLE


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target and what a run says of it."""

    target: Target
    #: One for each usable round.
    values: tuple[float, ...]

    @property
    def value(self) -> float | None:
        """The median; None when nothing usable was measured."""
        return median(self.values) if self.values else None

    @property
    def rounds(self) -> int:
        return len(self.values)

    @property
    def spread(self) -> str:
        """Lowest and highest round. A bound that lies between them is neither kept nor broken for certain."""
        return f"{_number(min(self.values))} – {_number(max(self.values))}" if self.values else "–"

    @property
    def word(self) -> str:
        if self.value is None:
            return "not measured"
        return "holds" if self.target.holds(self.value) else "MISSED"


def judge(targets: Iterable[Target], measurements: Sequence[Measurement]) -> list[Verdict]:
    """Compare with each target the median of its values, one for each usable round."""
    return [Verdict(target, tuple(round_values(target, measurements))) for target in targets]


def round_values(target: Target, measurements: Sequence[Measurement]) -> list[float]:
    """List the figure, or its ratio to the other system's, of every round where all it needs was usable."""
    ours = _by_round(target.workload, target.system, target.figure, measurements)
    if target.against is None:
        return list(ours.values())
    theirs = _by_round(target.workload, target.against, target.figure, measurements)
    # Never the ratio of two medians: the machine may have been twice as fast in the round of one.
    return [ours[number] / theirs[number] for number in sorted(ours.keys() & theirs.keys())]


def _by_round(
    workload: str, system: str, figure: str, measurements: Sequence[Measurement]
) -> dict[int, float]:
    return {
        item.round: item.figures[figure]
        for item in measurements
        if item.workload == workload and item.system == system and item.is_usable and figure in item.figures
    }


def target_table(verdicts: Sequence[Verdict]) -> str:
    """Render the promises, one line each."""
    rows = [
        (
            verdict.target.workload,
            verdict.target.system,
            verdict.target.figure,
            _number(verdict.value) + ("×" if verdict.target.against and verdict.value is not None else ""),
            verdict.spread,
            str(verdict.target),
            verdict.word,
            str(verdict.rounds),
        )
        for verdict in verdicts
    ]
    return markdown(
        ("", "system", "figure", "median", "rounds from – to", "target", "verdict", "usable rounds"), rows
    )


def figure_table(measurements: Sequence[Measurement]) -> str:
    """Render the median of every figure, a column for each system."""
    systems = list(dict.fromkeys(sorted(item.system for item in measurements)))
    cells: dict[tuple[str, str], dict[str, list[float]]] = {}
    for item in sorted(measurements, key=lambda item: item.workload):
        for figure, value in item.figures.items():
            samples = cells.setdefault((item.workload, figure), {})
            if item.is_usable:
                samples.setdefault(item.system, []).append(value)
    rows = [
        (
            workload,
            figure,
            *(_number(median(samples[system]) if system in samples else None) for system in systems),
        )
        for (workload, figure), samples in cells.items()
    ]
    return markdown(("", "figure", *systems), rows)


def unusable_note(measurements: Sequence[Measurement]) -> str:
    """Say how much was left out, and why."""
    left_out = [item for item in measurements if not item.is_usable]
    if not left_out:
        return f"All {len(measurements)} measurements were usable (contention ≤ {UNUSABLE})."
    return (
        f"{len(left_out)} of {len(measurements)} measurements left out: contention above {UNUSABLE} "
        f"(worst {max(item.contention for item in left_out):.1f})."
    )


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Render a table whose columns also line up in a terminal."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join((line(header), rule, *(line(row) for row in rows)))


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 1 else f"{value:.3f}"
