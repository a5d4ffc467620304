"""The log of a run as rows: only what is new is looked at, and none is missing between two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.modules import Module

PREPARED = """
    const { EventRows } = module;
    const event = (seq) => ({ seq, type: "node.log", ts: new Date(seq * 1000).toISOString(), data: {} });
    const events = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => event(from + i));
    const seqs = (list) => list.rows.map((row) => row.event.seq);
"""


@pytest.fixture
def rows(pure: Callable[[str], Module]) -> Callable[[str], Any]:
    made = pure("pages/run/event_rows.js")
    return lambda body: made.run(f"(module) => {{ {PREPARED} {body} }}")


def test_what_comes_is_put_behind_and_what_is_older_in_front(rows: Callable[[str], Any]) -> None:
    assert rows(
        """const list = new EventRows();
        const taken = [list.append(events(5, 6)), list.append(events(6, 8))];
        list.prepend(events(3, 5));
        return [taken, seqs(list), list.first];"""
    ) == [[True, True], [3, 4, 5, 6, 7, 8], 3]


def test_a_row_has_the_time_since_the_one_before_it_that_fits(rows: Callable[[str], Any]) -> None:
    assert rows(
        """const list = new EventRows();
        list.append(events(1, 3));
        list.filter(({ seq }) => seq % 3 !== 0);
        list.append(events(4, 7));
        list.prepend([]);
        return list.rows.map(({ event, sinceMs }) => [event.seq, sinceMs]);"""
    ) == [[1, None], [2, 1000], [4, 2000], [5, 1000], [7, 2000]]


def test_each_event_is_looked_at_once_while_they_come(rows: Callable[[str], Any]) -> None:
    assert (
        rows(
            """let looks = 0;
        const list = new EventRows();
        list.filter(() => ++looks > 0);
        for (let seq = 1; seq <= 1_000; seq++) list.append([event(seq)]);
        return looks;"""
        )
        == 1000
    )


def test_events_with_a_hole_before_them_are_not_taken(rows: Callable[[str], Any]) -> None:
    assert rows(
        """const list = new EventRows();
        list.append(events(1, 3));
        const taken = list.append(events(7, 8));
        const before = seqs(list);
        list.restart(events(7, 8));
        list.prepend(events(1, 3));
        const between = seqs(list);
        list.prepend(events(5, 6));
        return [taken, before, between, seqs(list)];"""
    ) == [False, [1, 2, 3], [7, 8], [5, 6, 7, 8]]


def test_of_very_many_the_newer_half_is_kept(rows: Callable[[str], Any]) -> None:
    assert rows(
        """const list = new EventRows(10);
        list.append([{ type: "gap", data: {} }, ...events(1, 10)]);
        list.append([event(11)]);
        return [seqs(list), list.first, list.append([event(12)]), seqs(list).length];"""
    ) == [[7, 8, 9, 10, 11], 7, True, 6]
