"""Checks whether the engine's guarantees hold on a Redis: version, eviction, persistence, mode."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from headrace.backoff import Backoff
from orchestrator.errors import ConfigError
from orchestrator.execution.inventory import Check
from orchestrator.redis_keys import Keys
from orchestrator.store.upgrade import check_layouts

log = logging.getLogger("headrace.health")

#: While Redis does not answer at start-up.
CONNECT = Backoff(first_s=0.1, most_s=2.0)


async def check_redis(
    redis: Redis, *, allow_eviction_policy: bool = False, durable_starts: bool = False
) -> list[Check]:
    """Check version, eviction policy, persistence, whether starts can be durable, and mode."""
    facts: dict[str, Any] = await redis.info()
    fsync = await _setting(redis, "appendfsync")
    has_waitaof = await _has_waitaof(redis)
    return [
        _version(facts),
        _eviction(facts, allow_eviction_policy),
        _persistence(facts, fsync),
        _durable_starts(facts, fsync, has_waitaof=has_waitaof, is_wanted=durable_starts),
        _mode(facts),
    ]


async def await_usable(
    redis: Redis,
    label: str,
    *,
    allow_eviction_policy: bool,
    durable_starts: bool = False,
    keys: Keys | None = None,
) -> None:
    """Wait, for ever, until Redis answers, and say what was found. Raises ConfigError where it cannot be
    used.

    label  host:port/db, for the log.
    keys   of the executions that are to be served: no other version may be at work on them.
    """
    tries = 0
    while True:
        try:
            checks = await check_redis(
                redis, allow_eviction_policy=allow_eviction_policy, durable_starts=durable_starts
            )
            if keys is not None:
                checks.append(await check_layouts(redis, keys))
            break
        except (RedisError, OSError) as error:
            log.warning(
                "redis.not_ready", extra={"redis": label, "error": f"{type(error).__name__}: {error}"}
            )
            tries += 1
            await asyncio.sleep(CONNECT.pause_s(tries))
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


async def _has_waitaof(redis: Redis) -> bool | None:
    """Whether the server can wait for its append-only file; None where it does not say."""
    asking: Any = redis.execute_command  # untyped in redis-py
    try:
        return bool(await asking("COMMAND LIST", "FILTERBY", "PATTERN", "waitaof"))
    except Exception:
        return None


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
    if not int(facts.get("aof_enabled", 0)):
        return Check(
            "persistence",
            "warning",
            "AOF is off: if Redis stops, executions are lost; turn it on with `CONFIG SET appendonly yes`",
        )
    if facts.get("aof_last_write_status", "ok") != "ok":
        return Check("persistence", "warning", "AOF: the last write to it failed; look at the disk of Redis")
    if fsync == "always":
        return Check("persistence", "ok", "AOF, fsync always: nothing acknowledged is lost")
    lost = (
        "a crash of Redis usually loses nothing, up to 2 s while the disk is slower than its fsync; "
        "a crash of the machine about the last second"
    )
    # Redis counts here how often it has held writes back because the fsync before them was not over.
    if delayed := int(facts.get("aof_delayed_fsync", 0)):
        lost += f"; the disk was too slow {delayed} times so far, which DURABLE_STARTS=true waits for"
    return Check("persistence", "warning" if delayed else "ok", f"AOF, fsync {fsync}: {lost}")


def _durable_starts(facts: dict[str, Any], fsync: str, *, has_waitaof: bool | None, is_wanted: bool) -> Check:
    version = facts.get("valkey_version") or facts.get("redis_version")
    if not is_wanted:
        able = "can" if has_waitaof else "cannot" if has_waitaof is False else "may or may not be able to"
        return Check("durable_starts", "ok", f"off; this Redis ({version}) {able} confirm what is on disk")
    cure = "or set DURABLE_STARTS=false"
    if not has_waitaof:
        need = "needed Redis 7.2 or newer, or Valkey 8 or newer, with the command WAITAOF allowed"
        return Check("durable_starts", "error", f"DURABLE_STARTS: found {version}; {need}; {cure}")
    if not int(facts.get("aof_enabled", 0)):
        lacking = "there is no append-only file to wait for; run `CONFIG SET appendonly yes`"
        return Check("durable_starts", "error", f"DURABLE_STARTS: {lacking}, {cure}")
    if fsync == "no":
        lacking = (
            "appendfsync is 'no', so that nothing is ever confirmed; run `CONFIG SET appendfsync everysec`"
        )
        return Check("durable_starts", "error", f"DURABLE_STARTS: {lacking}, {cure}")
    return Check("durable_starts", "ok", "on: what is accepted is on disk before it is answered")


def _mode(facts: dict[str, Any]) -> Check:
    if int(facts.get("cluster_enabled", 0)):
        return Check("mode", "error", "Redis Cluster is not supported yet: use a single server or Sentinel")
    role = str(facts.get("role", "master"))
    if role != "master":
        return Check("mode", "error", f"this Redis is a {role}: connect to the primary")
    return Check("mode", "ok", "single primary")
