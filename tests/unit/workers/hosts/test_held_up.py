"""Hosts whose loop is held up are replaced, each in its time."""

from __future__ import annotations

from typing import Any

from workers.hosts.held_up import MOST_HELD_UP, look
from workers.hosts.pool import HandlerHosts


class FakeHost:
    """A host that an attempt of which nothing is known holds up."""

    def __init__(self, number: int) -> None:
        self.pid = number
        self.calls: dict[int, Any] = {}
        self.is_held_up = False
        self.is_retiring = False
        self.holds = 1

    def holder(self, patience_s: float) -> int:
        return self.holds


class FakePlaces:
    def freed(self) -> None:
        return None


class FakeHosts:
    """Replaces hosts; the one that has come is held up as well."""

    def __init__(self) -> None:
        self.places = FakePlaces()
        self.all: list[FakeHost] = [FakeHost(0)]

    def running(self, kind: str) -> list[FakeHost]:
        return list(self.all)

    held_up = HandlerHosts.held_up

    @property
    def _hosts(self) -> list[FakeHost]:
        return self.all

    def replace(self, host: FakeHost) -> None:
        if not host.is_retiring:
            host.is_retiring = True
            self.all.append(FakeHost(len(self.all)))


def test_a_host_beyond_those_that_may_be_held_up_is_replaced_once_one_of_them_is_free() -> None:
    hosts: Any = FakeHosts()
    for _ in range(10):
        look(hosts)
    assert [host.is_retiring for host in hosts.all] == [*[True] * MOST_HELD_UP, False]

    hosts.all[0].holds = 0
    look(hosts)
    look(hosts)

    assert [host.is_retiring for host in hosts.all] == [*[True] * (MOST_HELD_UP + 1), False]
