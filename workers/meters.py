"""The budgets of an attempt's paid calls, as handlers' clients ask for room in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from orchestrator.definitions.budgets import Usage


@dataclass(frozen=True, slots=True)
class Reservation:
    """Budget set aside for one call: its number within the attempt, the most it can use, on which day."""

    number: int
    tokens: int
    #: None: its price is not known.
    nanos: int | None
    day: str


class Meter(Protocol):
    """The budgets of an attempt's paid calls. Calls of one attempt are made one after the other."""

    async def reserve(self, *, tokens: int, usd: float | None) -> Reservation:
        """Set aside the most that a call can use; usd is None where its price is not known.

        Waits while other calls hold what they may give back. Raises Terminal (`BudgetExceeded`,
        `Llm.PriceUnknown`, or `LeaseLost` when the attempt has been replaced).
        """

    async def settle(self, reservation: Reservation, used: Usage | None) -> None:
        """Count what the call used, and give the rest back. None: its end is unknown, so all of it counts."""

    def settle_later(self, reservation: Reservation, used: Usage | None) -> None:
        """The same without waiting, for a call that was stopped."""


class NullMeter:
    """No budget and no accounts; for handlers run outside a worker."""

    async def reserve(self, *, tokens: int, usd: float | None) -> Reservation:
        return Reservation(1, tokens, 0, "")

    async def settle(self, reservation: Reservation, used: Usage | None) -> None:
        return None

    def settle_later(self, reservation: Reservation, used: Usage | None) -> None:
        return None
