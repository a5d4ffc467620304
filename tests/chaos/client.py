"""A client under stress: submits until it is answered, now and then twice; samples, and reads the end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from random import Random
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from clients.redis_client import connect_commands, connect_subscriber
from orchestrator.engine import Engine, Idempotency, TenantEngine
from orchestrator.errors import ExecutionKeyTaken, ExecutionNotFound, HeadraceError, InvalidTransition
from orchestrator.execution.model import Approval, Execution
from orchestrator.operations.approvals import Approvals
from orchestrator.states import ExecutionStatus
from orchestrator.units import index_of, node_of
from tests.chaos.history import EndReply, Sample
from tests.chaos.letters import Letters
from tests.chaos.nested_workload import child_of
from tests.chaos.script import outcome_of
from tests.chaos.tenancy import TENANTS, start_by_name
from tests.interpreter import nodes_of
from tests.interpreting_families import children_of
from workers.handlers import Catalogue


class Client:
    """Talks to the engine as an API process does. Every request may go unanswered and is then made again."""

    def __init__(self, url: str, seed: int) -> None:
        self.redis: Redis = connect_commands(url)
        self.subscriber: Redis = connect_subscriber(url)
        self.engine = Engine(self.redis, self.subscriber, catalogue=Catalogue, patience_s=0.5)
        self.dice = Random(seed)
        self.documents: dict[str, dict[str, Any]] = {}
        #: Executions that their retention purges soon after their end, and when the start of each was seen.
        self.fleeting: dict[str, dict[str, Any]] = {}
        self.accepted: dict[str, float] = {}
        self.samples: list[Sample] = []
        self.ended: set[str] = set()
        #: Signals not sent yet: (execution id, name).
        self.unsignalled: set[tuple[str, str]] = set()
        self.letters = Letters(self)
        #: Children by id: their parent's id and the unit that started them.
        self.kin: dict[str, tuple[str, str]] = {}
        self.retried: set[str] = set()
        #: Executions that were paused and are to be resumed, and how many pauses were taken.
        self.paused: list[str] = []
        self.pauses = 0
        self.retries = 0
        self.tenants: tuple[str, ...] = TENANTS[:1]
        self._owners: dict[str, str] = {}
        #: Executions that were purged, as they were before; triggers that met one that went on.
        self.purged: dict[str, EndReply] = {}
        self.existing = 0
        self.named = 0

    async def share(self) -> None:
        """Let the load be that of two tenants from now on."""
        await self.engine.tenants.create("other")
        self.tenants = TENANTS

    async def aclose(self) -> None:
        await self.redis.aclose()
        await self.subscriber.aclose()

    async def run(self, document: dict[str, Any]) -> str:
        """Submit and start one execution, each request until it is answered; some are made twice anyway.

        Of several tenants one has it, and every other execution is that of a registered workflow.
        """
        tenant = self.dice.choice(self.tenants)
        if len(self.tenants) > 1 and self.dice.random() < 0.5:
            return await start_by_name(self, tenant, document)
        executions = self.engine.of(tenant).executions
        body = orjson.dumps(document)
        key = f"k{len(self.documents)}-{self.dice.getrandbits(32)}"
        idempotency = Idempotency.named(key, route="/v1/executions", body=body)
        at_once = self.dice.random() < 0.5
        execution_id = ""
        for _ in range(2 if self.dice.random() < 0.2 else 1):
            submitted = await self.until_answered(
                lambda: executions.submit(document, body=body, trigger=at_once, idempotency=idempotency)
            )
            assert execution_id in ("", submitted.execution_id), "one key made two executions"
            execution_id = submitted.execution_id
        self.accept(execution_id, tenant, document)
        if not at_once:
            for _ in range(2 if self.dice.random() < 0.3 else 1):
                await self.until_answered(lambda: executions.trigger(execution_id))
        return execution_id

    def accept(self, execution_id: str, tenant: str, document: dict[str, Any]) -> None:
        """Take note of an execution whose start was answered, or that was found."""
        kept = self.fleeting if "retention" in document else self.documents
        kept[execution_id] = document
        self.accepted[execution_id] = time.monotonic()
        self._owners[execution_id] = tenant
        self._expect_signals(execution_id, document)
        self.letters.expect(execution_id, document)

    def tenant_of(self, execution_id: str) -> str:
        while execution_id in self.kin:
            execution_id = self.kin[execution_id][0]
        return self._owners[execution_id]

    def view_of(self, execution_id: str) -> TenantEngine:
        return self.engine.of(self.tenant_of(execution_id))

    def known(self) -> set[str]:
        """Every execution that was started, children too."""
        return {*self.documents, *self.kin, *self.fleeting}

    @property
    def gone(self) -> set[str]:
        """Executions of which nothing may be left at the end."""
        return {*self.purged, *self.fleeting}

    def kin_below(self, execution_id: str) -> list[str]:
        """The children of an execution, and theirs."""
        children = [each for each, (above, _) in self.kin.items() if above == execution_id]
        return [below for child in children for below in (child, *self.kin_below(child))]

    def _expect_signals(self, execution_id: str, document: dict[str, Any]) -> None:
        self.unsignalled |= {
            (execution_id, node["config"]["name"])
            for node in nodes_of(document)
            if node["handler"] == "wait_for_signal" and node["config"]["name"] != "never"
        }

    async def adopt(self) -> None:
        """Get to know the children of everybody known, and theirs."""
        asked: set[str] = set()
        while found := [
            each for each in self.known() - self.gone if each not in asked and self._misses(each)
        ]:
            for execution_id in found:
                asked.add(execution_id)
                try:
                    page = await self.view_of(execution_id).executions.children(execution_id, limit=100)
                except (HeadraceError, RedisError, OSError):
                    return
                for child in page.items:
                    self._adopt(child)

    def _misses(self, execution_id: str) -> bool:
        """Say whether an execution may have children that are not known yet."""
        units = [
            unit
            for node in nodes_of(self.document_of(execution_id))
            for unit, _, _ in children_of(node["id"], outcome_of(node))
        ]
        return len(units) > sum(above == execution_id for above, _ in self.kin.values())

    def _adopt(self, child: Execution) -> None:
        if child.execution_id in self.kin:
            return
        assert child.parent is not None
        assert child.parent_unit is not None
        self.kin[child.execution_id] = (child.parent, child.parent_unit)
        self._expect_signals(child.execution_id, self.document_of(child.execution_id))

    def document_of(self, execution_id: str) -> dict[str, Any]:
        """Give what an execution runs; of a child, as its unit has asked for it."""
        if execution_id in self.documents:
            return self.documents[execution_id]
        above, unit = self.kin[execution_id]
        node_id, index = node_of(unit), index_of(unit)
        holder = next(node for node in nodes_of(self.document_of(above)) if node["id"] == node_id)
        return child_of(holder, None if index is None else holder["map"]["items"][index])

    async def retry_some(self) -> None:
        """Let every other execution that has FAILED go on in place, once; it fails again."""
        for execution_id in sorted(self.ended - self.retried):
            try:
                execution = (await self.view_of(execution_id).executions.get(execution_id)).execution
                if execution.status is not ExecutionStatus.FAILED:
                    self.retried.add(execution_id)
                    continue
                self.retried.add(execution_id)
                if self.dice.random() < 0.5:
                    await self._retry(execution_id, execution.generation)
            except ExecutionNotFound:
                self.retried.add(execution_id)  # Redis has lost it.
            except (HeadraceError, RedisError, OSError):
                return

    async def _retry(self, execution_id: str, generation: int) -> None:
        """Ask until it is answered; a request that was carried out unanswered is told from a new one."""
        executions = self.view_of(execution_id).executions
        for _ in range(2 if self.dice.random() < 0.3 else 1):
            try:
                await self.until_answered(lambda: executions.retry(execution_id, generation=generation))
            except ExecutionKeyTaken:
                return
        self.retries += 1
        self.ended.discard(execution_id)

    async def answer(self) -> None:
        """Send some signals, perhaps before anyone waits for them, and decide some approvals, some twice."""
        await self.letters.post_some()
        for execution_id, name in sorted(self.unsignalled):
            if self.dice.random() < 0.4:
                await self._signal(execution_id, name)
        for tenant in self.tenants:
            approvals = self.engine.of(tenant).approvals
            try:
                asking = (await approvals.list(limit=20)).items
            except (HeadraceError, RedisError, OSError):
                return
            for approval in asking:
                if self.dice.random() < 0.5:
                    await self._decide(approvals, approval)

    async def _signal(self, execution_id: str, name: str) -> None:
        key = Idempotency.named(f"{execution_id}-{name}", route="signals", body=b"")
        for _ in range(2 if self.dice.random() < 0.3 else 1):
            try:
                await self.view_of(execution_id).signals.send(
                    execution_id, name, {"paid": execution_id}, idempotency=key
                )
            except InvalidTransition:
                pass  # Not started yet, or answered before and over.
            except (HeadraceError, RedisError, OSError):
                return
        self.unsignalled.discard((execution_id, name))

    async def _decide(self, approvals: Approvals, approval: Approval) -> None:
        for by in self.dice.sample(("ann", "bob", "cem"), 2):
            try:
                await approvals.decide(
                    approval.execution_id, approval.node_id, decision="approve", by=by, shown=approval.shown
                )
            except (HeadraceError, RedisError, OSError):
                continue  # Somebody was faster, or nobody answered; it is listed until it is decided.

    async def interrupt(self) -> None:
        """Pause one execution in four for a while; the requests are made twice now and then."""
        if self.paused and self.dice.random() < 0.5:
            await self.resume(self.paused.pop(0))
        if self.dice.random() < 0.25:
            execution_id = list(self.documents)[-1]
            if await self._ask(self.view_of(execution_id).executions.pause, execution_id):
                self.paused.append(execution_id)
                self.pauses += 1

    async def resume(self, execution_id: str) -> None:
        await self._ask(self.view_of(execution_id).executions.resume, execution_id)

    async def resume_all(self) -> None:
        while self.paused:
            await self.resume(self.paused.pop())

    async def _ask(self, verb: Any, execution_id: str) -> bool:
        """Ask for a pause or resume; says whether it was taken, which it is not once the execution ended."""

        async def ask() -> bool:
            try:
                await verb(execution_id, by="chaos", request_id=request_id)
            except (InvalidTransition, ExecutionNotFound):
                return False
            return True

        request_id = f"{self.dice.getrandbits(64):x}"
        taken = bool(await self.until_answered(ask))
        if taken and self.dice.random() < 0.3:
            await self.until_answered(ask)
        return taken

    async def sample(self) -> None:
        """Read some executions, and remember what must not change any more."""
        left = sorted(set(self.documents) - self.gone)
        for execution_id in self.dice.sample(left, min(8, len(left))):
            executions = self.view_of(execution_id).executions
            try:
                status = await executions.status(execution_id)
                outputs = await executions.results(execution_id)
            except (HeadraceError, RedisError, OSError):
                continue
            parsed = {node_id: orjson.loads(text) for node_id, text in outputs.items() if text}
            if status.is_terminal:
                self.ended.add(execution_id)
            end = status if status.is_terminal else None
            self.samples.append(Sample(execution_id, end, parsed, time.monotonic()))

    async def open_executions(self) -> list[str]:
        """Executions that have not ended, as far as can be told."""
        for execution_id in sorted(set(self.documents) - self.ended):
            try:
                if (await self.view_of(execution_id).executions.status(execution_id)).is_terminal:
                    self.ended.add(execution_id)
            except ExecutionNotFound:
                self.ended.add(execution_id)  # Redis has lost it.
            except (HeadraceError, RedisError, OSError):
                break
        left = set(self.documents) - self.ended
        try:
            # Children that nobody waits for may outlive them all.
            members: Any = await self.redis.smembers("workflows:active")
            left |= {member.decode() for member in members}
        except (RedisError, OSError):
            left.add("(Redis did not answer)")
        return sorted(left)

    def counts(self) -> dict[str, int]:
        """What it did, in figures."""
        owners = Counter(self.tenant_of(each) for each in (*self.documents, *self.fleeting))
        done = {
            "purged": len(self.purged),
            "expired": len(self.fleeting),
            "existing": self.existing,
            "retries": self.retries,
        }
        return {**owners, "named": self.named, **done, "pauses": self.pauses}

    async def until_answered(self, request: Any) -> Any:
        deadline_s = time.monotonic() + 60
        while True:
            try:
                return await request()
            except ExecutionKeyTaken:
                raise
            except (HeadraceError, RedisError, OSError) as error:
                if time.monotonic() > deadline_s:
                    raise AssertionError(f"no answer for 60 s: {error}") from error
                await asyncio.sleep(0.1)
