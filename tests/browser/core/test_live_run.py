"""A run that is followed: what is read when, and that nothing is missed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.modules import Module

#: A server of one run in the place of the real one: `views` and `streams` are what it was asked for, `send`
#: writes events to the newest stream, and the view waits for `hold`.
PREPARED = """
    const { LiveRun } = live, views = [], streams = [], heard = [];
    const blank = { status: "PENDING", dependencies: [], handler: "noop", attempt: 0, try: 0 };
    const node = (id) => ({ node_id: id, ...blank });
    const event = (seq, type, node_id) => ({ seq, type, node_id, ts: "2026-11-29T08:00:00.000Z", data: {} });
    let stream, hold = null, seqOfView = 0;
    window.fetch = async (address, { signal } = {}) => {
        if (String(address).includes("/events")) {
            streams.push(new URL(address, location.href).searchParams.get("after"));
            return new Response(new ReadableStream({ start: (controller) => {
                stream = controller;
                signal.addEventListener("abort", () => controller.error(new Error("closed")));
            } }));
        }
        views.push(String(address));
        const body = { status: "RUNNING", seq: seqOfView, nodes: [node("a"), node("b")] };
        if (hold) await hold;
        return new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
    };
    const encoder = new TextEncoder();
    const send = (...events) => {
        const text = events.map((each) => `data: ${JSON.stringify(each)}\\n\\n`).join("");
        stream.enqueue(encoder.encode(text));
    };
    const until = async (holds) => {
        while (!holds()) await new Promise((done) => requestAnimationFrame(done));
    };
    const look = (hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    };
    const run = new LiveRun("x");
    run.listen((events) => heard.push(events.map(({ seq }) => seq)));
    await until(() => run.connection.value === "live");
"""


@pytest.fixture
def followed(module: Callable[[str], Module]) -> Callable[[str], Any]:
    """Run a function body with a run that is followed from its view on."""
    live = module("core/live_run.js")
    return lambda body: live.run(f"async (live) => {{ {PREPARED} {body} }}")


def test_a_stream_that_ends_goes_on_behind_the_last_event_without_the_view(
    followed: Callable[[str], Any],
) -> None:
    found = followed(
        """send(event(1, "node.queued", "a"), event(2, "node.started", "a"));
        await until(() => run.run.seq === 2);
        stream.close();
        await until(() => streams.length === 2);
        send(event(3, "node.completed", "a"));
        await until(() => run.run.seq === 3);
        return [views.length, streams, run.run.nodes.get("a").status];"""
    )

    assert found == [1, ["0", "2"], "COMPLETED"]


def test_a_tab_that_was_hidden_for_a_moment_goes_on_as_well(followed: Callable[[str], Any]) -> None:
    found = followed(
        """send(event(1, "node.queued", "a"));
        await until(() => run.run.seq === 1);
        look(true);
        const hidden = run.connection.value;
        look(false);
        await until(() => run.connection.value === "live");
        return [hidden, views.length, streams];"""
    )

    assert found == ["hidden", 1, ["0", "1"]]


def test_a_tab_that_was_hidden_for_long_reads_the_view(followed: Callable[[str], Any]) -> None:
    found = followed(
        """const now = Date.now;
        look(true);
        Date.now = () => now() + 3_600_000;
        seqOfView = 50_000;
        look(false);
        await until(() => run.connection.value === "live");
        return [views.length, streams];"""
    )

    assert found == [2, ["0", "50000"]]


def test_events_that_are_gone_cost_one_view_however_often_it_is_said(followed: Callable[[str], Any]) -> None:
    found = followed(
        """const gap = { type: "gap", data: { after: 0, next: 8 } };
        seqOfView = 9;
        send(gap, event(8, "node.queued", "a"));
        await until(() => run.run.seq === 8);
        send(gap, gap, event(9, "node.started", "a"));
        await until(() => views.length === 2 && run.shape.value === 2);
        await new Promise((done) => setTimeout(done, 300));
        return [views.length, streams, run.run.seq];"""
    )

    assert found == [2, ["0"], 9]


def test_what_comes_while_the_view_is_read_stays(followed: Callable[[str], Any]) -> None:
    found = followed(
        """let answer;
        hold = new Promise((done) => (answer = done));
        const reading = run.refresh();
        await until(() => views.length === 2);
        send(event(1, "node.queued", "a"), event(2, "node.token", "b"));
        await until(() => run.run.seq === 2);
        const shown = run.run;
        answer();
        await reading;
        const { nodes, seq, counts } = run.run;
        return [run.run !== shown, nodes.get("a").status, seq, Object.fromEntries(counts)];"""
    )

    assert found == [True, "QUEUED", 2, {"queued": 1, "pending": 1}]


def test_the_view_is_read_once_at_a_time_and_once_more_if_that_is_wanted(
    followed: Callable[[str], Any],
) -> None:
    found = followed(
        """let answer;
        hold = new Promise((done) => (answer = done));
        const reading = run.refresh();
        for (let i = 0; i < 5; i++) void run.refresh();
        const meanwhile = views.length;
        answer();
        await reading;
        return [meanwhile, views.length];"""
    )

    assert found == [2, 3]


def test_all_events_are_heard_once_per_frame(followed: Callable[[str], Any]) -> None:
    found = followed(
        """await new Promise((done) => requestAnimationFrame(done));
        for (let seq = 1; seq <= 3_000; seq += 100) {
            send(...Array.from({ length: 100 }, (_, i) => event(seq + i, "node.progress", "a")));
        }
        await until(() => heard.flat().length === 3_000);
        const inOrder = heard.flat().every((seq, at) => seq === at + 1);
        return [heard.length < 30, inOrder];"""
    )

    assert found == [True, True]


def test_a_node_that_changes_is_another_object_and_the_others_are_not(followed: Callable[[str], Any]) -> None:
    found = followed(
        """const before = new Map(run.run.nodes);
        send(event(1, "node.queued", "a"));
        await until(() => run.run.seq === 1);
        const { nodes } = run.run;
        const [a, b] = ["a", "b"].map((id) => before.get(id));
        return [nodes.get("a") !== a, a.status, nodes.get("b") === b];"""
    )

    assert found == [True, "PENDING", True]
