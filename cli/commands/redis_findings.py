"""What `./headrace doctor` finds of a Redis: version, memory, persistence, clock, orchestrator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cli.stack.redis_faults import DISK, cure_for

#: Clocks further apart make times in logs and histories hard to compare. Correctness uses Redis time.
SKEW_WARN_MS = 1000
FLOOR = (7, 0)
MIB = 1024 * 1024
#: Shares of `maxmemory`: it is time to do something, and Redis refuses what takes memory.
NEARLY_FULL, FULL = 0.85, 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. A warning does not make the exit code non-zero; advice shows when not ok."""

    what: str
    is_ok: bool
    detail: str
    advice: str = ""
    is_warning: bool = False

    @property
    def mark(self) -> str:
        return "ok  " if self.is_ok else "warn" if self.is_warning else "FAIL"


def version_finding(information: Mapping[str, Any]) -> Finding:
    name = "Valkey" if "valkey_version" in information else "Redis"
    text = str(information.get("valkey_version") or information.get("redis_version") or "0")
    claimed = str(information.get("redis_version") or "0")
    is_ok = tuple(int(part) for part in claimed.split(".")[:2] if part.isdigit()) >= FLOOR
    return Finding("version", is_ok, f"{name} {text}", "Redis >= 7.0 or Valkey >= 8 is needed")


def eviction_finding(policy: str | None, information: Mapping[str, Any]) -> Finding:
    policy = policy or str(information.get("maxmemory_policy") or "")
    if not policy:
        return Finding("eviction", False, "cannot be read", "make sure it is noeviction", is_warning=True)
    return Finding(
        "eviction",
        policy == "noeviction",
        f"maxmemory-policy {policy}",
        "evicted keys are lost executions: CONFIG SET maxmemory-policy noeviction (and in redis.conf)",
    )


def memory_findings(information: Mapping[str, Any]) -> Iterator[Finding]:
    """How full Redis is; nothing where it has no limit of its own."""
    used, most = int(information.get("used_memory", 0)), int(information.get("maxmemory", 0))
    if not most:
        return
    share = used / most
    detail = f"{share:.0%} of maxmemory: {used / MIB:,.0f} of {most / MIB:,.0f} MiB"
    if share >= FULL:
        detail += "; new work is refused"
    yield Finding("memory", share < NEARLY_FULL, detail, cure_for("OOM "), is_warning=share < FULL)


def persistence_finding(information: Mapping[str, Any], appendonly: str | None, save: str | None) -> Finding:
    if information.get("aof_enabled") or appendonly == "yes":
        is_well = information.get("aof_last_write_status", "ok") == "ok"
        detail = "append-only file" if is_well else "append-only file, and the last write to it FAILED"
        return Finding("persistence", is_well, detail, DISK)
    if save and information.get("rdb_last_bgsave_status", "ok") != "ok":
        return Finding("persistence", False, "snapshots, and the last one FAILED: writes are refused", DISK)
    advice = "what happened since the last snapshot is lost with Redis: CONFIG SET appendonly yes"
    if save:
        return Finding("persistence", False, f"snapshots only ({save})", advice, is_warning=True)
    advice = "everything is lost when Redis restarts: CONFIG SET appendonly yes (and in redis.conf)"
    return Finding("persistence", False, "none", advice, is_warning=True)


def durability_finding(
    information: Mapping[str, Any], fsync: str | None, *, has_waitaof: bool | None
) -> Finding:
    """How much of what was acknowledged may be lost with the process of Redis."""
    if not information.get("aof_enabled"):
        return Finding("durability", False, "none without an append-only file", is_warning=True)
    if fsync == "always":
        return Finding("durability", True, "appendfsync always: nothing acknowledged is lost")
    able = {True: "has WAITAOF", False: "has no WAITAOF", None: "hides its commands"}[has_waitaof]
    delayed = int(information.get("aof_delayed_fsync") or 0)
    detail = f"appendfsync {fsync or 'unknown'}, {delayed} delayed by a slow disk; the server {able}"
    advice = "when Redis dies while its disk is slow up to 2 s are lost: DURABLE_STARTS=true, or fsync always"
    return Finding("durability", not delayed, detail, advice, is_warning=True)


def skew_finding(skew_ms: int) -> Finding:
    return Finding(
        "clocks",
        abs(skew_ms) <= SKEW_WARN_MS,
        f"this machine and Redis differ by {abs(skew_ms)} ms",
        "run NTP on both; the engine itself goes by the clock of Redis alone",
        is_warning=abs(skew_ms) < 60_000,
    )


def orchestrator_finding(tick_ms: int | None, own_ms: int | None, *, now_ms: int) -> Finding:
    """Whether one looks at timers, retries and schedules, or only workers that stand in for it.

    tick_ms  when timers were last looked at.
    own_ms   when an orchestrator itself last did so.
    """
    from cli.stack.healthcheck import tick_trouble

    start = "./headrace dev, or python -m orchestrator.starter"
    if not (trouble := tick_trouble(own_ms, now_ms=now_ms)):
        return Finding("orchestrator", True, "ticks")
    if tick_trouble(tick_ms, now_ms=now_ms):
        return Finding("orchestrator", False, trouble, f"timers, retries and schedules wait for one: {start}")
    return Finding(
        "orchestrator",
        False,
        f"{trouble}; workers stand in for its timers and retries",
        f"schedules, repairs and purges wait for one: {start}",
        is_warning=True,
    )
