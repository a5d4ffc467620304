"""Real processes on a Redis of their own: started, struck, resumed, replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos.history import Strike, StrikeKind
from tests.chaos.receiver import ENVIRONMENT
from tests.redis_server import RedisServer

ROOT = Path(__file__).parents[2]
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}
#: Handlers of the workload take up to 0.9 s; a worker told to end hands back what takes longer than this.
DRAIN_S = 0.5
#: How long one may take to end in all, on however busy a machine.
ENDING_S = 30.0
#: Where it cannot be seen: a process younger than this may still be importing.
STARTING_S = 5.0


@dataclass(slots=True)
class Member:
    """One process of the cluster."""

    role: str
    name: str
    process: subprocess.Popen[bytes]
    started_s: float = field(default_factory=time.monotonic)
    #: When to resume it, if it is stopped.
    resume_at_s: float | None = None


@dataclass(slots=True)
class Cluster:
    """Orchestrators and workers of one Redis; whoever is killed is replaced at once."""

    directory: Path
    lease_ms: int
    redis: RedisServer
    members: list[Member] = field(default_factory=list)
    leaving: list[Member] = field(default_factory=list)
    unready: list[Member] = field(default_factory=list)
    strikes: list[Strike] = field(default_factory=list)
    started: int = 0

    @property
    def trace(self) -> Path:
        return self.directory / "trace.jsonl"

    def start(self, *, orchestrators: int, workers: int) -> None:
        for _ in range(orchestrators):
            self.add("orchestrator")
        for _ in range(workers):
            self.add("worker")

    def add(self, role: str) -> Member:
        """Start one more process."""
        self.started += 1
        name = f"{role}-{self.started}"
        module = "orchestrator.starter" if role == "orchestrator" else "workers.worker"
        environment = {
            "PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self.redis.port), "LEASE_MS": str(self.lease_ms), "WORKER_NAME": name,
            "WORKER_CONCURRENCY": "16", "HANDLERS": "tests.chaos.handlers", "CHAOS_TRACE": str(self.trace),
            "DRAIN_S": str(DRAIN_S), "SWEEP_IDLE_MS": "2000", "LOG_LEVEL": "INFO",
            "LLM_PROVIDER": "echo", "PYTHONFAULTHANDLER": "1", **ENVIRONMENT,
        }  # fmt: skip
        with (self.directory / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        member = Member(role, name, process)
        self.members.append(member)
        return member

    def of(self, role: str) -> list[Member]:
        return [member for member in self.members if member.role == role]

    def strike(self, member: Member, kind: StrikeKind) -> None:
        """Send the signal. A killed or ending process is replaced, a stopped one resumed past its lease."""
        self.strikes.append(Strike(kind, member.process.pid, time.monotonic()))
        is_listening = _listens(member)
        member.process.send_signal(_SIGNALS[kind])
        if kind == "stop":
            member.resume_at_s = time.monotonic() + self.lease_ms / 1000 * 1.5
            return
        self.members.remove(member)
        # One that was still starting has no handler for the signal yet, and may die of it.
        if is_listening:
            self.leaving.append(member)
        else:
            self.unready.append(member)
        self.add(member.role)

    def strike_any(self, dice: Random) -> None:
        """Strike any process that is not stopped already."""
        upright = [member for member in self.members if member.resume_at_s is None]
        if upright:
            kinds: tuple[StrikeKind, ...] = ("kill", "stop", "term")
            self.strike(dice.choice(upright), dice.choice(kinds))

    def resume_due(self, *, all_of_them: bool = False) -> None:
        for member in self.members:
            if member.resume_at_s is not None and (all_of_them or time.monotonic() >= member.resume_at_s):
                member.process.send_signal(signal.SIGCONT)
                member.resume_at_s = None

    def restart_redis(self, *, down_s: float) -> None:
        """Kill Redis and start it again on what it kept."""
        self.redis.kill()
        time.sleep(down_s)
        self.redis.start()

    def unexpected_ends(self) -> list[str]:
        """Processes that ended by themselves, or not with 0 when told to."""
        found = [
            f"{m.name} ended by itself ({m.process.poll()})"
            for m in self.members
            if m.process.poll() is not None
        ]
        for member in self.leaving:
            code = member.process.poll()
            if code not in (None, 0, -signal.SIGKILL):
                found.append(f"{member.name} ended with {code} when told to end")
        return found

    def close(self) -> list[str]:
        """End everything; gives what did not end as it should."""
        self.resume_due(all_of_them=True)
        found = self.unexpected_ends()
        for member in self.members:
            member.process.terminate()
        deadline_s = time.monotonic() + ENDING_S
        for member in [*self.members, *self.leaving, *self.unready]:
            try:
                member.process.wait(max(0.1, deadline_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                member.process.send_signal(signal.SIGABRT)  # shows where its threads are
                time.sleep(0.5)
                told = (self.directory / f"{member.name}.log").read_text()[-4_000:]
                found.append(f"{member.name} did not end within {ENDING_S:g} s of being told to: {told}")
                member.process.kill()
                member.process.wait()
        self.redis.kill()
        return found


def _listens(member: Member) -> bool:
    """Say whether a process has a handler for being told to end."""
    try:
        lines = Path(f"/proc/{member.process.pid}/status").read_text().splitlines()
    except OSError:
        return time.monotonic() - member.started_s > STARTING_S
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


async def until(is_so: Callable[[], bool], what: str, *, within_s: float = 30.0) -> None:
    """Wait for something another process does."""
    deadline_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.02)
