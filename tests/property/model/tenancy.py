"""Two tenants with the same names: what stands in their lists, under their keys and in their registries."""

from __future__ import annotations

from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

from orchestrator.errors import ExecutionNotFound
from orchestrator.operations.origin import Origin, label_digest
from orchestrator.operations.owner import Owner
from orchestrator.store.requests import digest_of

if TYPE_CHECKING:
    from tests.property.model.world import Case, World

TENANTS = ("default", "other")
#: Execution keys; both tenants use both.
KEY_NAMES = ("order-1", "order-2")
LABELS: tuple[dict[str, str], ...] = ({}, {"team": "blue"}, {"team": "red", "site": "b"})
POLICIES = ("fail", "use_existing", "terminate_existing")
#: States between two questions through the views: the keys behind them are read in every state.
ASKED_EVERY = 4
#: Keys that are all known beforehand.
FAMILIES = (
    "idx:", "key:", "workflows:names:", "workflows:registered:", "workflows:schedule", "workflows:hook:",
    "workflows:ledger:", "workflows:deliver",
)  # fmt: skip


def drawn_origin(dice: Random) -> Origin:
    """Draw labels and, for every other start, a key with what happens when it is held."""
    key = dice.choice(KEY_NAMES) if dice.random() < 0.5 else None
    policy: Any = dice.choice(POLICIES) if key else None
    return Origin(labels=dice.choice(LABELS), execution_key=key, id_conflict_policy=policy)


def rows_of(world: World) -> dict[str, set[str]]:
    """Every list of executions there must be, computed from the executions that exist."""
    rows: dict[str, set[str]] = {}
    for case in world.cases:
        names = [f"idx:executions:{case.tenant}"]
        if case.origin.workflow_id:
            names.append(f"idx:workflow:{case.tenant}:{case.origin.workflow_id}")
        starter = [case.origin.starter] if case.origin.starter else []
        listed = [*case.origin.labels.items(), *starter]
        names += [f"idx:label:{case.tenant}:{label_digest(*each)}" for each in listed]
        for name in names:
            rows.setdefault(name, set()).add(case.execution_id)
    return rows


async def of_lists(world: World) -> list[str]:
    """Compare all lists and keys of both tenants with what there is; [] when every promise is kept."""
    rows = rows_of(world)
    others = (world.registry, world.clocks, world.hooks, world.mails)
    held = {f"key:{tenant}:{key}": holder for (tenant, key), holder in world.holders.items()}
    commands: list[tuple[Any, ...]] = [("KEYS", "*")]
    commands += [("ZRANGE", f"workflows:{name}", 0, -1) for name in ("purging", "ended", "expiring")]
    commands += [("ZRANGE", name, 0, -1) for name in rows]
    commands += [("GET", name) for name in held]
    registry, clocks, hooks = (each.questions() for each in others[:3])
    commands += [*registry, *clocks, *hooks, *world.mails.questions(world)]
    answers = iter(await world.wire.send(commands))
    keys = {key.decode() for key in next(answers)}
    purging, ended, expiring = ({member.decode() for member in next(answers)} for _ in range(3))
    broken = [
        f"{name} lists {sorted(found)}, there are {sorted(wanted)}"
        for name, wanted in rows.items()
        if (found := {member.decode() for member in next(answers)}) != wanted
    ]
    broken += [
        f"{name} names {found!r}, the newest with it is {holder}"
        for name, holder in held.items()
        if (found := next(answers)) != holder.encode()
    ]
    broken += world.registry.broken(list(islice(answers, len(registry))))
    broken += world.clocks.broken(world, list(islice(answers, len(clocks))))
    broken += world.hooks.broken(list(islice(answers, len(hooks))))
    broken += world.mails.broken(world, list(answers))
    wanted_keys = {*rows, *held}.union(*(each.expected_keys() for each in others))
    found_keys = {key for key in keys if key.startswith(FAMILIES)}
    broken += [f"{key} is there without a cause" for key in sorted(found_keys - wanted_keys)]
    broken += [f"{key} is missing" for key in sorted(wanted_keys - found_keys)]
    broken += [] if world.is_faulty else _of_waiting(world, ended, expiring)
    return broken + _of_holders(world) + world.remains.broken(world, keys, purging)


def _of_waiting(world: World, ended: set[str], expiring: set[str]) -> list[str]:
    """Hold the lists of what has ended against what there is; [] when every promise is kept."""
    known = {case.execution_id for case in world.cases}
    broken = [f"{each} waits to be counted, and is not there" for each in ended - known]
    broken += [f"{each} waits for its purge, and is not there" for each in expiring - known]
    for case in world.cases:
        goes_alone = "parent" not in case.now.runtime and not case.parent
        is_over = case.now.has_ended or case.now.status == "PENDING"
        if goes_alone and is_over and case.execution_id not in ended | expiring:
            broken.append(f"{case.execution_id} is {case.now.status}, and nothing will ever purge it")
    return broken


def _of_holders(world: World) -> list[str]:
    """Of all executions with one key one has not ended and is not being ended: the one that holds it."""
    live: dict[tuple[str, str], list[str]] = {}
    for case in world.cases:
        if case.origin.execution_key and not case.now.has_ended and not case.now.runtime.get("cancelling"):
            key = (case.tenant, digest_of(case.origin.execution_key))
            live.setdefault(key, []).append(case.execution_id)
    return [
        f"{ids} go on with the key that {world.holders.get(key)} holds"
        for key, ids in live.items()
        if ids != [world.holders.get(key)]
    ]


async def of_views(world: World) -> list[str]:
    """Ask the views of both tenants for an execution, one that was purged, and a key: each in its turn."""
    if world.states % ASKED_EVERY:
        return []
    broken, turn = [], world.states // ASKED_EVERY
    known: list[tuple[Case, str | None]] = [(case, case.tenant) for case in world.cases]
    gone: list[tuple[Case, str | None]] = [(case, None) for case in world.remains.cases.values()]
    for cases in (known, gone):
        for case, owner in cases[turn % len(cases) :][:1] if cases else ():
            for tenant in TENANTS:
                found = await found_by(world, tenant, case.execution_id)
                if found != (case.execution_id if tenant == owner else None):
                    broken.append(f"{tenant} finds {found} by {case.execution_id} of {owner}")
    tenant, key = TENANTS[turn % 2], KEY_NAMES[turn // 2 % 2]
    found = await found_by(world, tenant, key)
    if found != (wanted := world.holders.get((tenant, digest_of(key)))):
        broken.append(f"{tenant} finds {found} by {key}, it is held by {wanted}")
    return broken


async def found_by(world: World, tenant: str, name: str) -> str | None:
    """What a tenant's view finds by an id or a key, remembering nothing."""
    try:
        return await Owner(world.store, tenant).execution(name)
    except ExecutionNotFound:
        return None
