"""A world to test the scripts in: executions, simulated workers, a clock, and every way things go wrong.

Nothing here runs a handler. A worker is what it holds: tasks it has read, attempts it has claimed. Each
action draws from the dice it is given, so that equal programs do equal things.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from itertools import count
from random import Random
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from clients.redis_wire import Wire
from orchestrator.definitions.definition import OUTPUT, Definition, Node
from orchestrator.execution.explain import explain
from orchestrator.loops.sweep import Sweep
from orchestrator.redis_keys import Keys
from orchestrator.store import layout, library
from orchestrator.store.library import Library, compose, sources
from orchestrator.store.reader import Store
from orchestrator.store.repair_words import repair_words
from orchestrator.store.replies import Claim, Delivery
from orchestrator.store.requests import AttemptToken, Idempotency
from orchestrator.store.script_client import Call
from orchestrator.store.transitions import Transitions
from orchestrator.units import index_of, node_of
from tests.property.model.drawn_dag import compiled, draw_document
from tests.property.model.family_checks import of_family
from tests.property.model.reading import Reader
from tests.property.model.semantics_check import check_end
from tests.property.model.snapshots import (
    ENDED,
    ExecutionSnapshot,
    broken_promises,
    error_of,
    facts,
)

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
        self.sent: deque[tuple[Call[Any], SimWorker]] = deque(maxlen=20)
        self.keys_used: dict[str, tuple[str, str]] = {}
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

    async def close(self) -> None:
        """Give back the connections it has kept."""
        await self.wire.let_go()

    async def make_groups(self) -> None:
        for stream in ("workflow:tasks", "workflow:tasks:side"):
            try:
                await self.redis.xgroup_create(stream, "workflow_group", id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def submit(self, dice: Random, execution_id: str, *, is_started: bool, key: str = "") -> str:
        """Submit a drawn definition as an API process would; gives the reply's word."""
        document = draw_document(dice)
        definition = compiled(document)
        body = orjson.dumps(document)
        laid = layout.lay_out(definition)
        for part in laid.staged:
            await self.transitions.stage_execution(execution_id, part)
        if dice.random() < 0.05:
            self.staged.append(execution_id)
            return "abandoned"
        digest = sha1(body, usedforsecurity=False).hexdigest()
        call = self.transitions.create_execution(
            execution_id, body, laid.last, is_started=is_started, idempotency=Idempotency(key, digest, "")
        )
        word, made, more = await call
        if dice.random() < 0.2:
            assert (await call)[:2] == [word, made]
        if word == "ok":
            self.cases.append(Case(execution_id, document, definition))
            self.keys_used.setdefault(key, (digest, execution_id))
        else:
            known_hash, known_id = self.keys_used[key]
            expected = "replayed" if known_hash == digest else "conflict"
            assert (word, made) == (expected, known_id)
            self.staged.append(execution_id)
        await self.drain_worklist(execution_id, more, dice)
        return str(word)

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
        return next(case for case in self.cases if case.execution_id == execution_id)

    def expected_word(self, token: AttemptToken, *, is_cancel: bool = False) -> str:
        """What a call that ends this attempt must be answered, by the last look at its node."""
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
            changed += [(case, case.seen) for case, now in found if now]
            unread = [child for case, now in found if now for child in self._took_in(case, now)]
        for case, before in changed:
            broken = of_family(self, case, before)
            if not broken and (not self.is_faulty or self.states % 5 == 0):
                broken = await self._unexplained(case)
            assert not broken, self.told(case, broken)
        self.states += 1

    def _took_in(self, case: Case, now: ExecutionSnapshot) -> list[Case]:
        """Hold what was seen of one execution against the promises; gives what it has started since."""
        broken = broken_promises(case.seen, now, case.definition, is_faulty=self.is_faulty, again=case.again)
        broken += self._foreign_outputs(case, now)
        case.seen = now
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
            parent=case.execution_id, parent_unit=unit, depth=case.depth + 1,
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
        if not repairs:
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
        return [
            f"the output of {node_id} is {output!r}, taken was {case.outputs.get(node_id)!r}"
            for node_id, output in (now.outputs | items).items()
            if output is not None and output not in (case.outputs.get(node_id), error_of(now, node_id))
        ]

    def told(self, case: Case, broken: list[str]) -> str:
        shown = "\n  ".join(broken)
        steps = "\n  ".join(self.program[-40:])
        return f"{case.execution_id}:\n  {shown}\n{facts(case.now)}\n{case.document}\nlast steps:\n  {steps}"


@contextmanager
def small_turns() -> Iterator[Library]:
    """The scripts with tiny budgets and chunks: small executions save their worklists as large ones do."""
    kept = (layout.CHUNK, layout.SLICE)
    files = sources()
    settle = files["include/settle"].replace("local BUDGET = 160\n", "local BUDGET = 3\n")
    items = files["include/items"].replace("local ITEMS_IN_A_TURN = 100\n", "local ITEMS_IN_A_TURN = 2\n")
    assert settle != files["include/settle"]
    assert items != files["include/items"]
    layout.CHUNK = layout.SLICE = 2
    setattr(library, "CHUNK", 2)  # noqa: B010
    try:
        yield compose(Keys(), {**files, "include/settle": settle, "include/items": items})
    finally:
        layout.CHUNK, layout.SLICE = kept
        setattr(library, "CHUNK", kept[0])  # noqa: B010
