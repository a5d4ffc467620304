"""Small makers for tests that need a real Redis: nodes, a worker made of single steps, a rig with a clock.

Time is `transitions.now_ms`, which `Rig.advance` moves. Only what watches real workers waits, with `until`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from clients.redis_client import connect_blocking, connect_commands, connect_threaded
from orchestrator.engine import Engine
from orchestrator.errors import NodeError
from orchestrator.executor import fold_ended
from orchestrator.loops import leases, timers
from orchestrator.states import ExecutionStatus, NodeStatus, Reason, WaitingOn
from orchestrator.store.reader import Store
from orchestrator.store.repair_words import repair_words
from orchestrator.store.replies import Claim, Delivery, EndReply
from orchestrator.store.requests import AttemptToken, ClaimRequest
from orchestrator.store.transitions import Transitions
from tests.dags import condition, node, workflow
from tests.dumped import content_of
from tests.patience import PATIENCE_S
from workers.context import Toolbox
from workers.runtime.settings import WorkerConfig
from workers.worker import Worker

GROUP = "workflow_group"
LEASE_MS = 15_000
OK = {"status": "ok"}


def error_of(type: str = "HandlerError", message: str = "it broke") -> bytes:
    """Give a node error as the scripts take it."""
    return orjson.dumps(NodeError(type, message, True).to_dict())


@dataclass
class FakeWorker:
    """Takes tasks and ends attempts, one transition at a time, exactly when the test says so."""

    transitions: Transitions
    redis: Any
    worker_id: str = "w1"
    queues: tuple[str, ...] = ("default",)
    handlers: str = " noop condition delay "
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def read(self, count: int = 100) -> list[Delivery]:
        """Take tasks off the stream without claiming them, and without waiting for one."""
        found: list[Delivery] = []
        for queue in self.queues:
            stream = self.transitions.keys.tasks(queue)
            if not await self.redis.exists(stream) or not await self.redis.xinfo_groups(stream):
                await self.redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
            answer = await self.redis.xreadgroup(
                GROUP, f"consumer-{self.worker_id}", {stream: ">"}, count=count
            )
            for _, entries in answer or ():
                found.extend(_delivery(entry_id, queue, task) for entry_id, task in entries)
        return found

    def token(self, task: Delivery) -> AttemptToken:
        nonce = f"{self.worker_id}:{next(self._numbers)}"
        return AttemptToken(task.execution_id, task.node_id, task.attempt, nonce)

    async def claim(self, task: Delivery, token: AttemptToken | None = None) -> Claim | str:
        """Claim a task that was read."""
        return await self.transitions.claim_node(
            token or self.token(task),
            message_id=task.message_id,
            queue=task.queue,
            worker_id=self.worker_id,
            lease_ms=LEASE_MS,
        )

    async def start(self, count: int = 100) -> dict[str, AttemptToken]:
        """Read and claim what there is; what runs now, by node id."""
        held = {}
        for task in await self.read(count):
            claim = await self.claim(task)
            if isinstance(claim, Claim):
                held[claim.node_id] = held_by(claim)
        return held

    async def start_one(self, node_id: str) -> AttemptToken:
        """Read and claim everything there is, and give the attempt of one node."""
        return (await self.start())[node_id]

    async def complete(
        self,
        token: AttemptToken,
        output: Any = OK,
        *,
        not_taken: Sequence[str] = (),
        claiming: ClaimRequest | None = None,
    ) -> EndReply:
        return await self.transitions.complete_node(
            token, orjson.dumps(output), not_taken=not_taken, claiming=claiming
        )

    async def fail(self, token: AttemptToken, *, is_dead: bool = False) -> EndReply:
        return await self.transitions.fail_node(token, error_of(), reason=Reason.ERROR, is_dead=is_dead)

    async def retry(self, token: AttemptToken, delay_ms: int = 1_000) -> EndReply:
        return await self.transitions.retry_node(token, error_of(), delay_ms=delay_ms)

    async def skip(self, token: AttemptToken) -> EndReply:
        return await self.transitions.skip_node(token, reason=Reason.HANDLER_SKIPPED, data=b"{}")

    async def delay(self, token: AttemptToken, delay_ms: int = 1_000, output: Any = OK) -> EndReply:
        return await self.transitions.wait_node(
            token, on=WaitingOn.DELAY, delay_ms=delay_ms, until_ms=None, output=orjson.dumps(output)
        )

    async def hand_back(self, task: Delivery, *, is_offered: bool = False) -> str:
        return await self.transitions.hand_back_node(
            task.execution_id,
            task.node_id,
            task.attempt,
            message_id=task.message_id,
            queue=task.queue,
            is_offered=is_offered,
            error=error_of("HandlerNotFound"),
        )

    def claiming(self, count: int = 10, *, readers: int = 1) -> ClaimRequest:
        """Ask for further tasks in the call that ends an attempt, one of so many readers of each queue."""
        return ClaimRequest(
            count=count,
            request_id=f"{self.worker_id}:r{next(self._numbers)}",
            worker_id=self.worker_id,
            consumer=f"consumer-{self.worker_id}",
            lease_ms=LEASE_MS,
            queues=" ".join(f"{queue}={readers}" for queue in self.queues),
            handlers=self.handlers,
        )

    async def run_all(self, *, failing: Iterable[str] = (), rounds: int = 100) -> list[str]:
        """Run whatever is queued until nothing is; gives the node ids in the order they ran."""
        ran: list[str] = []
        for _ in range(rounds):
            held = await self.start(1_000)
            if not held:
                return ran
            for node_id, token in held.items():
                ended = await (self.fail(token) if node_id in failing else self.complete(token))
                assert ended.word == "ok", ended
                ran.append(node_id)
                while ended.more:
                    _, more = await self.transitions.continue_execution(token.execution_id)
                    if not more:
                        break
        raise AssertionError(f"still not at rest after {rounds} rounds: {ran}")


def _delivery(entry_id: bytes, queue: str, task: dict[bytes, bytes]) -> Delivery:
    return Delivery(
        execution_id=task[b"execution_id"].decode(),
        node_id=task[b"node_id"].decode(),
        attempt=int(task[b"attempt"]),
        message_id=entry_id.decode(),
        queue=queue,
        handler=task[b"handler"].decode(),
    )


def held_by(claim: Claim) -> AttemptToken:
    return AttemptToken(claim.execution_id, claim.node_id, claim.attempt, claim.nonce)


@dataclass
class Rig:
    """The engine on a flushed Redis, with a clock that only `advance` moves."""

    #: redis-py's own types allow the answers of every protocol at once; ours are bytes.
    redis: Any
    transitions: Transitions
    store: Store
    engine: Engine
    worker: FakeWorker

    @property
    def now_ms(self) -> int:
        assert self.transitions.now_ms is not None
        return self.transitions.now_ms

    async def advance(self, ms: int) -> int:
        """Move the clock, then do what an orchestrator would; gives the number of things it did."""
        self.transitions.now_ms = self.now_ms + ms
        return await self.tick()

    async def tick(self) -> int:
        done = await timers.run_once(self.store, self.transitions, self.now_ms)
        return done + await leases.run_once(self.store, self.transitions, self.now_ms)

    async def submit(self, *nodes: dict[str, Any], trigger: bool = True, **extras: Any) -> str:
        submitted = await self.engine.executions.submit(workflow(*nodes, **extras), trigger=trigger)
        return submitted.execution_id

    async def status(self, execution_id: str) -> ExecutionStatus:
        status = await self.store.status(execution_id)
        assert status is not None
        return status

    async def nodes(self, execution_id: str) -> dict[str, NodeStatus]:
        view = await self.engine.executions.get(execution_id)
        return {state.node_id: state.status for state in view.nodes}

    async def reasons(self, execution_id: str) -> dict[str, Reason | None]:
        view = await self.engine.executions.get(execution_id)
        return {state.node_id: state.reason for state in view.nodes}

    async def events(self, execution_id: str) -> list[str]:
        """The history as `type` or `type:node`, after checking that its numbers are dense."""
        rows = await self.store.events(execution_id, after=0, limit=100_000)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        return [f"{row.type}:{row.node_id}" if row.node_id else row.type for row in rows]

    async def repairs(self, execution_id: str) -> list[str]:
        """What the repairer would do now."""
        sight = await self.store.read_for_repair(execution_id)
        assert sight is not None
        return repair_words(sight)

    async def drain_worklist(self, execution_id: str) -> int:
        """Drain a saved worklist; gives the number of calls it took."""
        for calls in itertools.count(1):
            _, more = await self.transitions.continue_execution(execution_id)
            if not more:
                return calls
        raise AssertionError

    async def nothing_is_left_behind(self) -> bool:
        """Say whether no task, lease, timer or active execution remains."""
        keys = self.transitions.keys
        counts = [
            await self.redis.xlen(keys.tasks("default")),
            await self.redis.zcard(keys.shared("leases")),
            await self.redis.zcard(keys.shared("timers")),
            await self.redis.scard(keys.shared("active")),
        ]
        return not any(counts)

    async def fold(self) -> int:
        """Count in the statistics what has ended."""
        return await fold_ended(self.store, self.transitions, self.now_ms, limit=10_000)

    async def dump(self, *, statistics: bool = True) -> dict[str, Any]:
        """The whole database, for comparing: every key, its content, whether it expires.

        Static layouts that no execution points to are left out: the sweep removes them an hour later.
        """
        found: dict[str, Any] = {}
        left_out = {self.transitions.keys.shared("unused_layouts").encode()}
        for tenant, digest in await self.store.unused_layouts(2**52, 1_000):
            left_out.add(self.transitions.keys.layout(tenant, digest).encode())
        for key in sorted(set(await self.redis.keys()) - left_out):
            if key.startswith(b"workflows:statistics:") and not statistics:
                continue
            kind = (await self.redis.type(key)).decode()
            content = await content_of(self.redis, key, kind)
            found[key.decode()] = (kind, content, await self.redis.pttl(key) >= 0)
        return found


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait for work in the background to come to a state."""
    async with asyncio.timeout(PATIENCE_S):
        while not await is_so():
            await asyncio.sleep(0.005)


class WorkerFleet:
    """Real workers, in this process, on the Redis of the test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._running: dict[Worker, tuple[asyncio.Task[None], tuple[Any, ...]]] = {}

    async def start(self, name: str = "worker-1", *, tools: Toolbox | None = None, **config: Any) -> Worker:
        """Start a worker; config is that of WorkerConfig."""
        clients = connect_commands(self.url), connect_blocking(self.url)
        # A handler that waits for ever must not hold up the end of its test.
        config = {"drain_s": 2.0} | config
        worker = Worker(
            redis=clients[0],
            blocking=clients[1],
            renewing=connect_threaded(self.url),
            config=WorkerConfig(name=name, **config),
            tools=tools,
        )
        self._running[worker] = (asyncio.create_task(worker.run()), clients)
        await until(lambda: self._is_announced(clients[0], worker))
        return worker

    async def stop(self, worker: Worker, *, is_drained: bool = True) -> None:
        """Drain a worker, unless told to wait for it to end by itself; raises what it raised."""
        task, clients = self._running.pop(worker)
        if is_drained:
            worker.drain()
        try:
            await asyncio.wait_for(task, PATIENCE_S)
        finally:
            for client in clients:
                await client.aclose()

    async def stop_all(self) -> None:
        for worker in list(self._running):
            await self.stop(worker)

    async def _is_announced(self, redis: Any, worker: Worker) -> bool:
        return await redis.zscore("workflows:workers", worker.worker_id) is not None


__all__ = [
    "GROUP",
    "LEASE_MS",
    "OK",
    "FakeWorker",
    "Rig",
    "WorkerFleet",
    "condition",
    "error_of",
    "held_by",
    "node",
    "until",
    "workflow",
]
