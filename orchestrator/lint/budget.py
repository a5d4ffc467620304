"""What the lint may spend on one definition, so that the largest is judged within seconds."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.documents.schema_costs import MAX_COMPILING


@dataclass(frozen=True, slots=True)
class LintBudget:
    """Bounds of the analysis. Where one is reached warnings may be missing; those given are still true."""

    #: Outcomes kept for one deciding node; with more, any of its branches may be taken.
    max_outcomes: int = 16
    #: Nodes whose outcomes are tracked, times edges of the graph: the size of all worlds together.
    tracking_work: int = 2_000_000
    #: Nodes tracked in the smallest graph, and in the largest, counted for nodes of four outcomes.
    max_tracked_nodes: int = 1_024
    min_tracked_nodes: int = 64
    #: Rounds in which the dependencies of one node narrow each other's outcomes.
    narrowing_rounds: int = 3
    #: Nodes visited in all searches upstream together.
    upstream_visits: int = 100_000
    #: Runs tried for one witness, and nodes visited in all of them together.
    witness_runs: int = 64
    witness_visits: int = 50_000
    #: Nodes of a definition whose output is judged; the output depends on all of them.
    output_nodes: int = 100
    #: Processor time for all expressions that read nothing together.
    constants_cpu_s: float = 1.0
    #: What compiling the schemas of all defaults may cost together, in units of `schema_costs`.
    schema_units: int = MAX_COMPILING
    #: Unknown words of schemas, and error types, that are compared with those that are known.
    compared_words: int = 500
    #: Dependencies of one join that are compared in pairs to explain why it never runs.
    compared_dependencies: int = 50


BUDGET = LintBudget()
