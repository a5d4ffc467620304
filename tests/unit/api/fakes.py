"""A stand-in for the engine: executions in dictionaries, wake-ups by hand. It counts what it is asked."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

from orchestrator.definitions.definition import Definition, Node
from orchestrator.documents.limits import Limits
from orchestrator.errors import (
    DeadEntryNotFound,
    DefinitionInvalid,
    ExecutionNotFound,
    HeadraceError,
    Problem,
)
from orchestrator.execution.inventory import Check
from orchestrator.execution.model import Event, Execution, NodeState
from orchestrator.operations.events import Events, EventSubscription, Topic, Wakeup
from orchestrator.operations.owner import AnyOwner
from orchestrator.operations.results import ExecutionView, ResultPage
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store.reader import Store

EXECUTION_ID = "01900000-0000-7000-8000-000000000000"
#: What may be watched of it.
EVENTS, END = Topic(EXECUTION_ID), Topic(EXECUTION_ID, is_end=True)


class FakeWakeups:
    """What `engine.events.subscribe()` gives: wake-ups put in by hand come out at the other end."""

    def __init__(self) -> None:
        self.watched: set[Topic] = set()
        self.inbox: asyncio.Queue[Wakeup | None] = asyncio.Queue()
        self.is_closed = self.is_standing = False
        self.own_channel = "workflows:ends:1"

    async def watch(self, topic: Topic) -> None:
        await asyncio.sleep(0)
        self.watched.add(topic)
        self.inbox.put_nowait(Wakeup(topic, is_first=True))

    async def unwatch(self, topic: Topic) -> None:
        await asyncio.sleep(0)
        self.watched.discard(topic)

    async def aclose(self) -> None:
        self.is_closed = True

    def __aiter__(self) -> AsyncIterator[Wakeup | None]:
        return self._wakeups()

    async def _wakeups(self) -> AsyncIterator[Wakeup | None]:
        while True:
            yield await self.inbox.get()


class FakeEngine:
    """Holds one execution, EXECUTION_ID; `record` adds to its history, `fail_with` makes every call fail."""

    def __init__(self) -> None:
        self.limits = Limits()
        self.calls: Counter[str] = Counter()
        self.sent: dict[str, Any] = {}
        self.current = ExecutionStatus.RUNNING
        self.history: list[Event] = []
        self.texts: dict[str, bytes | None] = {"A": b'{"data":  "as stored"}', "B": None}
        #: A page asked for with fewer bytes has one node.
        self.page_bytes = 0
        self.wakeups_made: list[FakeWakeups] = []
        self.fail_with: Exception | None = None
        self.is_replay = False
        self.is_ready = True
        self.authentication = SimpleNamespace()
        self.executions = SimpleNamespace(
            submit=self._submit, trigger=self._trigger, status=self._status, get=self._get,
            list=self._list, cancel=self._cancel, find=self._find, statuses=self._statuses,
        )  # fmt: skip
        self.outputs = SimpleNamespace(page=self._page)
        store = SimpleNamespace(status=self._status, events=self._events, last_seq=self._last_seq)
        self.events = Events(
            cast(Store, store),
            lambda: cast(EventSubscription, self._subscribe()),
            AnyOwner(cast(Store, store)),
        )
        self.health = SimpleNamespace(check=self._check)
        self.dead_letters = SimpleNamespace(drop=self._drop)

    def of(self, tenant: str) -> "FakeEngine":
        return self

    def record(self, type_: str = "node.progress", data: bytes = b"{}", *, is_announced: bool = True) -> None:
        """Append one event and, as the engine's scripts do, wake who watches."""
        seq = self.history[-1].seq + 1 if self.history else 1
        self.history.append(Event(seq, type_, EXECUTION_ID, "A", 1, 1_700_000_000_123 + seq, data))
        if is_announced:
            for wakeups in self.wakeups_made:
                for topic in (EVENTS, END) if self.current.is_terminal else (EVENTS,):
                    if topic in wakeups.watched:
                        wakeups.inbox.put_nowait(Wakeup(topic))

    def finish(self) -> None:
        """End the execution, status and event at once."""
        self.current = ExecutionStatus.COMPLETED
        self.record("execution.completed")

    def _subscribe(self) -> FakeWakeups:
        self.calls["subscription"] += 1
        self.wakeups_made.append(FakeWakeups())
        return self.wakeups_made[-1]

    async def _submit(self, document: Any, **given: Any) -> SimpleNamespace:
        if callable(document):
            document = document()
        self._asked("submit", None)
        self.sent = {"document": document, **given}
        if "name" not in document:
            problem = Problem("nodes[0]", "duplicate_id", "Duplicate node ID: A", kind="graph")
            raise DefinitionInvalid([problem])
        status = ExecutionStatus.RUNNING if given.get("trigger") else ExecutionStatus.PENDING
        return SimpleNamespace(
            execution_id=EXECUTION_ID,
            status=status,
            replayed=self.is_replay,
            existing=False,
            warnings=(),
        )

    async def _trigger(self, execution_id: str, **given: Any) -> SimpleNamespace:
        self._asked("trigger", execution_id)
        self.sent = given
        return SimpleNamespace(execution_id=execution_id, status=self.current, already=False, warnings=())

    async def _status(self, execution_id: str) -> ExecutionStatus:
        self._asked("status", execution_id)
        return self.current

    async def _find(self, name: str) -> str:
        if name != EXECUTION_ID:
            raise ExecutionNotFound(name)
        return name

    async def _statuses(self, execution_ids: Sequence[str]) -> dict[str, ExecutionStatus]:
        self.calls["statuses"] += 1
        if self.fail_with is not None:
            raise self.fail_with
        return {each: self.current for each in execution_ids if each == EXECUTION_ID}

    async def _get(self, execution_id: str, *, is_lean: bool = False) -> ExecutionView:
        self._asked("get", execution_id)
        nodes = (Node("A", "noop"), Node("B", "noop"))
        return ExecutionView(
            execution=self._execution(),
            definition=Definition("linear", nodes, by_id={node.id: node for node in nodes}),
            nodes=[NodeState("A", NodeStatus.COMPLETED, attempt=1, tries=1), NodeState("B")],
            outputs=self.texts,
            counts={},
            is_quiesced=False,
        )

    async def _page(self, execution_id: str, *, cursor: str | None = None, most_bytes: int = 0) -> ResultPage:
        """All at once, or node by node where fewer than `page_bytes` are asked for."""
        self._asked("page", execution_id)
        if most_bytes >= self.page_bytes:
            return ResultPage(self.texts, None)
        place = int(cursor or 0)
        node_id = list(self.texts)[place]
        return ResultPage(
            {node_id: self.texts[node_id]}, str(place + 1) if place + 1 < len(self.texts) else None
        )

    async def _list(self, **given: Any) -> SimpleNamespace:
        self._asked("list", None)
        self.sent = given
        return SimpleNamespace(items=[self._execution()], next_cursor="more")

    async def _cancel(self, execution_id: str, **given: Any) -> SimpleNamespace:
        self._asked("cancel", execution_id)
        self.sent = given
        return SimpleNamespace(execution_id=execution_id, status=self.current, already=False)

    async def _events(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        self._asked("events", execution_id)
        await asyncio.sleep(0)
        return [event for event in self.history if event.seq > after][:limit]

    async def _last_seq(self, execution_id: str) -> int:
        self._asked("last_seq", execution_id)
        return self.history[-1].seq if self.history else 0

    async def _check(self) -> SimpleNamespace:
        checks = [
            Check("version", "ok" if self.is_ready else "error", "7.2"),
            Check("persistence", "ok", "AOF everysec"),
        ]
        return SimpleNamespace(ok=self.is_ready, checks=checks)

    async def _drop(self, entry_id: str) -> None:
        if entry_id != "1-0":
            raise DeadEntryNotFound(entry_id)

    def _asked(self, verb: str, execution_id: str | None) -> None:
        self.calls[verb] += 1
        if self.fail_with is not None:
            raise self.fail_with
        if execution_id not in (None, EXECUTION_ID):
            raise ExecutionNotFound(str(execution_id))

    def _execution(self) -> Execution:
        return Execution(EXECUTION_ID, "linear", "v1", self.current, left=1, created_ms=1_700_000_000_123)


class Crash(HeadraceError):
    """An error that no row of the table names."""
