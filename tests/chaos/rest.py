"""What is in Redis once nothing runs any more, and should not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.chaos.client import Client


async def left_behind(client: Client) -> list[str]:
    """What is still in Redis though nothing runs."""
    found = []
    for key in (
        "workflows:leases",
        "workflows:timers",
        "workflows:approvals",
        "workflows:approvals:other",
        "workflows:schedules",
        "workflows:deliveries_due",
    ):
        if rest := await client.redis.zrange(key, 0, -1):
            found.append(f"at rest, {key} holds {rest[:3]!r}")
    if active := await client.redis.smembers("workflows:active"):
        found.append(f"at rest, workflows:active holds {sorted(active)[:3]!r}")
    if length := await client.redis.xlen("workflow:tasks"):
        found.append(f"at rest, {length} tasks are left")
    pending: Any = await client.redis.xpending("workflow:tasks", "workflow_group")
    if pending["pending"]:
        found.append(f"at rest, {pending['pending']} tasks are pending")
    return found + await strangers(client)


async def repairs(client: Client) -> dict[str, int]:
    counts: Any = await client.redis.hgetall("workflows:repairs")
    return {kind.decode(): int(count) for kind, count in counts.items()}


async def strangers(client: Client) -> list[str]:
    """What is in Redis of executions that were purged, or in the lists of a tenant that are not its own."""
    found: list[str] = []
    async for key in client.redis.scan_iter(match="*", count=5_000):
        parts = key.decode().split(":")
        if parts[0] == "workflow" and parts[1] in client.gone:
            found.append(f"{parts[1]} was purged and has left {key.decode()}")
        if parts[:2] == ["workflows", "delivery"] and _about(parts[2]) in client.gone:
            found.append(f"{_about(parts[2])} was purged and has left {key.decode()}")
        if parts[0] == "key":
            held: Any = await client.redis.get(key)
            found += _foreign(client, key.decode(), [held.decode()])
        if parts[0] == "idx" and parts[1] in ("executions", "workflow", "label"):
            members: Any = await client.redis.zrange(key, 0, -1)
            found += _foreign(client, key.decode(), [member.decode() for member in members])
        if parts[0] == "idx" and parts[1] in ("deliveries", "deliveries_ended"):
            rows: Any = await client.redis.zrange(key, 0, -1)
            about = dict.fromkeys(_about(row.decode()) for row in rows)
            found += _foreign(client, key.decode(), list(about))
    for name in ("ended", "expiring"):
        waiting: Any = await client.redis.zrange(f"workflows:{name}", 0, -1)
        gone = [each.decode() for each in waiting if each.decode() in client.gone]
        found += [f"{each} was purged and is left in workflows:{name}" for each in gone]
    for tenant in client.tenants:
        own = {each for each in client.known() if client.tenant_of(each) == tenant}
        listed = await _listed(client, tenant)
        if own - client.gone != listed:
            found.append(f"{tenant} lists {len(listed)} executions, it has {len(own - client.gone)}")
    return found


def _about(delivery_id: str) -> str:
    """Give the execution that a delivery is about."""
    return delivery_id.split(".")[0]


def _foreign(client: Client, key: str, execution_ids: list[str]) -> list[str]:
    tenant = key.split(":")[2 if key.startswith("idx:") else 1]
    known = [each for each in execution_ids if each in client.known() and each not in client.gone]
    gone = [each for each in execution_ids if each not in known]
    foreign = [each for each in known if client.tenant_of(each) != tenant]
    return [f"{key} names {each}, which is not of {tenant} or is gone" for each in (*gone, *foreign)]


async def _listed(client: Client, tenant: str) -> set[str]:
    listed: set[str] = set()
    cursor: str | None = None
    while True:
        page = await client.engine.of(tenant).executions.list(limit=200, cursor=cursor)
        listed |= {row.execution_id for row in page.items}
        cursor = page.next_cursor
        if cursor is None:
            return listed
