"""The verbs of calls to paid services: what a running attempt sets aside before one, and counts after it."""

from __future__ import annotations

from typing import Any

from orchestrator.budgets import Caps, Usage
from orchestrator.courier import Argument, Call
from orchestrator.replies import read_text, read_words
from orchestrator.verbs import Holding, Verbs, held


class BudgetVerbs(Verbs):
    """Reserve, and settle."""

    def reserve_budget(
        self, holding: Holding, *, number: int, tokens: int, nanos: int | None, tenant: Caps
    ) -> Call[list[Any]]:
        """Set aside the most that a call can use. Replies [word, …], see the script."""
        wanted: tuple[Argument, ...] = (number, tokens, "" if nanos is None else nanos)
        caps: tuple[Argument, ...] = tuple(
            "" if cap is None else cap for cap in (tenant.tokens, tenant.nanos)
        )
        arguments = (*held(holding), *wanted, *caps)
        return self._call("reserve_budget", holding.execution_id, arguments, read_words)

    def settle_budget(
        self, holding: Holding, *, number: int, held: tuple[int, int | None, str], used: Usage | None
    ) -> Call[str]:
        """Count what a call has used.

        held  tokens and nanos set aside (None: the price is not known), and the day that was.
        used  None counts all that was set aside: nobody saw the end of the call.
        """
        tokens, nanos, day = held
        counts: tuple[Argument, ...] = ("lost",)
        if used is not None:
            cost: Argument = "" if used.unpriced_calls else used.cost_nanos
            counts = (used.calls, used.input, used.output, used.cache_read, used.cache_write, cost)
        kept: tuple[Argument, ...] = (tokens, "" if nanos is None else nanos, day)
        arguments = (holding.node_id, holding.attempt, number, *kept, *counts)
        return self._call("settle_budget", holding.execution_id, arguments, read_text)
