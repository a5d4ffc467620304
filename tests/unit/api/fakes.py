"""A stand-in for the engine: executions in dictionaries, wake-ups by hand. It counts what it is asked."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

from orchestrator.definitions.retry import ONE_ATTEMPT
from orchestrator.documents.limits import Limits
from orchestrator.errors import DefinitionInvalid, ExecutionNotFound, HeadraceError, Problem
from orchestrator.execution.model import Event, Execution, NodeState
from orchestrator.states import ExecutionStatus, NodeStatus
from orchestrator.store.health import Check

EXECUTION_ID = "01900000-0000-7000-8000-000000000000"


class FakeWakeups:
    """What `engine.wakeups()` gives: ids put in by hand come out at the other end."""

    def __init__(self) -> None:
        self.watched: set[str] = set()
        self.inbox: asyncio.Queue[str | None] = asyncio.Queue()
        self.is_closed = False

    async def watch(self, execution_id: str) -> None:
        await asyncio.sleep(0)
        self.watched.add(execution_id)

    async def unwatch(self, execution_id: str) -> None:
        await asyncio.sleep(0)
        self.watched.discard(execution_id)

    async def aclose(self) -> None:
        self.is_closed = True

    def __aiter__(self) -> AsyncIterator[str | None]:
        return self._ids()

    async def _ids(self) -> AsyncIterator[str | None]:
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
        self.outputs: dict[str, bytes | None] = {"A": b'{"data":  "as stored"}', "B": None}
        self.wakeups_made: list[FakeWakeups] = []
        self.fail_with: Exception | None = None
        self.is_replay = False
        self.is_ready = True

    def record(self, type_: str = "node.progress", data: bytes = b"{}", *, is_announced: bool = True) -> None:
        """Append one event and, as the engine's scripts do, wake who watches."""
        seq = self.history[-1].seq + 1 if self.history else 1
        self.history.append(Event(seq, type_, EXECUTION_ID, "A", 1, 1_700_000_000_123 + seq, data))
        if is_announced:
            for wakeups in self.wakeups_made:
                if EXECUTION_ID in wakeups.watched:
                    wakeups.inbox.put_nowait(EXECUTION_ID)

    def finish(self) -> None:
        """End the execution, status and event at once."""
        self.current = ExecutionStatus.COMPLETED
        self.record("execution.completed")

    def subscription(self) -> FakeWakeups:
        self.calls["subscription"] += 1
        self.wakeups_made.append(FakeWakeups())
        return self.wakeups_made[-1]

    async def submit(self, document: Any, **given: Any) -> SimpleNamespace:
        if callable(document):
            document = document()
        self._asked("submit", None)
        self.sent = {"document": document, **given}
        if "name" not in document:
            problem = Problem("nodes[0]", "duplicate_id", "Duplicate node ID: A", kind="graph")
            raise DefinitionInvalid([problem])
        status = ExecutionStatus.RUNNING if given.get("trigger") else ExecutionStatus.PENDING
        return SimpleNamespace(execution_id=EXECUTION_ID, status=status, replayed=self.is_replay)

    async def trigger(self, execution_id: str, **given: Any) -> SimpleNamespace:
        self._asked("trigger", execution_id)
        self.sent = given
        return SimpleNamespace(execution_id=execution_id, status=self.current, already=False)

    async def status(self, execution_id: str) -> ExecutionStatus:
        self._asked("status", execution_id)
        return self.current

    async def get(self, execution_id: str) -> SimpleNamespace:
        self._asked("get", execution_id)
        node = SimpleNamespace(handler="noop", dependencies=(), policy=ONE_ATTEMPT, map=None)
        nodes = [NodeState("A", NodeStatus.COMPLETED, attempt=1, tries=1), NodeState("B")]
        return SimpleNamespace(
            execution=self._execution(),
            nodes=nodes,
            definition=SimpleNamespace(node=lambda _: node),
            output=None,
            output_error=None,
        )

    async def is_quiesced(self, view: Any) -> bool:
        return False

    async def results(self, execution_id: str) -> dict[str, bytes | None]:
        self._asked("results", execution_id)
        return self.outputs

    async def list(self, **given: Any) -> SimpleNamespace:
        self._asked("list", None)
        self.sent = given
        return SimpleNamespace(items=[self._execution()], next_cursor="more")

    async def cancel(self, execution_id: str, **given: Any) -> SimpleNamespace:
        self._asked("cancel", execution_id)
        self.sent = given
        return SimpleNamespace(execution_id=execution_id, status=self.current, already=False)

    async def events(self, execution_id: str, *, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        self._asked("events", execution_id)
        await asyncio.sleep(0)
        return [event for event in self.history if event.seq > after][:limit]

    async def last_seq(self, execution_id: str) -> int:
        self._asked("last_seq", execution_id)
        return self.history[-1].seq if self.history else 0

    async def ready(self) -> SimpleNamespace:
        checks = [
            Check("version", "ok" if self.is_ready else "error", "7.2"),
            Check("persistence", "ok", "AOF everysec"),
        ]
        return SimpleNamespace(ok=self.is_ready, checks=checks)

    async def drop_dead(self, entry_id: str) -> bool:
        return entry_id == "1-0"

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
