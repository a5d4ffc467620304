"""Every key has an owner and something that removes it, and no key of an execution outlives its retention."""

from __future__ import annotations

import re

from orchestrator.definitions.retention import DAY_MS, Retention
from orchestrator.loops import retention
from orchestrator.operations.origin import Origin
from orchestrator.redis_keys import PATTERNS, KeyPattern
from orchestrator.store.requests import Idempotency
from tests.integration.transitions import purgeable
from tests.makers import Rig, node, workflow

#: Whose each key is, and what removes it. `execution`: it, or the row in it, goes with that at the latest.
OWNERS: dict[str, tuple[str, str]] = {
    "definition": ("execution", "purge.hide"),
    "status": ("execution", "purge.hide"),
    "events": ("execution", "purge.hide"),
    "signals": ("execution", "purge.hide"),
    "journal": ("execution", "purge.hide"),
    "inbox": ("execution", "purge.hide"),
    "worklist": ("execution", "settle, once it is worked off; purge.hide"),
    "held_units": ("execution", "resume_execution, or its end; purge.hide"),
    "reset": ("execution", "retry_execution; by itself after 10 minutes; purge.hide"),
    "reservations": ("execution", "settle_budget, call by call; purge.hide"),
    "runtime": ("execution", "purge.hide, which makes it the remains"),
    "remains": ("execution", "purge_keys, last of all"),
    "node": ("execution", "purge_keys"),
    "output": ("execution", "purge_keys"),
    "items": ("execution", "purge_keys"),
    "children": ("execution", "purge_keys"),
    "idempotency": ("execution", "purge.hide; by itself after 24 hours"),
    "execution_key": ("execution", "purge.hide, while it is the execution's"),
    "index": ("execution", "purge.hide takes the row, Redis the empty key"),
    "workflow_index": ("execution", "purge.hide takes the row, Redis the empty key"),
    "label_index": ("execution", "purge.hide takes the row, Redis the empty key"),
    "active": ("execution", "its end takes the member"),
    "leases": ("execution", "the end of the attempt takes the member"),
    "timers": ("execution", "firing, or the end of what waits, takes the member"),
    "approvals": ("execution", "the end of the wait takes the member"),
    "staging": ("execution", "create_execution or purge_staging takes the member"),
    "ended": ("execution", "fold_execution takes the member"),
    "expiring": ("execution", "expire_execution, retry_execution or purge.hide takes the member"),
    "purging": ("execution", "purge_keys takes the member"),
    "dead": ("execution", "purge_keys takes the entry, and the stream with its last one"),
    "packed": ("execution", "the script that writes it renames it"),
    "layout": ("tenant", "drop_layout, an hour after its last execution went"),
    "layouts": ("tenant", "purge_keys takes the field of a layout with its last execution"),
    "unused_layouts": ("tenant", "drop_layout, or the next execution, takes the member"),
    "deliveries_of": ("execution", "purge_keys"),
    "delivery": ("tenant", "purge_keys, once it has ended; 1,000 newer ones"),
    "deliveries_due": ("tenant", "record_delivery takes the member"),
    "deliveries": ("tenant", "goes with the delivery"),
    "deliveries_ended": ("tenant", "goes with the delivery"),
    "schedule": ("tenant", "remove_schedule, remove_workflow"),
    "schedules": ("tenant", "goes with the schedule"),
    "schedule_names": ("tenant", "remove_schedule, remove_workflow take the field"),
    "schedule_index": ("tenant", "remove_schedule, remove_workflow take the member"),
    "schedules_of": ("tenant", "remove_schedule, remove_workflow take the member"),
    "hook": ("tenant", "remove_webhook, remove_workflow"),
    "hooks": ("tenant", "remove_webhook, remove_workflow take the member"),
    "ledger": ("tenant", "by itself after 24 hours"),
    "statistics": ("tenant", "by itself after 400 days"),
    "usage": ("tenant", "by itself after 400 days"),
    "usage_of": ("tenant", "by itself after 400 days"),
    "held": ("tenant", "by itself after 2 days"),
    "held_of": ("tenant", "by itself after 2 days"),
    "tenant": ("operator", "nothing: a tenant stays"),
    "tenants": ("operator", "nothing: a tenant stays"),
    "api_key": ("tenant", "by itself, when it expires or was revoked"),
    "api_keys": ("tenant", "revoke_api_key takes the member"),
    "session": ("tenant", "close_session; by itself after 12 hours"),
    "rate": ("deployment", "by itself, two windows after the last request"),
    "registered": ("tenant", "remove_workflow"),
    "version": ("tenant", "remove_workflow"),
    "names": ("tenant", "remove_workflow takes the field"),
    "registry": ("tenant", "remove_workflow takes the member"),
    "queues": ("deployment", "nothing: a name for each queue"),
    "retention": ("deployment", "nothing: four words"),
    "repairs": ("deployment", "nothing: a field for each kind"),
    "tick": ("deployment", "nothing: one number"),
    "orchestrated": ("deployment", "nothing: one number"),
    "hold": ("deployment", "by itself after one lease"),
    "probe": ("deployment", "by itself after a second"),
    "workers": ("deployment", "announce_worker takes the member after an hour"),
    "worker": ("deployment", "by itself a minute after the last beat"),
    "cards": ("deployment", "by itself an hour after it was last written"),
    "readers": ("deployment", "by itself a minute after the last beat"),
}
#: What an execution needs and never owns.
STREAMS = re.compile(r"workflow:tasks(:.+)?")


def expression(pattern: KeyPattern) -> re.Pattern[str]:
    """What a key of a family looks like."""
    stem, _, rest = pattern.pattern.partition("[")
    whole = re.escape(stem) + (f"(?:{re.escape(rest.rstrip(']'))})?" if rest else "")
    # A digest names its algorithm, too.
    whole = whole.replace(r"\{digest\}", ".+")
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^:]+", whole))


def owner_of(key: str) -> str:
    if STREAMS.fullmatch(key):
        return "deployment"
    # The pattern of another family may fit as well: the one with the most words of its own is meant.
    found = [each for each in PATTERNS if expression(each).fullmatch(key)]
    assert found, f"{key} is no key of redis_keys.py"
    named = max(found, key=lambda each: len(re.sub(r"\{\w+\}", "", each.pattern)))
    return OWNERS[named.name][0]


def test_every_key_has_an_owner_and_something_that_removes_it() -> None:
    names = [pattern.name for pattern in PATTERNS]
    assert len(names) == len(set(names))
    assert set(OWNERS) == set(names)
    assert all(removed_by for _, removed_by in OWNERS.values())


#: These look at the list of the dead before others add to it; what has an older layout does not expire.
FIRST = (purgeable.retried, purgeable.dead_letters)
MAKERS = (
    *FIRST,
    *(
        make
        for make in purgeable.MAKERS
        if make not in (*FIRST, purgeable.of_layout_1, purgeable.of_layout_2)
    ),
)


async def with_everything(rig: Rig) -> None:
    """One of every kind, and of two tenants one that is found by labels, keys, the list of the dead."""
    for make in MAKERS:
        await make(rig)
    await rig.engine.tenants.create("acme", "Acme")
    for tenant in ("default", "acme"):
        executions = rig.engine.of(tenant).executions
        await executions.submit(
            workflow(node("A"), node("B", queue="side")),
            trigger=True,
            idempotency=Idempotency.named("order-18", route="POST /v1/executions", body=b"{}"),
            origin=Origin(labels={"team": "red"}, execution_key="order 18"),
        )
        (token,) = (await rig.worker.start()).values()
        await rig.worker.fail(token, is_dead=True)
    source = await purgeable.a_chain(rig)
    await rig.engine.executions.fork(source, from_node="B")
    await rig.engine.executions.replay(source)
    await rig.worker.run_all()
    for tenant in ("default", "acme"):
        executions = rig.engine.of(tenant).executions
        for each in (await executions.list(limit=100)).items:
            if each.status.is_under_way:
                await executions.cancel(each.execution_id, grace_ms=0, request_id="last")


async def test_after_its_retention_no_key_of_an_execution_is_left(rig: Rig) -> None:
    await with_everything(rig)
    owned = [key.decode() for key in await rig.redis.keys() if owner_of(key.decode()) == "execution"]
    assert len(owned) > 1_000

    await retention.run_once(rig.store, rig.transitions, rig.now_ms)
    rig.transitions.now_ms = rig.now_ms + 30 * DAY_MS
    await retention.run_once(rig.store, rig.transitions, rig.now_ms, kept=Retention())
    await rig.worker.read()
    # Leases of attempts whose execution was cancelled, and timers of waits that it ended.
    await rig.tick()

    left = [key.decode() for key in await rig.redis.keys()]
    assert [key for key in left if owner_of(key) == "execution"] == []
