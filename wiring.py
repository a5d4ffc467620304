"""What a process builds from the settings before it works: keys, limits and a Redis that is fit for it.

For the roots alone: `main`, `orchestrator.starter`, `workers.worker`, `workers.simulator.process` and
`validation`.
One rule holds in all of them. A Redis that answers and fails a check ends the process with the cure in its
log; a Redis that does not answer is waited for. Processes that answer requests serve meanwhile, and say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator

from redis.asyncio import Redis

from clients.redis_client import connect_commands
from config import Settings
from orchestrator.definitions.retention import Retention, parse_retention_ms
from orchestrator.documents.limits import Limits
from orchestrator.errors import ConfigError
from orchestrator.redis_keys import Keys
from orchestrator.store.health import await_usable

log = logging.getLogger("headrace")

#: A Redis that is up has answered its checks by then.
FIRST_ANSWER_S = 1.0


def keys_of(settings: Settings) -> Keys:
    """Where the engine's data lies in Redis."""
    return Keys(stream=settings.worker_stream, group=settings.worker_group)


def limits_of(settings: Settings) -> Limits:
    """The bounds of definitions and requests."""
    return Limits(
        max_nodes=settings.max_nodes,
        max_edges=settings.max_edges,
        max_depth=settings.max_depth,
        max_config_bytes=settings.max_config_bytes,
        max_definition_bytes=settings.max_definition_bytes,
        max_body_bytes=settings.max_body_bytes,
        max_yaml_bytes=settings.max_yaml_bytes,
        max_sub_workflow_depth=settings.max_sub_workflow_depth,
    )


def retention_of(settings: Settings) -> Retention:
    """How long executions are kept once they have ended."""
    return Retention(
        parse_retention_ms(settings.retention_completed),
        parse_retention_ms(settings.retention_failed),
        parse_retention_ms(settings.retention_cancelled),
        parse_retention_ms(settings.retention_unstarted),
    )


async def connect_when_usable(settings: Settings) -> Redis:
    """Open a pool for commands as soon as Redis answers and passes the checks. Raises ConfigError."""
    redis = connect_commands(settings.redis_dsn)
    await _await_usable(redis, settings, keys_of(settings))
    return redis


@contextlib.asynccontextmanager
async def usable_while_serving(
    redis: Redis, settings: Settings, keys: Keys | None = None
) -> AsyncIterator[None]:
    """Check Redis while requests are served; SIGTERM ends the process when a late check fails.

    keys  of the executions it serves; None where it writes only under a prefix of its own.
    Raises ConfigError where Redis answers at once and fails.
    """
    check = asyncio.create_task(_await_usable(redis, settings, keys))
    # Waiting longer would keep the port closed, and a closed port says less than a 503.
    await asyncio.wait([check], timeout=FIRST_ANSWER_S)
    if check.done():
        check.result()
    else:
        check.add_done_callback(_end_if_refused)
    try:
        yield
    finally:
        check.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConfigError):
            await check


async def _await_usable(redis: Redis, settings: Settings, keys: Keys | None) -> None:
    await await_usable(
        redis,
        settings.redis_label,
        allow_eviction_policy=settings.allow_eviction_policy,
        durable_starts=settings.durable_starts,
        keys=keys,
    )


def _end_if_refused(check: asyncio.Task[None]) -> None:
    if not check.cancelled() and (error := check.exception()) is not None:
        log.critical("process.refused", extra={"error": str(error)})
        signal.raise_signal(signal.SIGTERM)
