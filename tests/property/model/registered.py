"""The registry of two tenants: what it must hold, and how it is changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Any

import orjson

from orchestrator.definitions.registry import Source, WorkflowRecord, workflow_id_of
from orchestrator.operations.registrations import changed, created, flag, registration
from orchestrator.operations.submissions import Compiled
from orchestrator.store import layout
from orchestrator.store.requests import Registration
from tests.property.model.drawn_dag import compiled, draw_document
from tests.property.model.tenancy import TENANTS

if TYPE_CHECKING:
    from tests.property.model.world import World

#: Names of workflows; both tenants use both.
NAMES = ("orders", "bills")
#: Records an API process may have seen a while ago.
MOST_SEEN = 12


@dataclass(slots=True)
class Workflow:
    """What the record of one workflow must say. current: of its versions the newest, as it was sent."""

    tenant: str
    name: str
    revision: int = 1
    version: int = 1
    is_active: bool = True
    current: bytes = b""


@dataclass(slots=True)
class Registry:
    """What the registries of all tenants must hold; documents, by workflow and version, are kept for ever."""

    workflows: dict[str, Workflow] = field(default_factory=dict)
    documents: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    seen: list[WorkflowRecord] = field(default_factory=list)

    def id_of(self, tenant: str, name: str) -> str | None:
        found = (key for key, each in self.workflows.items() if (each.tenant, each.name) == (tenant, name))
        return next(found, None)

    def revision(self, workflow_id: str) -> int | None:
        found = self.workflows.get(workflow_id)
        return found.revision if found else None

    def see(self, record: WorkflowRecord | None) -> None:
        if record is not None:
            self.seen = [*self.seen, record][-MOST_SEEN:]

    def expected_keys(self) -> set[str]:
        """Every key of the registry there must be."""
        keys = {name for each in self.workflows.values() for name in _lists_of(each.tenant)}
        for workflow_id, each in self.workflows.items():
            record = f"workflows:registered:{each.tenant}:{workflow_id}"
            keys |= {record, *(f"{record}:{version}" for version in range(1, each.version + 1))}
        return keys

    def questions(self) -> list[tuple[Any, ...]]:
        """What to ask Redis for; `broken` takes the answers, in order."""
        asked: list[tuple[Any, ...]] = []
        for tenant in TENANTS:
            names, ids = _lists_of(tenant)
            asked += [("HGETALL", names), ("ZRANGE", ids, 0, -1)]
        for workflow_id, each in self.workflows.items():
            record = f"workflows:registered:{each.tenant}:{workflow_id}"
            asked.append(("HMGET", record, "name", "revision", "version", "is_active"))
            asked.append(("HGET", f"{record}:{each.version}", "definition"))
        return asked

    def broken(self, answers: list[Any]) -> list[str]:
        """Say what the registries hold that they should not; [] when all is well."""
        broken, found = [], iter(answers)
        for tenant in TENANTS:
            flat, ids = next(found), next(found)
            names = {name.decode(): each.decode() for name, each in zip(flat[::2], flat[1::2], strict=True)}
            own = {key: each for key, each in self.workflows.items() if each.tenant == tenant}
            if names != {each.name: key for key, each in own.items()}:
                broken.append(f"the names of {tenant} are {names}, registered are {own}")
            if {each.decode() for each in ids} != set(own):
                broken.append(f"the workflows of {tenant} are {ids}, registered are {sorted(own)}")
        for workflow_id, each in self.workflows.items():
            said = tuple((word or b"").decode() for word in next(found))
            wanted = (each.name, str(each.revision), str(each.version), flag(each.is_active))
            if said != wanted or next(found) != each.current:
                broken.append(f"the record of {workflow_id} says {said}, not {wanted}")
        return broken


def _lists_of(tenant: str) -> tuple[str, str]:
    return f"workflows:names:{tenant}", f"idx:workflows:{tenant}"


def _sent(tenant: str, document: dict[str, Any]) -> Registration:
    """Put a definition into a registration as the API does."""
    body = orjson.dumps(document)
    definition = compiled(document)
    made = Compiled(definition, layout.lay_out(definition), body)
    return registration(tenant, made, Source(body, "application/json"), labels=None, is_active=None)


async def register(world: World, dice: Random) -> None:
    """Register a workflow under a name that may be taken, perhaps with the reply lost once."""
    tenant, name = dice.choice(TENANTS), dice.choice(NAMES)
    workflow_id = workflow_id_of(next(world.numbers).to_bytes(16))
    document = draw_document(dice)
    holder = world.registry.id_of(tenant, name)
    wanted = replace(created(_sent(tenant, document), name), workflow_id=workflow_id)
    for _ in range(2 if dice.random() < 0.3 else 1):
        word, record = await world.transitions.register_workflow(wanted)
        assert word == ("taken" if holder else "ok"), (word, holder)
        assert record is not None
        assert record.workflow_id == (holder or workflow_id), record
    world.registry.see(record)
    if holder is None:
        world.registry.documents[workflow_id, 1] = document
        world.registry.workflows[workflow_id] = Workflow(tenant, name, current=orjson.dumps(document))


async def change(world: World, dice: Random) -> None:
    """Change a workflow, as one who saw it now or a while ago: another definition, the same, or a pause."""
    seen = world.registry.seen
    if not seen:
        return
    record = dice.choice(seen) if dice.random() < 0.3 else seen[-1]
    known = world.registry.workflows.get(record.workflow_id)
    kind = dice.choice(("new", "new", "same", "flip"))
    document = draw_document(dice)
    if kind == "same":
        document = world.registry.documents[record.workflow_id, record.version]
    wanted = changed(_sent(record.tenant, document), record)
    if kind == "flip":
        wanted = replace(
            wanted, definition=None, source=None, fields={"is_active": flag(not record.is_active)}
        )
    expected = "ok"
    if known is None or known.revision != record.revision:
        expected = "stale"
    elif kind != "flip" and orjson.dumps(document) == known.current:
        expected = "same"
    for _ in range(2 if dice.random() < 0.3 else 1):
        word, now = await world.transitions.register_workflow(wanted)
        assert word == expected, (word, expected, record, known)
    world.registry.see(now)
    if expected != "ok" or known is None:
        return
    known.revision += 1
    if kind == "flip":
        known.is_active = not known.is_active
    else:
        known.version, known.current = known.version + 1, orjson.dumps(document)
        world.registry.documents[record.workflow_id, known.version] = document
    assert now is not None
    assert (now.revision, now.version) == (known.revision, known.version), now


async def remove(world: World, dice: Random) -> None:
    """Remove a workflow, whatever its revision or only the one that was seen; its executions go on."""
    if not world.registry.seen:
        return
    record = dice.choice(world.registry.seen)
    known = world.registry.workflows.get(record.workflow_id)
    revision = dice.choice((None, record.revision))
    is_stale = known is not None and revision not in (None, known.revision)
    for _ in range(2 if dice.random() < 0.3 else 1):
        word = await world.transitions.remove_workflow(record.tenant, record.workflow_id, revision=revision)
        assert word == ("stale" if is_stale else "ok"), (word, revision, known)
    if not is_stale:
        world.registry.workflows.pop(record.workflow_id, None)
        world.clocks.forget_workflow(record.workflow_id)
        world.hooks.forget_workflow(record.workflow_id)
