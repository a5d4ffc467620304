"""Handlers that leave a trace outside Redis: one line when a call begins, one when it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from headrace import Context, Parked, Retryable, handler

#: Signs of life in one call.
STEPS = 10


@handler("record")
async def record(config: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Work for `work_ms`; fail the first `fail_times` tries, or with each of `errors`.

    Output: {"nonce", "attempt"} of this call.
    """
    with call_of(context) as call:
        await asyncio.sleep(config.get("work_ms", 10) / 1000)
        return call.outcome(config)


@handler("record_in_thread")
def record_in_thread(config: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """The same as a plain function."""
    with call_of(context) as call:
        time.sleep(config.get("work_ms", 10) / 1000)
        return call.outcome(config)


@handler("record_beating")
async def record_beating(config: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """The same with signs of life, beginning where the attempt before it was heard of last."""
    with call_of(context) as call:
        first = int((context.last_heartbeat or {"step": 0})["step"])
        for step in range(first, STEPS):
            await asyncio.sleep(config.get("work_ms", 10) / 1000 / STEPS)
            context.heartbeat({"step": step + 1})
        return {**call.outcome(config), "from": first}


@handler("record_crashing")
async def record_crashing(config: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """The same, but each of the first tries takes its process along, as `crashes` says.

    exit, signal  the process ends at once; hang, the code goes on whatever is said to it.
    """
    with call_of(context) as call:
        await asyncio.sleep(config.get("work_ms", 10) / 1000)
        number, crashes = context.try_number, config["crashes"]
        if number <= len(crashes):
            call.crash(crashes[number - 1])
        return call.outcome(config)


@handler("record_durable", durable=True)
async def record_durable(config: Mapping[str, Any], context: Context) -> Any:
    """Take `letters` letters, each with an entry, behind an entry for the step before it; park between them.

    Output: that of `record`, and what was written down: "entries".
    """
    with call_of(context) as call:
        journal = await context.journal.read()
        entries = [*(journal.snapshot or []), *(entry.data for entry in journal.entries)]
        while len(entries) < 2 * config["letters"]:
            if len(entries) % 2 == 0:
                await asyncio.sleep(config.get("work_ms", 10) / 1000)
                entries.append(f"step {len(entries) // 2}")
                entry = await context.journal.append(entries[-1])
                if len(entries) % 3 == 0:
                    await context.journal.snapshot(entries, through=entry.number)
            try:
                letter = await context.inbox.receive(timeout_s=config.get("patience_s", 0))
            except TimeoutError:
                call.ended = "park"
                return Parked(waits_for=["the next letter"])
            entries.append(f"letter {letter.payload}")
            await context.journal.append(entries[-1], takes=letter)
        return {**call.outcome(config), "entries": entries}


class TracedCall:
    """One handler call, known by its nonce."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.nonce = uuid4().hex
        self.ended = "stopped"

    def outcome(self, config: Mapping[str, Any]) -> dict[str, Any]:
        number, errors = self.context.try_number, config.get("errors", ())
        if number <= max(config.get("fail_times", 0), len(errors)):
            self.ended = "fail"
            raise Retryable("asked to fail", type=errors[number - 1] if errors else "HandlerError")
        self.ended = "ok"
        return {"nonce": self.nonce, "attempt": self.context.attempt}

    def crash(self, how: str) -> None:
        self.write("crash")
        if how == "exit":
            os._exit(9)
        if how == "signal":
            os.kill(os.getpid(), signal.SIGSEGV)
        while True:
            try:
                time.sleep(3600)
            except BaseException:
                continue

    def write(self, phase: str) -> None:
        context = self.context
        line = {
            "phase": phase, "nonce": self.nonce, "execution_id": context.execution_id,
            "node_id": context.node_id, "attempt": context.attempt, "pid": os.getppid(),
            "host": os.getpid(), "at_s": time.monotonic(),
        }  # fmt: skip
        # One write to a file opened for appending: lines of several processes never mix.
        descriptor = os.open(os.environ["CHAOS_TRACE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(descriptor, (json.dumps(line) + "\n").encode())
        os.close(descriptor)


@contextmanager
def call_of(context: Context) -> Iterator[TracedCall]:
    call = TracedCall(context)
    call.write("start")
    try:
        yield call
    finally:
        call.write(call.ended)
