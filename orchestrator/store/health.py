"""Checks whether the engine's guarantees hold on a Redis: version, eviction, persistence, mode."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import Any, Literal

from redis.asyncio import Redis
from redis.exceptions import RedisError

from orchestrator.errors import ConfigError

log = logging.getLogger("headrace.health")

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. An error keeps processes from starting; a warning is logged once."""

    name: str
    level: Level
    detail: str


async def check_redis(redis: Redis, *, allow_eviction_policy: bool = False) -> list[Check]:
    """Check version, eviction policy, persistence and mode."""
    facts: dict[str, Any] = await redis.info()
    return [
        _version(facts),
        _eviction(facts, allow_eviction_policy),
        _persistence(facts, await _setting(redis, "appendfsync")),
        _mode(facts),
    ]


async def await_usable(redis: Redis, label: str, *, allow_eviction_policy: bool) -> None:
    """Wait, for ever, until Redis answers, and say what was found. Raises ConfigError where it cannot be
    used.

    label  host:port/db, for the log.
    """
    pause_s = 0.1
    while True:
        try:
            checks = await check_redis(redis, allow_eviction_policy=allow_eviction_policy)
            break
        except (RedisError, OSError) as error:
            log.warning(
                "redis.not_ready", extra={"redis": label, "error": f"{type(error).__name__}: {error}"}
            )
            await asyncio.sleep(pause_s * (0.5 + random.random()))
            pause_s = min(2.0, pause_s * 2)
    for check in checks:
        if check.level == "error":
            raise ConfigError(f"Redis at {label} cannot be used: {check.detail}")
        if check.level == "warning":
            log.warning("redis.check", extra={"redis": label, "check": check.name, "detail": check.detail})


async def _setting(redis: Redis, name: str) -> str:
    try:
        found = await redis.config_get(name)
    except Exception:
        return "unknown"  # Managed services often refuse CONFIG.
    return str(next(iter(found.values()), "unknown"))


def _version(facts: dict[str, Any]) -> Check:
    if valkey := facts.get("valkey_version"):
        return Check("version", "ok", f"Valkey {valkey}")
    version = str(facts.get("redis_version", "0"))
    if int(version.split(".")[0]) < 7:
        return Check(
            "version",
            "error",
            f"Redis {version} is too old: found {version}, needed 7.0 or newer (or Valkey 8)",
        )
    return Check("version", "ok", f"Redis {version}")


def _eviction(facts: dict[str, Any], is_allowed: bool) -> Check:
    policy = str(facts.get("maxmemory_policy", "noeviction"))
    if policy == "noeviction":
        return Check("eviction", "ok", "noeviction: Redis never drops a key by itself")
    advice = (
        "run `CONFIG SET maxmemory-policy noeviction`, or set ALLOW_EVICTION_POLICY=true to take the risk"
    )
    detail = f"maxmemory-policy is '{policy}': Redis may drop keys of running executions; {advice}"
    return Check("eviction", "warning" if is_allowed else "error", detail)


def _persistence(facts: dict[str, Any], fsync: str) -> Check:
    if int(facts.get("aof_enabled", 0)):
        if fsync == "always":
            return Check("persistence", "ok", "AOF, fsync always: nothing acknowledged is lost")
        lost = "a crash of Redis loses nothing, a crash of the machine about the last second"
        return Check("persistence", "ok", f"AOF, fsync {fsync}: {lost}")
    return Check(
        "persistence",
        "warning",
        "AOF is off: if Redis stops, executions are lost; turn it on with `CONFIG SET appendonly yes`",
    )


def _mode(facts: dict[str, Any]) -> Check:
    if int(facts.get("cluster_enabled", 0)):
        return Check("mode", "error", "Redis Cluster is not supported yet: use a single server or Sentinel")
    role = str(facts.get("role", "master"))
    if role != "master":
        return Check("mode", "error", f"this Redis is a {role}: connect to the primary")
    return Check("mode", "ok", "single primary")
