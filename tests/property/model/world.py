"""A world to test the scripts in: executions, simulated workers, a clock, and every way things go wrong.

Nothing here runs a handler. A worker is what it holds: tasks it has read, attempts it has claimed. Each
action draws from the dice it is given, so that equal programs do equal things.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from clients.redis_wire import Wire
from orchestrator.definitions.definition import OUTPUT, Definition, Node
from orchestrator.execution.explain import explain
from orchestrator.loops.sweep import Sweep
from orchestrator.operations.origin import NO_ORIGIN, Origin
from orchestrator.store.reader import Store
from orchestrator.store.repair_words import repair_words
from orchestrator.store.replies import Claim, Delivery
from orchestrator.store.requests import AttemptToken, digest_of
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from orchestrator.units import index_of, node_of
from tests.property.model.clocks import Clocks
from tests.property.model.drawn_dag import compiled
from tests.property.model.family_checks import of_family
from tests.property.model.hooks import Hooks
from tests.property.model.mails import Mails
from tests.property.model.processes import Process
from tests.property.model.purges import Remains
from tests.property.model.reading import GONE, Reader
from tests.property.model.registered import Registry
from tests.property.model.semantics_check import check_end
from tests.property.model.snapshots import (
    ENDED,
    ExecutionSnapshot,
    broken_promises,
    error_of,
    facts,
)
from tests.property.model.tenancy import of_lists, of_views
from tests.property.model.writings import Writings

START_MS = 1_700_000_000_000
LEASE_MS = 2_000


class ClockedStore(Store):
    """Reads with the world's clock."""

    clock_ms = START_MS

    async def now_ms(self) -> int:
        return self.clock_ms


@dataclass(slots=True)
class Case:
    """One execution, and what its workers were told was taken."""

    execution_id: str
    document: dict[str, Any]
    definition: Definition
    tenant: str = "default"
    origin: Origin = NO_ORIGIN
    seen: ExecutionSnapshot | None = None
    #: What the call said that ended a node, or parked it: "ok", "fail", "skip", or ("branch", ids).
    taken: dict[str, str | tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    outputs: dict[str, bytes] = field(default_factory=dict)
    #: Nodes whose task was given back when nobody had offered the handler for too long.
    given_up: set[str] = field(default_factory=set)
    #: What `taken` becomes should somebody answer a node that waits.
    answered: dict[str, Any] = field(default_factory=dict)
    #: Nodes that an operator ended, whatever their dependencies said.
    by_hand: set[str] = field(default_factory=set)
    #: The execution and the unit that started it, and levels below one that nobody's unit started.
    parent: str = ""
    parent_unit: str = ""
    depth: int = 0
    #: The look that first saw it being cancelled by its parent.
    asked_in: int | None = None
    #: What its calls were told was started: (execution id, unit).
    started: list[tuple[str, str]] = field(default_factory=list)
    #: Nodes that the last retry has run again; nodes that have once let go of what they had started.
    again: frozenset[str] = frozenset()
    let_go: set[str] = field(default_factory=set)
    #: What retries counted and heartbeats told last, by unit.
    counts: dict[str, tuple[int, ...]] = field(default_factory=dict)
    beats: dict[str, bytes] = field(default_factory=dict)
    #: Typed events that were taken, in order: unit, attempt, number within it.
    events: list[tuple[str, int, int]] = field(default_factory=list)
    writings: Writings = field(default_factory=Writings)

    @property
    def now(self) -> ExecutionSnapshot:
        assert self.seen is not None
        return self.seen

    def node(self, unit: str) -> Node:
        """The node a unit belongs to, be it what renders the output of the whole."""
        last = self.definition.output_node
        return last if unit == OUTPUT and last else self.definition.node(node_of(unit))

    def forget(self, unit: str) -> None:
        """It runs again. Its output is known until there is another: the turn that drops it may be lost."""
        for known in (self.taken, self.counts, self.beats):
            known.pop(unit, None)
        self.given_up.discard(unit)
        self.by_hand.discard(unit)


@dataclass(slots=True, eq=False)
class SimWorker:
    """What one worker process would have in memory."""

    name: str
    offers: str
    read: list[Delivery] = field(default_factory=list)
    held: list[AttemptToken] = field(default_factory=list)
    requests: int = 0


class World:
    """is_faulty  keys may be deleted at random; without it nothing must ever need a repair."""

    def __init__(self, transitions: Transitions, *, is_faulty: bool) -> None:
        self.redis: Redis = transitions._redis
        self.is_faulty = is_faulty
        self.transitions = transitions
        self.store = ClockedStore(self.redis)
        self.wire = Wire(self.redis)
        self.reader = Reader(self.wire)
        self.sweep = Sweep(self.store, self.transitions)
        self.cases: list[Case] = []
        own = " noop condition sub_workflow $output "
        self.workers = [SimWorker("w0", own), SimWorker("w1", f"{own}odd ")]
        #: Attempts whose worker fell silent; it may still come back with a result.
        self.strays: list[AttemptToken] = []
        #: What each attempt has said and may send again, by number; and the newest that was taken of it.
        self.said: dict[AttemptToken, list[tuple[int, str]]] = {}
        self.newest: dict[AttemptToken, int] = {}
        self.sent: deque[tuple[Call[Any], SimWorker]] = deque(maxlen=20)
        #: Idempotency keys by tenant: digest of the request, and what it made.
        self.keys_used: dict[tuple[str, str], tuple[str, str]] = {}
        #: Who holds an execution key, by tenant and digest.
        self.holders: dict[tuple[str, str], str] = {}
        self.registry, self.clocks, self.hooks, self.mails = Registry(), Clocks(), Hooks(), Mails()
        self.remains = Remains()
        self.processes = [Process(self.store, self.transitions) for _ in range(2)]
        self.submitted = 0
        self.staged: list[str] = []
        self.numbers = count(1)
        self.program: list[str] = []
        self.clock_ms = START_MS
        self.states = 0
        self.fingerprints: set[int] = set()
        self.now_ms = START_MS

    @property
    def now_ms(self) -> int:
        return self.clock_ms

    @now_ms.setter
    def now_ms(self, value: int) -> None:
        self.clock_ms = self.store.clock_ms = self.transitions.now_ms = value

    async def open(self) -> None:
        await self.redis.flushdb()
        await self.make_groups()
        await self.transitions.create_tenant("other", "The other one", call_id="opened")

    async def close(self) -> None:
        """Give back the connections it has kept."""
        await self.wire.let_go()
        await self.store.let_go()

    async def make_groups(self) -> None:
        for stream in ("workflow:tasks", "workflow:tasks:side"):
            try:
                await self.redis.xgroup_create(stream, "workflow_group", id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    def next_id(self) -> str:
        """The id of the next execution that is submitted."""
        self.submitted += 1
        return f"x{self.submitted - 1}"

    def holder(self, tenant: str, origin: Origin) -> str | None:
        """The execution that holds the key a start asks for."""
        key = origin.execution_key
        return self.holders.get((tenant, digest_of(key))) if key else None

    def forget(self, case: Case) -> None:
        """It was purged: nothing finds it any more, nor by its key."""
        self.cases = [each for each in self.cases if each is not case]
        self.remains.cases[case.execution_id] = case
        self.holders = {key: held for key, held in self.holders.items() if held != case.execution_id}

    def one_with(self, dice: Random, what: str) -> SimWorker | None:
        """A worker that has read tasks, or holds attempts; None when none has."""
        found = [worker for worker in self.workers if getattr(worker, what)]
        return dice.choice(found) if found else None

    async def drain_worklist(self, execution_id: str, more: bool | int, dice: Random) -> None:
        """Go on with a saved worklist, unless whoever should do so dies first."""
        while more and dice.random() < 0.6:
            _, more = await self.transitions.continue_execution(execution_id)

    def child_of(self, case: Case, unit: str) -> Case | None:
        """The execution a unit started last."""
        child_id = case.now.of("child", unit)
        return next((each for each in self.cases if each.execution_id == child_id), None)

    def case_of(self, execution_id: str) -> Case:
        found = (case for case in self.cases if case.execution_id == execution_id)
        return self.remains.cases.get(execution_id) or next(found)

    def expected_word(self, token: AttemptToken, *, is_cancel: bool = False) -> str:
        """What a call that ends this attempt must be answered, by the last look at its node."""
        if token.execution_id in self.remains.cases:
            return "gone"
        now = self.case_of(token.execution_id).now
        if is_cancel and not now.runtime.get("cancelling"):
            return "uncalled"
        current = (now.of("attempt", token.node_id), now.of("nonce", token.node_id))
        if current[1] == f"!{token.nonce}":
            return "dup"
        is_current = current == (str(token.attempt), token.nonce)
        return "ok" if is_current and now.units.get(token.node_id) == "RUNNING" else "fenced"

    def hold(self, worker: SimWorker, claim: Claim) -> None:
        case = self.case_of(claim.execution_id)
        assert claim.counts in ((), case.counts.get(claim.node_id, ())), claim
        assert claim.beat in (b"", case.beats.get(claim.node_id, b"")), claim
        token = AttemptToken(claim.execution_id, claim.node_id, claim.attempt, claim.nonce)
        known = [*self.strays, *(each for one in self.workers for each in one.held)]
        if token not in known:
            worker.held.append(token)

    async def look(self) -> None:
        """Look at everything and hold it against the promises."""
        shared = await self.reader.shared()
        changed: list[tuple[Case, ExecutionSnapshot | None]] = []
        unread = list(self.cases)
        while unread:
            found = await self.reader.look(unread, shared)
            for case in [case for case, now in found if now is GONE]:
                self._gone(case)
            found = [(case, now) for case, now in found if now is not GONE]
            changed += [(case, case.seen) for case, now in found if now]
            unread = [child for case, now in found if now for child in self._took_in(case, now)]
        for case, before in changed:
            broken = of_family(self, case, before)
            if not broken and (not self.is_faulty or self.states % 5 == 0):
                broken = await self._unexplained(case)
            assert not broken, self.told(case, broken)
        self.mails.take_in(self)
        broken = await of_lists(self) + await of_views(self)
        strange = sorted(set(shared) & set(self.remains.cases))
        broken += [f"{each} was purged, and has {shared[each]}" for each in strange]
        assert not broken, self.told(None, broken)
        self.states += 1

    def _gone(self, case: Case) -> None:
        """A child may go with its parent once it has ended."""
        assert case.parent in self.remains.cases, self.told(case, ["it is gone, and nobody purged it"])
        assert case.now.has_ended, self.told(case, ["it went with its parent before it had ended"])
        self.forget(case)

    def _took_in(self, case: Case, now: ExecutionSnapshot) -> list[Case]:
        """Hold what was seen of one execution against the promises; gives what it has started since."""
        broken = broken_promises(case.seen, now, case.definition, is_faulty=self.is_faulty, again=case.again)
        broken += self._foreign_outputs(case, now) + case.writings.broken(now)
        if list(now.events) != case.events:
            broken.append(f"its typed events are {now.events}, taken were {case.events}")
        case.seen = now
        if case.parent in self.remains.cases and "parent" not in now.runtime:
            # Cut loose: it goes on as an execution of its own.
            case.parent = ""
        if case.asked_in is None and now.runtime.get("cancel_request", "").startswith("parent:"):
            case.asked_in = self.states
        if now.has_ended and not broken:
            broken = check_end(case)
        assert not broken, self.told(case, broken)
        self.fingerprints.add(now.fingerprint)
        known = {each.execution_id for each in self.cases}
        fresh = [self._child_case(case, *each) for each in now.children if each[0] not in known]
        self.cases.extend(fresh)
        return fresh

    @staticmethod
    def _child_case(case: Case, child_id: str, unit: str) -> Case:
        document = case.node(unit).config["workflow"]
        return Case(
            child_id, document, compiled(document),
            tenant=case.tenant, parent=case.execution_id, parent_unit=unit, depth=case.depth + 1,
        )  # fmt: skip

    async def due_times(self) -> dict[bytes, float]:
        """Every timer and lease, with its moment."""
        redis: Any = self.redis
        timers = await redis.zrange("workflows:timers", 0, -1, withscores=True)
        return dict(timers + await redis.zrange("workflows:leases", 0, -1, withscores=True))

    async def _unexplained(self, case: Case) -> list[str]:
        """Everything that has not ended is explained; where nothing is lost nothing is to be repaired."""
        sight = await self.store.read_for_repair(case.execution_id)
        assert sight is not None
        repairs = repair_words(sight)
        told = {each.node_id: each for each in explain(sight.snapshot, [], {})}
        open_nodes = [node_id for node_id, word in case.now.nodes.items() if word not in ENDED]
        broken = [f"{node_id} is not explained" for node_id in open_nodes if node_id not in told]
        broken += [f"it says too little: {each}" for each in told.values() if not each.waiting_for]
        # Turns of a resume that are saved may be about to set a timer again.
        if not repairs and not sight.snapshot.worklist:
            broken += [f"nothing repairs {each}" for each in told.values() if each.details.get("repair")]
        if not self.is_faulty:
            broken += [f"a repair is planned: {repair}" for repair in repairs]
        return broken

    @staticmethod
    def _foreign_outputs(case: Case, now: ExecutionSnapshot) -> list[str]:
        items = {
            unit: now.items[node_of(unit)][f"o{index_of(unit)}"].encode()
            for unit, word in now.units.items()
            if "[" in unit and word == "COMPLETED"
        }
        copied = {OUTPUT: now.outputs.get(case.definition.copied_node or "")}
        return [
            f"the output of {node_id} is {output!r}, taken was {case.outputs.get(node_id)!r}"
            for node_id, output in (now.outputs | items).items()
            if output is not None
            and output not in (case.outputs.get(node_id), error_of(now, node_id), copied.get(node_id))
        ]

    def told(self, case: Case | None, broken: list[str]) -> str:
        shown = "\n  ".join(broken)
        steps = "\n  ".join(self.program[-40:])
        if case is None:
            return f"{shown}\nlast steps:\n  {steps}"
        return f"{case.execution_id}:\n  {shown}\n{facts(case.now)}\n{case.document}\nlast steps:\n  {steps}"
