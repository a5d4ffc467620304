"""Senders of webhooks under stress: signed, sent again under the same id, without one, and forged."""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
from redis.exceptions import RedisError

from orchestrator.definitions.webhooks import WebhookRecord
from orchestrator.documents.signatures import Scheme, signed_headers
from orchestrator.engine import Idempotency
from orchestrator.errors import HeadraceError, SignatureInvalid
from orchestrator.operations.incoming import Incoming
from tests.chaos.history import Hook, Sent
from tests.chaos.receipts import REFUSED
from tests.chaos.tenancy import register
from tests.chaos.workload import work
from tests.dags import workflow

if TYPE_CHECKING:
    from tests.chaos.client import Client

#: Between the turns of all senders together.
PACE_S = 0.7
#: Orders that are delivered again later.
MOST_KNOWN = 10
SECRETS = tuple("whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2, 3))
FORGED = SECRETS[2]


@dataclass(frozen=True, slots=True)
class HookPlan:
    """One webhook of the load: the name of its workflow, whose it is, its secrets, what it starts."""

    name: str
    tenant: str
    scheme: Scheme
    secrets: tuple[str, ...]
    document: dict[str, Any]


def hook_plans(dice: Random, url: str) -> tuple[HookPlan, ...]:
    """What the webhooks are. The end of what the first one starts has another workflow started."""
    learns, started = {"url": f"{url}/told"}, {"workflow": "receipt"}
    orders = workflow(
        work("take", dice, config={"work_ms": 20}), name="orders", on_complete=[learns, started]
    )
    bills = workflow(work("take", dice), work("book", dice, after=["take"]), name="bills", on_complete=learns)
    return (
        HookPlan("orders", "default", Scheme.HUB256, SECRETS[:1], orders),
        HookPlan("bills", "other", Scheme.STANDARD, SECRETS[:2], bills),
    )


@dataclass(frozen=True, slots=True)
class Order:
    """What is delivered, under an id or without one."""

    plan: HookPlan
    number: int
    delivery_id: str
    is_forged: bool = False


@dataclass
class Senders:
    """The senders of one run. They draw from dice of their own, because they send beside the client."""

    client: Client
    plans: tuple[HookPlan, ...]
    dice: Random
    workflow_ids: dict[str, str] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    is_over: bool = False
    _hooks: dict[str, WebhookRecord] = field(default_factory=dict)
    _known: list[Order] = field(default_factory=list)
    _numbers: int = 0

    async def start(self) -> None:
        """Register the workflows, and a webhook of each."""
        for plan in self.plans:
            self.workflow_ids[plan.name] = await register(self.client, plan.tenant, plan.name, plan.document)
            webhooks = self.client.engine.of(plan.tenant).webhooks
            request = Idempotency.named(f"hook-{plan.name}", route="/v1/webhooks", body=b"")
            made = await self.client.until_answered(
                lambda plan=plan, webhooks=webhooks, request=request: webhooks.create(
                    plan.name, {"scheme": str(plan.scheme)}, secrets=plan.secrets, idempotency=request
                )
            )
            self._hooks[plan.name] = made.view.record

    async def send_on(self) -> None:
        """Send until `is_over`, also while Redis is away."""
        while not self.is_over:
            await self.turn()
            await asyncio.sleep(PACE_S)

    async def turn(self) -> None:
        """Deliver one order, some of them twice at the same moment, or one that was delivered before."""
        order = self._drawn()
        await asyncio.gather(*(self._send(order) for _ in range(self.dice.choice((1, 1, 2, 3)))))

    def _drawn(self) -> Order:
        if self._known and self.dice.random() < 0.3:
            return self.dice.choice(self._known)
        self._numbers += 1
        plan, share = self.dice.choice(self.plans), self.dice.random()
        # The scheme `standard` has no delivery without an id.
        is_named = plan.scheme is Scheme.STANDARD or share > 0.4
        name = f"d-{self._numbers}" if is_named else ""
        order = Order(plan, self._numbers, name, is_forged=share > 0.9)
        if name and not order.is_forged:
            self._known = [*self._known, order][-MOST_KNOWN:]
        return order

    async def _send(self, order: Order) -> None:
        answer: str | None = None
        path = self._hooks[order.plan.name].path
        try:
            answer = (await self.client.engine.incoming.receive(self._delivery(order, path))).execution_id
        except SignatureInvalid:
            answer = REFUSED
        except (HeadraceError, RedisError, OSError):
            pass  # Nobody knows whether it was taken.
        at_s = time.monotonic()
        self.sent.append(Sent(path, order.number, order.delivery_id, answer, at_s, order.is_forged))

    def _delivery(self, order: Order, path: str) -> Incoming:
        raw = orjson.dumps({"order": order.number})
        headers = signed_headers(
            order.plan.scheme,
            FORGED if order.is_forged else self.dice.choice(order.plan.secrets),
            raw,
            delivery_id=order.delivery_id,
            now_s=time.time(),
        )
        return Incoming("webhook", path, {name: value for name, value in headers.items() if value}, raw)

    async def hooks(self) -> tuple[Hook, ...]:
        """Give what the records of the webhooks say."""
        return tuple([await self._hook(plan) for plan in self.plans])

    async def _hook(self, plan: HookPlan) -> Hook:
        webhooks, path = self.client.engine.of(plan.tenant).webhooks, self._hooks[plan.name].path
        view = await self.client.until_answered(lambda: webhooks.get(path))
        record, counts = view.record, view.record.counts
        return Hook(
            path,
            record.workflow_id,
            accepted=counts.accepted,
            duplicate=counts.duplicate,
            rejected=counts.rejected,
            error=counts.error,
        )
