"""Tasks that were read and not claimed, since no handler host is free: their nodes stay QUEUED meanwhile."""

from __future__ import annotations

from orchestrator.store.replies import Delivery
from orchestrator.store.requests import AttemptToken
from workers.hosts.host import Kind
from workers.hosts.places import KINDS, Unit
from workers.hosts.pool import HandlerHosts


def unit_of(task: Delivery | AttemptToken) -> Unit:
    """Name the attempt that a task or a token is for."""
    return task.execution_id, task.node_id, task.attempt


class WaitingLine:
    """In the order in which they were read, for each kind of host.

    So do those that come before it is known what is offered here. Another worker may take one over after some
    seconds, and claim it: then it is claimed here in vain.
    """

    def __init__(self, hosts: HandlerHosts) -> None:
        self._hosts = hosts
        self._tasks: dict[Kind, dict[str, Delivery]] = {kind: {} for kind in KINDS}
        #: Asked for with every end of an attempt.
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def servable(self) -> int:
        """How many of them have a place in a host now."""
        return sum(
            min(len(tasks), max(0, self._hosts.places.free(kind)))
            for kind, tasks in self._tasks.items()
            if tasks
        )

    def add(self, task: Delivery) -> None:
        """Let a task wait. One that waits already, and was delivered again, keeps its place."""
        kind = self._hosts.kind_of(task.handler) or "sync"
        self._tasks[kind].setdefault(task.message_id, task)
        self._recount()

    def take(self, most: int) -> list[Delivery]:
        """Give those that have a place in a host now, and those that no host offers any more."""
        found: list[Delivery] = []
        if self._hosts.is_loading:
            return found
        for kind, tasks in self._tasks.items():
            while tasks and len(found) < most:
                message_id, task = next(iter(tasks.items()))
                now = self._hosts.kind_of(task.handler)
                if now is not None and now != kind:
                    # Its module was loaded again, and it is of the other kind now.
                    self._tasks[now][message_id] = tasks.pop(message_id)
                    continue
                if now is not None and not self._hosts.places.hold(unit_of(task), task.handler):
                    break
                found.append(tasks.pop(message_id))
        self._recount()
        return found

    def clear(self) -> list[Delivery]:
        """Give up all of them."""
        given = [task for tasks in self._tasks.values() for task in tasks.values()]
        for tasks in self._tasks.values():
            tasks.clear()
        self._recount()
        return given

    def _recount(self) -> None:
        self._count = sum(map(len, self._tasks.values()))
