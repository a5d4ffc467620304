"""Everything the engine reads, in bounded slices.

`Store` and its parts are the only readers of the engine's keys beside the scripts, the task reader, the
subscriptions to events, and `upgrade`. They write none: what the sets of timers, leases and due deliveries
hold that no engine wrote is taken out, for it would stop every loop; damaged executions in them stand back.
"""

# long: everything the engine reads, in one class

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from clients.redis_wire import Wire
from orchestrator.definitions.budgets import USED_FIELDS, Usage, read_usage
from orchestrator.definitions.cache import DefinitionCache
from orchestrator.definitions.compiler import compile_stored
from orchestrator.definitions.definition import OUTPUT, Definition
from orchestrator.definitions.retry import RetryPolicy
from orchestrator.errors import ExecutionNotFound
from orchestrator.execution.inventory import WORKER_ALIVE_MS, Announced, DeadEntry, QueueInfo, WorkerInfo
from orchestrator.execution.model import Event, Execution, NodeState, RepairView, Snapshot
from orchestrator.redis_keys import SEPARATOR, Keys, timer_member
from orchestrator.states import PURGEABLE, Cancelling, ExecutionStatus
from orchestrator.store.access import Access
from orchestrator.store.briefs import Briefs
from orchestrator.store.cards import Cards
from orchestrator.store.claim_texts import ClaimTexts
from orchestrator.store.deliveries import Deliveries
from orchestrator.store.deployment import DeploymentFacts
from orchestrator.store.histories import Histories, read_history
from orchestrator.store.index import Index
from orchestrator.store.interfaces import Interfaces
from orchestrator.store.items import Items
from orchestrator.store.journals import Journals
from orchestrator.store.layout_1 import as_layout_2, is_readable
from orchestrator.store.liveness import Liveness, child_states
from orchestrator.store.parts import parts_of
from orchestrator.store.payloads import Payloads
from orchestrator.store.records import (
    EXECUTION_FIELDS,
    NODE_FIELDS,
    is_damaged,
    read_dead_entry,
    read_execution,
    read_node_state,
    read_spec,
    read_worker,
)
from orchestrator.store.schedules import ScheduleRecords
from orchestrator.store.statistics import StatisticsRows
from orchestrator.store.waits import Waits
from orchestrator.store.webhooks import WebhookRecords
from orchestrator.store.workflows import WorkflowRecords
from orchestrator.units import node_of

log = logging.getLogger("headrace.store")

#: Nodes read by one command.
SLICE = 500
#: Outputs that are read without asking for their lengths first.
FEW_OUTPUTS = 4


@dataclass(frozen=True, slots=True)
class Due:
    """A timer whose moment has come. node_id is empty when it concerns the whole execution."""

    kind: str
    execution_id: str
    node_id: str
    attempt: str

    @property
    def member(self) -> str:
        """What stands for it in the set of timers."""
        return SEPARATOR.join((self.kind, self.execution_id, self.node_id, self.attempt))


class Store:
    """Reads executions, events, queues and workers."""

    def __init__(
        self,
        redis: Redis,
        keys: Keys | None = None,
        *,
        default_retry: Callable[[str], RetryPolicy | None] = lambda handler: None,
    ) -> None:
        self._own_retry = default_retry
        self._redis: Any = redis  # its own types allow the answers of every protocol at once; ours are bytes
        self.keys = keys or Keys()
        self.waits = Waits(redis, self.keys)
        self.journals = Journals(redis, self.keys)
        self.items = Items(redis, self.keys)
        self.histories = Histories(redis, self.keys)
        self.claim_texts = ClaimTexts(redis, self.keys)
        self.interfaces = Interfaces(redis, self.keys)
        self.cards = Cards(redis, self.keys)
        self.liveness = Liveness(redis, self.keys)
        self.access = Access(redis, self.keys)
        self.deployment = DeploymentFacts(redis, self.keys)
        self.statistics = StatisticsRows(redis, self.keys)
        self.deliveries = Deliveries(redis, self.keys)
        self._wire = Wire(redis)  # for what is asked most, or in most words
        self.index = Index(redis, self.keys, self._wire)
        self.payloads = Payloads(redis, self.keys, self._wire)
        self.briefs = Briefs(redis, self.keys, self._wire)
        self.workflows = WorkflowRecords(redis, self.keys, self._wire)
        self.schedules = ScheduleRecords(redis, self.keys)
        self.webhooks = WebhookRecords(redis, self.keys)
        self._definitions = DefinitionCache[str, Definition](max_entries=64)

    def default_retry(self, handler: str) -> RetryPolicy | None:
        """Give the policy of nodes that have none: by the register of this process, or by a card."""
        return self._own_retry(handler) or self.cards.default_retry(handler)

    async def let_go(self) -> None:
        """Give the connections it keeps back to the client, which others go on using."""
        await self._wire.let_go()

    async def status(self, execution_id: str) -> ExecutionStatus | None:
        (word,) = await self._wire.ask([("GET", self.keys.status(execution_id))])
        return ExecutionStatus(word.decode()) if word else None

    async def tenant(self, execution_id: str) -> str | None:
        """Whose execution it is; None for one that is unknown."""
        command = ("HMGET", self.keys.runtime(execution_id), "v", "tenant")
        ((layout, tenant),) = await self._wire.ask([command])
        return None if layout is None else (tenant or b"default").decode()

    async def definition_text(self, execution_id: str) -> bytes | None:
        """The definition as submitted, JSON."""
        text: bytes | None = await self._redis.get(self.keys.definition(execution_id))
        return text

    async def definition(self, execution_id: str, version: str) -> Definition:
        """The compiled definition; kept, because equal versions are equal.

        Raises ExecutionNotFound where it has been purged meanwhile.
        """
        if kept := self._definitions.get(version):
            return kept
        text = await self.definition_text(execution_id)
        if text is None:
            raise ExecutionNotFound(execution_id)
        # Of handlers that workers have loaded, the default retries are known by their cards.
        await self.announced()
        definition = compile_stored(orjson.loads(text), self.default_retry)
        return self._definitions.put(version, definition, text_bytes=len(text))

    async def check_present(self, execution: Execution) -> None:
        """Raise ExecutionNotFound if an execution was purged while it was read: parts are missing then."""
        if execution.status in PURGEABLE and await self.status(execution.execution_id) is None:
            raise ExecutionNotFound(execution.execution_id)

    async def executions(self, execution_ids: Sequence[str]) -> list[Execution | None]:
        """Read many executions without their nodes, in one round trip.

        None for one that is unknown, damaged or of a layout that cannot be read.
        """
        return [
            None
            if is_damaged(each, status, fields) or not is_readable(fields[0])
            else read_execution(each, status, fields)
            for each, status, fields in await self._executions(execution_ids)
        ]

    async def execution(self, execution_id: str) -> Execution | None:
        """Read one execution without its nodes.

        Raises LayoutUnknown, and what Redis answers where it is damaged.
        """
        ((_, *answers),) = await self._executions([execution_id])
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return read_execution(execution_id, *answers)

    async def execution_and_output(self, execution_id: str) -> tuple[Execution | None, bytes | None]:
        """Read the same, and the output of the whole so far, in one round trip."""
        more = ("GET", self.keys.output(execution_id, OUTPUT))
        *answers, output = await self._wire.ask([*self._asking(execution_id), more])
        return read_execution(execution_id, *answers), output

    async def _executions(self, execution_ids: Sequence[str]) -> list[tuple[str, Any, Any]]:
        """Ask for id, status and fields of each; what Redis refuses is in its place."""
        answers = await self._wire.send([each for id_ in execution_ids for each in self._asking(id_)])
        return list(zip(execution_ids, answers[::2], answers[1::2], strict=True))

    def _asking(self, execution_id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        runtime = self.keys.runtime(execution_id)
        return ("GET", self.keys.status(execution_id)), ("HMGET", runtime, *EXECUTION_FIELDS)

    async def nodes(self, execution_id: str, node_ids: Sequence[str]) -> dict[str, NodeState]:
        """Read the runtime records of the nodes named, in slices. Raises LayoutUnknown."""
        states, _ = await self._nodes(execution_id, node_ids)
        return states

    async def output(self, execution_id: str, node_id: str) -> bytes | None:
        return (await self.outputs(execution_id, [node_id]))[node_id]

    async def output_state(self, execution_id: str) -> NodeState | None:
        """Where the unit that renders the output of the whole stands; None before it has begun."""
        if not await self._redis.exists(self.keys.node(execution_id, OUTPUT)):
            return None
        return (await self.nodes(execution_id, [OUTPUT]))[OUTPUT]

    async def outputs(self, execution_id: str, node_ids: Sequence[str]) -> dict[str, bytes | None]:
        """Read node outputs as JSON text, so many at once as can be answered in time."""
        outputs: dict[str, bytes | None] = dict.fromkeys(node_ids)
        for part in _slices(node_ids):
            sizes = dict.fromkeys(part, 0)
            if len(part) > FEW_OUTPUTS:
                sizes = await self.payloads.sizes(execution_id, part)
            for some in parts_of(sizes):
                outputs |= await self.payloads.read(execution_id, some)
        return outputs

    async def events(self, execution_id: str, *, after: int, limit: int) -> list[Event]:
        """Read the history from event `after` + 1 on; see `read_history`."""
        key = self.keys.events(execution_id)
        return await read_history(self._redis, key, execution_id, after=after, limit=limit)

    async def seq(self, execution_id: str) -> int:
        """Number of an event that what is read from now on contains; 0 for an unknown execution."""
        (number,) = await self._wire.ask([("HGET", self.keys.runtime(execution_id), "seq")])
        return int(number or 0)

    async def last_seq(self, execution_id: str) -> int:
        """Number of the newest event; 0 when there is none."""
        rows = await self._redis.xrevrange(self.keys.events(execution_id), count=1)
        return int(rows[0][0].split(b"-")[0]) if rows else 0

    async def due_timers(self, now_ms: int, limit: int) -> list[Due]:
        members = await self._redis.zrange(
            self.keys.shared("timers"), "-inf", str(now_ms), byscore=True, offset=0, num=limit
        )
        parts = await self._well_formed("timers", members, 4)
        return [Due(*part) for part in parts]

    async def expired_leases(self, now_ms: int, limit: int) -> list[tuple[str, str, int]]:
        """(execution id, node id, attempt) of running attempts whose lease has run out."""
        members = await self._redis.zrange(
            self.keys.shared("leases"), "-inf", f"({now_ms}", byscore=True, offset=0, num=limit
        )
        parts = await self._well_formed("leases", members, 3)
        return [(execution_id, node_id, int(attempt)) for execution_id, node_id, attempt in parts]

    async def put_off(self, name: str, members: Sequence[str], until_ms: int) -> None:
        """Move timers or leases of damaged executions out of the way of all others, for a while."""
        if members:
            await self._redis.zadd(self.keys.shared(name), dict.fromkeys(members, until_ms), xx=True)

    async def _well_formed(self, name: str, members: Sequence[bytes], count: int) -> list[list[str]]:
        """Take members of a set apart. One that no engine wrote is removed: it would stop every loop."""
        found = []
        for member in members:
            parts = member.decode(errors="replace").split(SEPARATOR)
            if len(parts) == count and parts[-1].isdigit():
                found.append(parts)
            else:
                log.warning("store.member_not_ours", extra={"set": name, "member": repr(member)[:200]})
                await self._redis.zrem(self.keys.shared(name), member)
        return found

    async def tick_ms(self) -> int:
        """When timers and leases were last looked at; 0 for never."""
        return int(await self._redis.get(self.keys.shared("tick")) or 0)

    async def now_ms(self) -> int:
        seconds, microseconds = await self._redis.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def specs(self, units: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """Specs of these (execution id, node id); {} for one gone, damaged or of another layout.

        Beside the spec: tries, worker, counts (of retry rules), catch, and kept (output or error of a wait).
        """
        pipe = self._redis.pipeline(transaction=False)
        for execution_id, node_id in units:
            own = (f"{field}|{node_id}" for field in ("r", "counts", "kept"))
            pipe.hmget(self.keys.runtime(execution_id), ["v", "tenant", "layout", *own])
        rows = await pipe.execute(raise_on_error=False)
        pipe = self._redis.pipeline(transaction=False)
        for (_, node_id), row in zip(units, rows, strict=True):
            tenant, digest = (None, None) if isinstance(row, Exception) else row[1:3]
            key = self.keys.layout((tenant or b"default").decode(), (digest or b"none").decode())
            pipe.hmget(key, [f"{part}|{node_of(node_id)}" for part in ("spec", "node")])
        plans = await pipe.execute(raise_on_error=False) if units else []
        return [
            read_spec(execution_id, row, plan)
            for (execution_id, _), row, plan in zip(units, rows, plans, strict=True)
        ]

    async def unused_layouts(self, before_ms: int, limit: int) -> list[tuple[str, str]]:
        """(tenant, digest) of static layouts that have had no execution since, the longest first."""
        key = self.keys.shared("unused_layouts")
        rows = await self._redis.zrange(key, "-inf", before_ms, byscore=True, offset=0, num=limit)
        return [(tenant, digest) for tenant, _, digest in (row.decode().partition(":") for row in rows)]

    async def workers(self) -> list[WorkerInfo]:
        """Workers heard of lately, in order of their ids."""
        now_ms = await self.now_ms()
        alive = await self._redis.zrange(
            self.keys.shared("workers"), str(now_ms - WORKER_ALIVE_MS), "+inf", byscore=True
        )
        pipe = self._redis.pipeline(transaction=False)
        for member in sorted(alive):
            pipe.hgetall(self.keys.worker(member.decode()))
        rows = await pipe.execute() if alive else []
        found = zip(sorted(alive), rows, strict=True)
        return [read_worker(member.decode(), fields) for member, fields in found if fields]

    async def announced(self) -> Announced:
        """What live workers offer."""
        workers = await self.workers()
        cards = await self.cards.read(worker.cards for worker in workers if worker.cards)
        return Announced.by(workers, cards)

    # Children

    async def child_id(self, execution_id: str, unit: str) -> str | None:
        """Id of the child a unit started last."""
        child_id = await self._redis.hget(self.keys.runtime(execution_id), f"child|{unit}")
        return child_id.decode() if child_id else None

    async def children_ids(self, execution_id: str, first: int, limit: int) -> list[str]:
        """Ids of executions that units of this one started, oldest first, from place `first` on."""
        key = self.keys.children(execution_id)
        entries = await self._redis.lrange(key, first, first + limit - 1)
        return [entry.decode().split()[0] for entry in entries]

    async def children(self, execution_id: str) -> list[tuple[str, str]]:
        """(child id, unit) of every execution that units of this one started, oldest first."""
        entries = await self._redis.lrange(self.keys.children(execution_id), 0, -1)
        pairs = (entry.decode().split(" ") for entry in entries)
        return [(child_id, unit) for child_id, unit in pairs]

    # Submissions

    async def idempotent_execution(self, tenant: str, key: str) -> tuple[str, str] | None:
        """(request hash, execution id) of the submission made under an idempotency key."""
        known = await self._redis.get(self.keys.key("idempotency", tenant=tenant, key=key))
        if known is None:
            return None
        # A third word is the execution that was asked for, and not made: another one held its key.
        request_hash, execution_id, *_ = known.decode().split()
        return request_hash, execution_id

    async def staged_ids(self, limit: int) -> list[str]:
        """Ids of submissions that are not visible yet, oldest first."""
        members = await self._redis.zrange(self.keys.shared("staging"), 0, limit - 1)
        return [member.decode() for member in members]

    # What runs

    async def active_ids(self, cursor: int, count: int) -> tuple[int, list[str]]:
        """Scan executions that are under way, about `count` at a time; the cursor is 0 after the last."""
        following, members = await self._redis.sscan(self.keys.shared("active"), cursor, count=count)
        return following, [member.decode(errors="replace") for member in members]

    async def count_active(self) -> int:
        """Number of executions that are under way."""
        return int(await self._redis.scard(self.keys.shared("active")))

    async def next_timer_ms(self) -> int | None:
        """When the next timer fires."""
        first = await self._redis.zrange(self.keys.shared("timers"), 0, 0, withscores=True)
        return int(first[0][1]) if first else None

    async def run_id(self) -> str:
        """Id of the Redis process: another one may have lost the newest writes."""
        return str((await self._redis.info("server"))["run_id"])

    # Queues, dead nodes, usage

    async def queue_names(self) -> list[str]:
        """`default` and every queue that a definition has named, in alphabetical order."""
        named = await self._redis.smembers(self.keys.shared("queues"))
        return sorted({"default"}.union(name.decode() for name in named))

    async def queue_info(self, queue: str, *, readers: int) -> QueueInfo:
        """Length of one queue; all 0 before its first task. readers: the live workers that read it."""
        stream = self.keys.tasks(queue)
        pipe = self._redis.pipeline(transaction=False)
        pipe.xlen(stream)
        pipe.xrange(stream, count=1)
        length, oldest = await pipe.execute()
        pending = 0
        try:
            for group in await self._redis.xinfo_groups(stream):
                if group["name"] == self.keys.group.encode():
                    pending = group["pending"]
        except ResponseError:
            pass  # The stream does not exist before the first task.
        oldest_ms = int(oldest[0][0].split(b"-")[0]) if oldest else None
        return QueueInfo(queue, length, pending, oldest_ms, readers)

    async def queue_heads(self, queue: str, count: int) -> list[str]:
        """Message ids of the oldest tasks of a queue, in order."""
        rows = await self._redis.xrange(self.keys.tasks(queue), count=count)
        return [message_id.decode() for message_id, _ in rows]

    async def dead_entries(self, tenant: str, limit: int, *, before: str | None = None) -> list[DeadEntry]:
        """Dead nodes of a tenant, newest first; those older than the entry `before`."""
        newest = f"({before}" if before else "+"
        rows = await self._redis.xrevrange(self.keys.key("dead", tenant=tenant), newest, "-", count=limit)
        return [read_dead_entry(entry_id, fields) for entry_id, fields in rows]

    async def dead_entry(self, tenant: str, entry_id: str) -> DeadEntry | None:
        rows = await self._redis.xrange(self.keys.key("dead", tenant=tenant), entry_id, entry_id, count=1)
        return read_dead_entry(*rows[0]) if rows else None

    async def usage_rows(self, tenant: str, days: Sequence[int]) -> list[Usage]:
        """What a tenant's calls to paid services used on each of these days since the epoch, UTC."""
        pipe = self._redis.pipeline(transaction=False)
        for day in days:
            pipe.hmget(self.keys.usage(tenant, day), list(USED_FIELDS))
        return [read_usage(row) for row in await pipe.execute()]

    # Repair

    async def read_for_repair(self, execution_id: str) -> RepairView | None:
        """Read one execution whole, for the planner. Not atomic: `seq` lets the repair notice."""
        keys = self.keys
        # Read first: whatever is written while we read makes the repair be refused.
        seq = await self.seq(execution_id)
        execution = await self.execution(execution_id)
        if execution is None:
            return None
        definition = await self.definition(execution_id, execution.version)
        states, rejects = await self._nodes(execution_id, [node.id for node in definition.nodes])
        maps = await self.items.sights(execution_id, definition, states)
        units = [(node, states[node.id]) for node in definition.nodes if node.id not in maps]
        units += [
            (definition.node(node_id), state) for node_id in maps for state in maps[node_id].live.values()
        ]
        final = None if definition.output_node is None else await self.output_state(execution_id)
        if definition.output_node is not None and final is not None:
            units.append((definition.output_node, final))
        live_states, generation = [state for _, state in units], execution.generation
        leases, timers, live = await self.liveness.of(execution_id, units)
        pipe = self._redis.pipeline(transaction=False)
        pipe.lrange(keys.worklist(execution_id), 0, 99)
        pipe.zscore(keys.shared("timers"), timer_member("continue", execution_id, "", 0))
        for kind in ("execution_timeout", "cancel_grace"):
            pipe.zscore(keys.shared("timers"), timer_member(kind, execution_id, "", generation))
        pipe.sismember(keys.shared("active"), execution_id)
        pipe.hget(keys.runtime(execution_id), "grace_ms")
        if execution.status is ExecutionStatus.PAUSED:
            pipe.lrange(keys.held(execution_id), 0, -1)
        worklist, continued, deadline, grace, is_active, grace_ms, *held = await pipe.execute()
        missing = []
        # An ended execution took its timers with it; saved turns may be those that a timer just fired.
        may_miss = not execution.status.is_terminal and not worklist
        is_early = execution.cancelling in (Cancelling.USER, Cancelling.TIMEOUT)
        if may_miss and execution.deadline_ms and deadline is None and not is_early:
            missing.append(("execution_timeout", execution.deadline_ms))
        if may_miss and execution.cancelling is Cancelling.USER and grace is None and grace_ms:
            missing.append(("cancel_grace", int(grace_ms)))
        snapshot = Snapshot(
            execution=execution,
            definition=definition,
            nodes=states,
            leases=frozenset(leases),
            timers=frozenset(timers),
            live_messages=frozenset(live),
            worklist=tuple(item.decode() for item in worklist),
            has_continue_timer=continued is not None,
            not_taken=rejects,
            waits=await self.waits.sights(execution, live_states),
            inboxes=await self.journals.inboxes(execution_id, live_states),
            now_ms=await self.now_ms(),
            maps=maps,
            output=final,
            children=await child_states(self._redis, keys, live_states),
            held=frozenset(unit.decode() for unit in held[0]) if held else frozenset(),
            grace_ms=int(grace_ms) if grace_ms else None,
        )
        limits = await self.liveness.lost_limits(execution_id, units, generation) if may_miss else ()
        lost = await self._lost_layout(execution)
        return RepairView(snapshot, seq, tuple(missing), bool(is_active), limits, lost)

    async def _lost_layout(self, execution: Execution) -> str | None:
        """Digest of an execution's static layout, where that is lost."""
        digest = await self._redis.hget(self.keys.runtime(execution.execution_id), "layout")
        if digest is None:
            return None
        key = self.keys.layout(execution.tenant, digest.decode())
        return None if await self._redis.hexists(key, "whole") else digest.decode()

    async def _nodes(
        self, execution_id: str, node_ids: Sequence[str]
    ) -> tuple[dict[str, NodeState], dict[str, frozenset[str]]]:
        states: dict[str, NodeState] = {}
        rejects: dict[str, frozenset[str]] = {}
        width = len(NODE_FIELDS)
        for part in _slices(node_ids):
            names = ["v", *(f"{field}|{node_id}" for node_id in part for field in NODE_FIELDS)]
            statuses, answers = await self._wire.ask(
                [
                    ("MGET", *(self.keys.node(execution_id, node_id) for node_id in part)),
                    ("HMGET", self.keys.runtime(execution_id), *names),
                ]
            )
            _, *values = await as_layout_2(self._redis, self.keys, execution_id, names, answers)
            for i, node_id in enumerate(part):
                fields = values[i * width : (i + 1) * width]
                states[node_id] = read_node_state(node_id, statuses[i], fields[:-1])
                if fields[-1]:
                    rejects[node_id] = frozenset(fields[-1].decode().split())
        return states, rejects


def _slices(items: Sequence[str]) -> list[Sequence[str]]:
    return [items[i : i + SLICE] for i in range(0, len(items), SLICE)]
