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
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
#: Due deliveries read at a time, and how often in one look at most; taken of one place.
LIMIT, MOST_READS, MOST_TAKEN = 500, 10, 500
#: Until an attempt that was not recorded is made again; twice what one may take.
LEASE_MS = 30_000
#: How far behind all others a delivery steps of whose place enough are taken.
STEP_BACK_MS = 5_000
#: How long one stands back that cannot be attempted, such as of an execution that another version has made.
PUT_OFF_MS = 60_000
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


class Place(NamedTuple):
    """Where deliveries go that count together: a target of one tenant."""

    tenant: str
    target: str


class Webhooks:
    """Takes what is due, and sends it in the background, within the bounds of places and tenants."""

    def __init__(
        self,
        store: Store,
        transitions: Transitions,
        *,
        webhook: Channel,
        workflow: Channel,
        clock: Callable[[], Awaitable[int]] | None = None,
        random: Callable[[], float] = random_numbers.random,
    ) -> None:
        """clock gives Redis milliseconds, random a number from 0 to 1 for the jitter."""
        self.store = store
        self.transitions = transitions
        self._webhook = webhook
        self._workflow = workflow
        self._clock = clock or store.now_ms
        self._random = random
        #: Ids that are taken and not begun. They are not claimed: another process may have them meanwhile.
        self._taken: dict[Place, deque[str]] = {}
        self._running: dict[asyncio.Task[None], tuple[str, Place]] = {}
        #: Places that asked for less, and until when; Redis ms.
        self._throttled: dict[Place, int] = {}

    async def run_once(self, now_ms: int, *, limit: int = LIMIT) -> int:
        """Take what is due and begin what has room; returns how many were taken."""
        known = {each for taken in self._taken.values() for each in taken}
        known |= {delivery_id for delivery_id, _ in self._running.values()}
        found, offset = 0, 0
        for _ in range(MOST_READS):
            ids = await self.store.deliveries.due(now_ms, limit, offset=offset)
            fresh = [each for each in ids if each not in known]
            moved = await self._take(fresh, now_ms)
            found += len(fresh) - moved
            offset += len(ids) - moved
            if len(ids) < limit:
                break
        self._begin()
        return found

    async def idle(self) -> None:
        """Wait until all that was taken is over. Cancelled, it ends it: claims end by themselves."""
        while running := list(self._running):
            try:
                await asyncio.wait(running)
            except asyncio.CancelledError:
                self.let_go()
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
                raise

    def let_go(self) -> None:
        """Leave what is taken and not begun to other processes."""
        self._taken.clear()

    async def _take(self, ids: Sequence[str], now_ms: int) -> int:
        """Take deliveries whose places have room; returns how many are due no longer."""
        places = await self.store.deliveries.places(ids)
        unreadable: list[str] = []
        waiting: dict[str, int] = {}
        for delivery_id, found in zip(ids, places, strict=True):
            if found is None:
                unreadable.append(delivery_id)
                continue
            place = Place(*found)
            taken = self._taken.setdefault(place, deque())
            if (until_ms := self._throttled.get(place, 0)) > now_ms:
                waiting[delivery_id] = until_ms
            elif len(taken) >= MOST_TAKEN:
                waiting[delivery_id] = now_ms + STEP_BACK_MS
            else:
                taken.append(delivery_id)
        await self.store.deliveries.forget_due(unreadable)
        await self.store.deliveries.put_off(waiting)
        return len(unreadable) + len(waiting)

    def _begin(self) -> None:
        """Begin what has room, place by place in turn."""
        places = Counter(place for _, place in self._running.values())
        tenants = Counter(place.tenant for _, place in self._running.values())
        has_begun = True
        while has_begun and len(self._running) < MOST:
            has_begun = False
            for place, taken in list(self._taken.items()):
                if not taken:
                    del self._taken[place]
                    continue
                is_full = places[place] >= MOST_AT_PLACE or tenants[place.tenant] >= MOST_OF_TENANT
                if is_full or len(self._running) >= MOST:
                    continue
                places[place] += 1
                tenants[place.tenant] += 1
                delivery_id = taken.popleft()
                task = asyncio.create_task(self._deliver(delivery_id, place))
                self._running[task] = (delivery_id, place)
                task.add_done_callback(self._over)
                has_begun = True

    def _over(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if not task.cancelled():
            self._begin()

    async def _deliver(self, delivery_id: str, place: Place) -> None:
        """Claim, send, record. What goes wrong here is tried again when the claim has ended."""
        try:
            (delivery,) = await self.store.deliveries.read([delivery_id])
            if delivery is None:
                await self.store.deliveries.forget_due([delivery_id])
                return
            try:
                await self._attempt(delivery, place)
            except STORE_FAULTS:
                raise
            except Exception:
                # It must not come first again at every look.
                log.exception("webhook.fault", extra={"delivery_id": delivery_id})
                await self.store.deliveries.put_off({delivery_id: await self._clock() + PUT_OFF_MS})
        except STORE_FAULTS as error:
            log.warning("webhook.not_recorded", extra={"delivery_id": delivery_id, "error": str(error)})

    async def _attempt(self, delivery: Delivery, place: Place) -> None:
        """Make the attempt that is due, unless another process has."""
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
        now_ms = await self._clock()
        answer = await _answer(channel, delivery, content.encode(), now_ms)
        self._throttle(place, answer, now_ms)
        step = next_step(answer, tries, self._random)
        await self.transitions.record_delivery(
            delivery.delivery_id,
            claim_id=claim_id,
            state=str(step.state),
            delay_ms=step.delay_ms,
            attempt=attempt_json(answer, at_ms=now_ms),
        )
        _log(delivery, step.state, answer, tries + 1)

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

    def _throttle(self, place: Place, answer: Answer, now_ms: int) -> None:
        """Let what else is due at a place wait that asks for less."""
        self._throttled.pop(place, None)
        if answer.status_code in THROTTLING:
            if len(self._throttled) >= MOST_THROTTLED:
                del self._throttled[next(iter(self._throttled))]
            wish_s = min(answer.retry_after_s or THROTTLE_S, MOST_THROTTLE_S)
            self._throttled[place] = now_ms + round(1_000 * wish_s)
            # What is taken of it is due as before, and stands back at the next look.
            self._taken.pop(place, None)


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


def _log(delivery: Delivery, state: DeliveryState, answer: Answer, number: int) -> None:
    level = logging.INFO if state is DeliveryState.DELIVERED else logging.WARNING
    extra = {
        "delivery_id": delivery.delivery_id,
        "execution_id": delivery.execution_id,
        "tenant": delivery.tenant,
        "place": delivery.target.place,
        "state": str(state),
        "try": number,
        "status_code": answer.status_code,
        "error": answer.error,
    }
    log.log(level, "webhook.attempt", extra=extra)
