"""Calls to a language model, paid from the budgets of one attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clients.llm.prices import cost_usd, most_usd
from clients.llm.provider import SIMULATED, LlmError, LlmProvider, LlmRequest
from headrace.tools import LlmReply, LlmUsage, OnText
from orchestrator.definitions.budgets import NANOS, Usage
from workers.meters import Meter


@dataclass(frozen=True, slots=True)
class MeteredLlm:
    """A provider whose calls reserve the most they can use, and settle for what they used.

    prices  the installation's price table; None for the one that comes along.
    """

    provider: LlmProvider
    meter: Meter
    prices: Mapping[str, Any] | None = None

    async def complete(self, request: LlmRequest, on_text: OnText) -> tuple[LlmReply, float | None]:
        """Make one call within the budgets. Gives the reply and its price; None where that is not known.

        However the call ends, what it used is counted. Raises LlmError, and what Meter.reserve raises.
        """
        model = self.provider.model_of(request)
        most_input = request.most_input_tokens()
        reservation = await self.meter.reserve(
            tokens=most_input + request.max_tokens, usd=self._most_usd(model, most_input, request)
        )
        try:
            reply = await self.provider.complete(request, on_text)
        except LlmError as error:
            # A call that may have been charged counts in full; one that was refused gives all of it back.
            await self.meter.settle(reservation, None if error.was_charged else Usage())
            raise
        except BaseException:
            # Stopped from outside. The text streamed is not all: the prompt is charged for, and what a model
            # thinks before it answers.
            self.meter.settle_later(reservation, None)
            raise
        # A server may answer by another name than the one it was asked by.
        price = self._price(reply.usage, (reply.model, model), request)
        await self.meter.settle(reservation, usage_of(reply.usage, price))
        return reply, price

    def _most_usd(self, model: str, most_input: int, request: LlmRequest) -> float | None:
        if model == SIMULATED:
            return 0.0
        return most_usd(model, input=most_input, output=request.max_tokens, prices=self.prices)

    def _price(self, usage: LlmUsage, models: tuple[str, ...], request: LlmRequest) -> float | None:
        """Price a call by the first of these names that has a price."""
        for model in models:
            if model == SIMULATED:
                return 0.0
            price = cost_usd(model, usage, cache_ttl=request.cache_ttl or "5m", prices=self.prices)
            if price is not None:
                return price
        return None


def usage_of(used: LlmUsage, price: float | None) -> Usage:
    """Give one call as the accounts count it; one that used nothing counts as no call."""
    if used == LlmUsage():
        return Usage()
    return Usage(
        calls=1,
        unpriced_calls=1 if price is None else 0,
        input=used.input,
        output=used.output,
        cache_read=used.cache_read,
        cache_write=used.cache_write,
        cost_nanos=round((price or 0.0) * NANOS),
    )
