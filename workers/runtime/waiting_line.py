"""Tasks that were read and not claimed, since no handler host is free: their nodes stay QUEUED meanwhile."""

from __future__ import annotations

from orchestrator.store.replies import Delivery
from orchestrator.store.requests import AttemptToken
from workers.hosts.places import Unit
from workers.hosts.pool import HandlerHosts


def unit_of(task: Delivery | AttemptToken) -> Unit:
    """Name the attempt that a task or a token is for."""
    return task.execution_id, task.node_id, task.attempt


class WaitingLine:
    """In the order in which they were read. Another worker may take one over after some seconds."""

    def __init__(self, hosts: HandlerHosts) -> None:
        self._hosts = hosts
        self._tasks: dict[str, Delivery] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, task: Delivery) -> None:
        """Let a task wait. One that waits already, and was delivered again, keeps its place."""
        self._tasks.setdefault(task.message_id, task)

    def take(self) -> list[Delivery]:
        """Give those that can be claimed now, each with a place in a host."""
        found: list[Delivery] = []
        full: set[str] = set()
        for message_id, task in list(self._tasks.items()):
            kind = self._hosts.kind_of(task.handler)
            # Of one that no host offers any more the worker finds out when it claims it.
            if kind is not None and (
                kind in full or not self._hosts.places.hold(unit_of(task), task.handler)
            ):
                full.add(kind)
                continue
            found.append(self._tasks.pop(message_id))
        return found

    def clear(self) -> list[Delivery]:
        """Give up all of them."""
        tasks, self._tasks = list(self._tasks.values()), {}
        return tasks
