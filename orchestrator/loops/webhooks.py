"""Sends what is due of the deliveries about ends of executions. Run by workers, any number at once.

An attempt is claimed, made and recorded. A process that dies in between leaves a claim that ends by itself,
and the same message is sent again with the same id: each is delivered at least once.
"""

from __future__ import annotations

import asyncio
import logging
import random as random_numbers
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from orchestrator.definitions.definition import OUTPUT
from orchestrator.execution.deliveries import (
    THROTTLING,
    Answer,
    Delivery,
    DeliveryState,
    attempt_json,
    event_data,
    next_step,
)
from orchestrator.states import ExecutionStatus
from orchestrator.store.reader import Store
from orchestrator.store.script_client import STORE_FAULTS
from orchestrator.store.transitions import Transitions

log = logging.getLogger("headrace.webhooks")

#: Attempts under way in one process; of them to one place, and of one tenant: a receiver that takes its time
#: holds up neither others nor other tenants.
MOST, MOST_AT_PLACE, MOST_OF_TENANT = 20, 4, 10
#: Due deliveries looked at in one run.
LIMIT = 100
#: Until an attempt that was not recorded is made again; twice what one may take.
LEASE_MS = 30_000
#: How far behind all others a delivery steps whose place is busy.
STEP_BACK_MS = 1_000
#: How long nothing is sent to a place that asks for less, unless it names a time; and the longest it may.
THROTTLE_S, MOST_THROTTLE_S = 5.0, 60.0
#: Places remembered that ask for less.
MOST_THROTTLED = 1_000


class Channel(Protocol):
    """A way to deliver: a webhook, or the start of a workflow."""

    def content(self, delivery: Delivery, data: Mapping[str, Any]) -> bytes:
        """Write what is sent, before the first attempt: it stays the same for all others."""
        ...

    async def send(self, delivery: Delivery, content: bytes, now_ms: int) -> Answer:
        """Make one attempt. now_ms: Redis time."""
        ...


class _Work(NamedTuple):
    """An attempt under way. place: tenant and target, which count together."""

    delivery: Delivery
    place: str


class Webhooks:
    """Begins what is due within its bounds, and waits for none of it."""

    def __init__(
        self,
        store: Store,
        transitions: Transitions,
        *,
        webhook: Channel,
        workflow: Channel,
        random: Callable[[], float] = random_numbers.random,
    ) -> None:
        """random: for the jitter, a number from 0 to 1."""
        self.store = store
        self.transitions = transitions
        self._webhook = webhook
        self._workflow = workflow
        self._random = random
        self._running: dict[asyncio.Task[None], _Work] = {}
        #: Places that asked for less, and until when; Redis ms.
        self._throttled: dict[str, int] = {}

    async def run_once(self, now_ms: int, *, limit: int = LIMIT) -> int:
        """Begin attempts that are due; returns how many."""
        free = MOST - len(self._running)
        ids = await self.store.deliveries.due(now_ms, limit) if free > 0 else []
        if not ids:
            return 0
        found = await self.store.deliveries.read(ids)
        await self.store.deliveries.forget_due(
            [each for each, delivery in zip(ids, found, strict=True) if delivery is None]
        )
        under_way = list(self._running.values())
        places = Counter(each.place for each in under_way)
        tenants = Counter(each.delivery.tenant for each in under_way)
        known = {each.delivery.delivery_id for each in under_way}
        begun, waiting = 0, []
        for delivery in found:
            if delivery is None or delivery.delivery_id in known or begun >= free:
                continue
            work = _Work(delivery, f"{delivery.tenant} {delivery.target.place}")
            is_busy = places[work.place] >= MOST_AT_PLACE or tenants[delivery.tenant] >= MOST_OF_TENANT
            if is_busy or self._throttled.get(work.place, 0) > now_ms:
                waiting.append(delivery.delivery_id)
                continue
            places[work.place] += 1
            tenants[delivery.tenant] += 1
            begun += 1
            task = asyncio.create_task(self._deliver(work, now_ms))
            self._running[task] = work
            task.add_done_callback(self._running.pop)
        await self.store.deliveries.put_off(waiting, now_ms + STEP_BACK_MS)
        return begun

    async def idle(self) -> None:
        """Wait until no attempt is under way. Cancelled, it ends them: their claims end by themselves."""
        while running := list(self._running):
            try:
                await asyncio.wait(running)
            except asyncio.CancelledError:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
                raise

    async def _deliver(self, work: _Work, now_ms: int) -> None:
        """Claim, send, record. What goes wrong here is tried again when the claim has ended."""
        delivery = work.delivery
        where = {"delivery_id": delivery.delivery_id, "execution_id": delivery.execution_id}
        try:
            channel = self._workflow if delivery.target.workflow is not None else self._webhook
            offered = delivery.content
            if offered is None:
                offered = channel.content(delivery, await self._data(delivery))
            claim_id = uuid.uuid4().hex
            word, content, tries = await self.transitions.claim_delivery(
                delivery.delivery_id, claim_id=claim_id, lease_ms=LEASE_MS, content=offered
            )
            if word != "ok":
                return
            answer = await _answer(channel, delivery, content.encode(), now_ms)
            self._throttle(work.place, answer, now_ms)
            step = next_step(answer, tries, self._random)
            await self.transitions.record_delivery(
                delivery.delivery_id,
                claim_id=claim_id,
                state=str(step.state),
                delay_ms=step.delay_ms,
                attempt=attempt_json(answer, at_ms=now_ms),
            )
            self._log(delivery, step.state, answer)
        except STORE_FAULTS as error:
            log.warning("webhook.not_recorded", extra={**where, "error": str(error)})
        except Exception:
            log.exception("webhook.fault", extra=where)

    async def _data(self, delivery: Delivery) -> dict[str, Any]:
        """Gather what the message says. Of an execution that was purged, or runs again, no more is known."""
        output = failure = None
        execution = await self.store.execution(delivery.execution_id)
        if execution is not None and execution.generation == delivery.generation:
            if delivery.status is ExecutionStatus.COMPLETED:
                output = await self.store.output(delivery.execution_id, OUTPUT)
            elif delivery.status is ExecutionStatus.FAILED:
                failure = await self.store.deliveries.newest_failure(delivery.execution_id)
        return event_data(delivery, output=output, failure=failure)

    def _throttle(self, place: str, answer: Answer, now_ms: int) -> None:
        """Let what else is due at a place wait that asks for less."""
        self._throttled.pop(place, None)
        if answer.status_code in THROTTLING:
            if len(self._throttled) >= MOST_THROTTLED:
                del self._throttled[next(iter(self._throttled))]
            wish_s = min(answer.retry_after_s or THROTTLE_S, MOST_THROTTLE_S)
            self._throttled[place] = now_ms + round(1_000 * wish_s)

    def _log(self, delivery: Delivery, state: DeliveryState, answer: Answer) -> None:
        level = logging.INFO if state is DeliveryState.DELIVERED else logging.WARNING
        extra = {
            "delivery_id": delivery.delivery_id,
            "execution_id": delivery.execution_id,
            "tenant": delivery.tenant,
            "place": delivery.target.place,
            "state": str(state),
            "try": delivery.tries + 1,
            "status_code": answer.status_code,
            "error": answer.error,
        }
        log.log(level, "webhook.attempt", extra=extra)


async def _answer(channel: Channel, delivery: Delivery, content: bytes, now_ms: int) -> Answer:
    """Make an attempt; one that breaks has failed, and is tried again as others are."""
    started_s = time.perf_counter()
    try:
        return await channel.send(delivery, content, now_ms)
    except STORE_FAULTS:
        raise
    except Exception as error:
        log.exception("webhook.fault", extra={"delivery_id": delivery.delivery_id})
        took_ms = round(1_000 * (time.perf_counter() - started_s))
        return Answer(took_ms, error=f"the attempt broke: {type(error).__name__}")
