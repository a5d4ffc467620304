"""`./headrace doctor`: check what usually goes wrong, and say what to do about it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import typer

from cli.commands.options import ServerOption
from cli.commands.redis_findings import (
    Finding,
    durability_finding,
    eviction_finding,
    memory_findings,
    orchestrator_finding,
    persistence_finding,
    skew_finding,
    version_finding,
)
from cli.stack.redis_faults import START, cure_for

if TYPE_CHECKING:
    from redis import Redis

    from headrace.client import AsyncClient

#: Schedules, webhooks and undelivered messages that are looked at, and errors of these that are told.
LOOKED_AT, MOST_ERRORS = 200, 3
SEE_LOG = "reported by /readyz?verbose; see the API's log"


def doctor(server: ServerOption = None) -> None:
    """Check Redis, clocks, API and workers, and say what to do.

    Exit code: 0 without problems, 1 otherwise.
    """
    findings = [*check_redis(), *check_api(server)]
    for finding in findings:
        detail = finding.detail.replace("\n", f"\n{'':<19}")
        typer.echo(f"{finding.mark}  {finding.what:<12} {detail}")
        if finding.advice and not finding.is_ok:
            typer.echo(f"      {'':<12} → {finding.advice}")
    if not all(finding.is_ok or finding.is_warning for finding in findings):
        raise typer.Exit(1)


def check_redis() -> Iterator[Finding]:
    """Connection, version, eviction, persistence and clock of Redis."""
    import redis as redis_py
    from redis.exceptions import RedisError

    from cli.stack import info
    from config import SettingsInvalid

    try:
        url = info.own_redis_url()
    except info.NoOwnRedis as error:
        yield Finding("Redis", False, str(error), START)
        return
    except SettingsInvalid as error:
        for line in error.lines:
            yield Finding("settings", False, line, "correct the variable, here or in .env")
        return
    client = redis_py.Redis.from_url(url, decode_responses=True, socket_connect_timeout=3, socket_timeout=5)
    where = url.rpartition("@")[2].removeprefix("redis://")
    try:
        began = time.time()
        client.ping()
        took_ms = (time.time() - began) * 1000
        yield Finding("Redis", True, f"{where} answers in {took_ms:.1f} ms")
        information = client.info()
        yield version_finding(information)
        yield eviction_finding(_config(client, "maxmemory-policy"), information)
        yield from memory_findings(information)
        yield persistence_finding(information, _config(client, "appendonly"), _config(client, "save"))
        fsync = _config(client, "appendfsync")
        yield durability_finding(information, fsync, has_waitaof=_has_waitaof(client))
        began = time.time()
        seconds, microseconds = client.time()
        middle = (began + time.time()) / 2
        yield skew_finding(round((seconds + microseconds / 1e6 - middle) * 1000))
        ticks = client.mget("workflows:tick", "workflows:tick:orchestrator")
        tick_ms, own_ms = (int(str(tick)) if tick else None for tick in ticks)
        yield orchestrator_finding(tick_ms, own_ms, now_ms=seconds * 1000)
    except (RedisError, OSError) as error:
        yield Finding("Redis", False, f"{where}: {error}", cure_for(error))
    finally:
        client.close()


def _config(client: Redis, name: str) -> str | None:
    """One server setting; None where CONFIG is forbidden, as on most hosted Redis."""
    from redis.exceptions import ResponseError

    try:
        answer = client.config_get(name)
    except ResponseError:
        return None
    return dict(answer).get(name)


def _has_waitaof(client: Redis) -> bool | None:
    """Whether the server can confirm what is on its disk; None where it does not say."""
    from redis.exceptions import ResponseError

    asking: Any = client.execute_command  # untyped in redis-py
    try:
        return bool(asking("COMMAND LIST", "FILTERBY", "PATTERN", "waitaof"))
    except ResponseError:
        return None


def check_api(server: str | None) -> list[Finding]:
    """The API, and through it the workers and queues."""
    import asyncio

    from cli.stack import info

    return asyncio.run(_check_api(server or info.api_url(), info.operator_key()))


async def _check_api(url: str, api_key: str | None) -> list[Finding]:
    from headrace.client import AsyncClient
    from headrace.errors import ApiError, ServerUnreachable

    async with AsyncClient(url, api_key=api_key, timeout_s=5.0, retries=0) as client:
        if not await client.is_healthy():
            advice = "start it: ./headrace dev, or uvicorn main:app; another address: --server URL"
            return [Finding("API", False, f"{url} does not answer", advice)]
        findings = [Finding("API", True, f"{url} answers")]
        try:
            findings += readiness_findings(await client.readiness())
            findings += worker_findings(
                [each.document for each in await client.workers.list()],
                [each.document for each in await client.queues.list()],
            )
            findings += await _of_tenant(client)
        except (ApiError, ServerUnreachable) as error:
            if isinstance(error, ApiError) and error.status in (401, 403):
                advice = "workers and queues are the operator's: OPERATOR_KEY=… ./headrace doctor"
                findings.append(Finding("workers", False, f"not looked at: {error}", advice, is_warning=True))
            else:
                findings.append(Finding("API", False, str(error), "see the log of the API"))
        return findings


async def _of_tenant(client: AsyncClient) -> list[Finding]:
    """What does not get on of the tenant whose key this is; nothing for a key that sees none of it."""
    from headrace.errors import ApiError

    try:
        schedules = [each.document async for each in client.schedules.list(limit=LOOKED_AT)]
        hooks = [each.document async for each in client.webhooks.list(limit=LOOKED_AT)]
        waiting = client.deliveries.list(limit=LOOKED_AT, state="pending")
        undelivered = [each.document async for each in waiting]
    except ApiError as error:
        if error.status in (401, 403):
            return []
        raise
    return [*schedule_findings(schedules), *webhook_findings(hooks), *delivery_findings(undelivered)]


def schedule_findings(schedules: list[dict[str, Any]]) -> Iterator[Finding]:
    """Schedules that could not start anything the last time, or are paused since something failed."""
    for each in schedules:
        see = f"./headrace schedules get {each['name']}"
        if each.get("last_error"):
            detail = f"{each['name']} could not start {each.get('workflow')}: {each['last_error']}"
            yield Finding("schedule", False, detail, see, is_warning=True)
        elif each.get("paused_reason"):
            detail = f"{each['name']} is paused: {each['paused_reason']}"
            resume = f"once that is put right: ./headrace schedules resume {each['name']}"
            yield Finding("schedule", False, detail, resume, is_warning=True)


def webhook_findings(hooks: list[dict[str, Any]]) -> Iterator[Finding]:
    """Webhooks that refused what came last, unless they were changed since."""
    from cli.output.refusals import age_text, cure_of, refused_last, rejected_text

    for each in hooks:
        if last := refused_last(each):
            what = f"{each['path']} refused its last call {age_text(last['at'])}: {last['detail']}"
            detail = f"{what}\n{rejected_text(each['deliveries'])}"
            yield Finding("webhook", False, detail, cure_of(each, last["reason"]), is_warning=True)


def delivery_findings(waiting: list[dict[str, Any]]) -> Iterator[Finding]:
    """Messages about ended executions that do not get through, by what they fail of."""
    tried = [last for each in waiting if (last := each.get("last_attempt"))]
    errors = Counter(str(last["error"]) for last in tried if last.get("error"))
    see = "./headrace deliveries list --state pending"
    for error, count in errors.most_common(MOST_ERRORS):
        yield Finding("deliveries", False, f"{count} undelivered: {error}", see, is_warning=True)


def readiness_findings(readiness: Mapping[str, Any]) -> Iterator[Finding]:
    """What the API itself finds wrong; nothing where it is ready."""
    for name, check in (readiness.get("checks") or {}).items():
        if not check.get("ok"):
            detail = str(check.get("detail"))
            yield Finding(name, False, detail, cure_for(detail, otherwise=SEE_LOG))


def worker_findings(workers: list[dict[str, Any]], queues: list[dict[str, Any]]) -> Iterator[Finding]:
    names = ", ".join(sorted(str(worker.get("name")) for worker in workers))
    yield Finding(
        "workers",
        bool(workers),
        f"{len(workers)} alive: {names}" if workers else "none alive",
        "nothing runs without one: python -m workers.worker",
    )
    for worker in workers:
        if blocked := worker.get("blocked"):
            units = ", ".join(worker.get("blocked_by") or ())
            yield Finding(
                "slots",
                False,
                f"{blocked} of {worker.get('slots')} slots of {worker.get('name')} are filled by handlers "
                f"that outlive their attempts: {units}",
                "let these handlers look at is_cancelled() and return; restart the worker to free the slots",
                is_warning=True,
            )
        if refusal := worker.get("refusal"):
            yield Finding(
                "handlers",
                False,
                f"{worker.get('name')}: {refusal.rstrip()}",
                "once it is corrected the worker loads it by itself; changed settings need a restart. "
                "Built-in handlers, and what was loaded before, run on",
            )
        for workflow in worker.get("workflows") or ():
            if refusal := workflow.get("refusal"):
                yield Finding(
                    "workflows",
                    False,
                    f"{worker.get('name')}: workflow {workflow.get('name')!r} is not registered: {refusal}",
                    "correct the definition that the handler brings, or remove the workflow of that name "
                    "(./headrace workflows delete NAME); the worker tries it again every 30 s",
                )
    served = {queue for worker in workers for queue in worker.get("queues") or ()}
    for queue in queues:
        if queue.get("length") and queue.get("queue") not in served and workers:
            yield Finding(
                "queue",
                False,
                f"{queue['length']} tasks in {queue.get('queue')!r}, which no live worker reads",
                f"start one: WORKER_QUEUES={queue.get('queue')} python -m workers.worker",
            )
