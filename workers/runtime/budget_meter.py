"""Reserves the budget of an attempt's calls to paid services, and counts what they used."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field

from headrace import Terminal
from headrace.backoff import Backoff
from orchestrator.definitions.budgets import NANOS, Caps, Usage
from orchestrator.store.replies import Claim
from orchestrator.store.requests import AttemptToken
from orchestrator.store.transitions import Transitions
from workers.meters import Reservation

#: How long a call waits for others to give back what they hold and do not use.
PATIENCE_S = 300.0
#: Between two tries to reserve what other calls hold.
CROWDED = Backoff(first_s=0.1, most_s=1.0, factor=1.5, jitter=(0.5, 1.0))
_SCOPES = {
    "execution": "this execution",
    "definition": "all executions of this workflow today",
    "tenant": "this tenant today",
}


class MeterFactory:
    """Builds the budget meter of each attempt of a worker.

    tenant  what a tenant may use in a day.
    """

    def __init__(self, transitions: Transitions, tenant: Caps) -> None:
        self._transitions = transitions
        self._tenant = tenant
        self._background: set[asyncio.Task[None]] = set()

    def meter(self, claim: Claim) -> StoreMeter:
        token = AttemptToken(claim.execution_id, claim.node_id, claim.attempt, claim.nonce)
        return StoreMeter(self._transitions, token, self._tenant, self._background)


@dataclass(slots=True)
class StoreMeter:
    """The meter of one attempt; the accounts are kept beside its execution.

    background  holds the tasks that are not awaited.
    """

    transitions: Transitions
    token: AttemptToken
    tenant: Caps
    background: set[asyncio.Task[None]]
    patience_s: float = PATIENCE_S
    _number: int = field(default=0)

    async def reserve(self, *, tokens: int, usd: float | None) -> Reservation:
        self._number += 1
        nanos = None if usd is None else math.ceil(usd * NANOS)
        give_up_s, tries = time.monotonic() + self.patience_s, 0
        while True:
            reply = await self.transitions.reserve_budget(
                self.token, number=self._number, tokens=tokens, nanos=nanos, tenant=self.tenant
            )
            if reply[0] == "ok":
                return Reservation(self._number, tokens, nanos, reply[1])
            if reply[0] == "fenced":
                raise Terminal("this attempt has been replaced", type="LeaseLost")
            if reply[0] == "unpriced":
                raise Terminal(
                    f"the budget of {_SCOPES[reply[1]]} is in dollars, and the price of this model is not "
                    "known; LLM_PRICES may name a table that has it",
                    type="Llm.PriceUnknown",
                )
            if reply[0] == "exceeded" or time.monotonic() >= give_up_s:
                raise _exceeded(reply, tokens, nanos or 0)
            # What holds it are calls under way: their ends give most of it back.
            tries += 1
            await asyncio.sleep(CROWDED.pause_s(tries))

    async def settle(self, reservation: Reservation, used: Usage | None) -> None:
        held = (reservation.tokens, reservation.nanos, reservation.day)
        await self.transitions.settle_budget(self.token, number=reservation.number, held=held, used=used)

    def settle_later(self, reservation: Reservation, used: Usage | None) -> None:
        task = asyncio.create_task(self.settle(reservation, used))
        self.background.add(task)
        task.add_done_callback(self.background.discard)


def _exceeded(reply: list[str], tokens: int, nanos: int) -> Terminal:
    _, scope, kind, cap, used, held = reply
    counts = {"cap": int(cap), "used": int(used), "held_by_other_calls": int(held)}
    counts["needed"] = tokens if kind == "max_tokens" else nanos
    unit = NANOS if kind == "max_cost_usd" else 1
    shown = {name: count / unit if unit > 1 else count for name, count in counts.items()}
    text = ", ".join(f"{name.replace('_', ' ')} {amount}" for name, amount in shown.items())
    return Terminal(
        f"the budget of {_SCOPES[scope]} has no room for this call ({kind}: {text})",
        type="BudgetExceeded",
        details={"scope": scope, "limit": kind, **shown},
    )
