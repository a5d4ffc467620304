"""Webhooks of two tenants: made, rotated, removed, and delivered to, again and again or with a lie."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import orjson

from orchestrator.definitions.registry import WorkflowRecord
from orchestrator.definitions.webhooks import Secret, WebhookRecord, secrets_text
from orchestrator.documents.signatures import Scheme, kept_secret, signed_headers
from orchestrator.errors import SignatureInvalid, StoreUnavailable, WebhookNotFound
from orchestrator.operations.incoming import Incoming
from orchestrator.operations.origin import Origin, starter_label
from orchestrator.store import layout
from orchestrator.store.requests import Delivered, HookChange, digest_of
from tests.property.model.drawn_dag import compiled
from tests.property.model.hooks import Hook
from tests.property.model.processes import came_to_be, drawn_process, minting
from tests.property.model.scheduled import add_case, seen_workflow
from tests.property.model.starts import MOST_STARTED

if TYPE_CHECKING:
    from tests.property.model.actions import Action
    from tests.property.model.world import World

PATHS = ("in", "wh_other")
SECRETS = tuple("whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in range(1, 6))
SCHEMES = ("standard", "hub256")
FORGED = "whsec_" + base64.b64encode(b"f" * 32).decode()
#: How long a secret goes on beside a new one.
KEPT_MS = (0, 4_000, 60_000)
REFUSED, UNKNOWN, LOST = "refused", "unknown", "lost"


async def make_hook(world: World, dice: Random) -> None:
    """Make a webhook of a workflow, as it was seen now or a while ago; its path may be another one's."""
    of, path, number = await seen_workflow(world, dice), dice.choice(PATHS), next(world.numbers)
    scheme, count = dice.choice(SCHEMES), dice.choice((1, 2))
    secrets = dice.sample(SECRETS, count)
    kept = [Secret(world.now_ms, None, kept_secret(Scheme(scheme), each)) for each in secrets]
    fields = {
        "hook_id": f"h{number}", "scheme": scheme, "header": "", "inputs": "none", "is_active": "1",
        "owner": "", "secrets": secrets_text(kept),
    }  # fmt: skip
    change = HookChange(f"webhook:{path}", of.tenant, of.workflow_id, fields, call_id=f"hook{number}")
    is_there = of.workflow_id in world.registry.workflows
    expected = "taken" if path in world.hooks.hooks else "ok" if is_there else "unknown"
    for _ in range(2 if dice.random() < 0.3 else 1):
        word, _, record = await world.transitions.register_webhook(change)
        assert word == expected, (word, expected)
    if expected == "ok":
        world.hooks.see(record)
        world.hooks.hooks[path] = Hook(
            path, of.tenant, of.workflow_id, f"h{number}", scheme, [(each, None) for each in secrets]
        )


async def change_hook(world: World, dice: Random) -> None:
    """Rotate a webhook, or let it rest or go on, as one who saw it now or a while ago."""
    record = await _looked_up(world, dice)
    if record is None:
        return
    known, number = world.hooks.hooks.get(record.path), next(world.numbers)
    secret, keep_ms, is_rotated = dice.choice(SECRETS), dice.choice(KEPT_MS), dice.random() < 0.6
    secrets: list[tuple[str, int | None]] = []
    if is_rotated:
        until_ms = world.now_ms + keep_ms
        older = [each for each in record.live_secrets(world.now_ms) if keep_ms and each.kept != secret]
        secrets += [(each.kept, min(each.expires_ms or until_ms, until_ms)) for each in older][-3:]
        secrets.append((secret, None))
        fields = {"secrets": secrets_text([Secret(world.now_ms, end, each) for each, end in secrets])}
    else:
        fields = {"is_active": "0" if record.is_active else "1"}
    change = HookChange(
        record.name, record.tenant, record.workflow_id, fields, tag=record.tag, call_id=f"hook{number}"
    )
    is_meant = known is not None and f"{known.hook_id}.{known.revision}" == record.tag
    for _ in range(2 if dice.random() < 0.3 else 1):
        word, _, now = await world.transitions.register_webhook(change)
        assert word == ("ok" if is_meant else "stale"), (word, record, known)
    if not is_meant or known is None:
        return
    world.hooks.see(now)
    known.revision += 1
    if is_rotated:
        known.secrets = secrets
    else:
        known.is_active = not record.is_active


async def remove_hook(world: World, dice: Random) -> None:
    record = await _looked_up(world, dice)
    if record is None:
        return
    known, tag = world.hooks.hooks.get(record.path), dice.choice((None, record.tag))
    is_own = known is not None and known.tenant == record.tenant
    is_stale = is_own and known is not None and tag not in (None, f"{known.hook_id}.{known.revision}")
    for _ in range(2 if dice.random() < 0.3 else 1):
        word = await world.transitions.remove_webhook(record.kind, record.path, record.tenant, tag=tag)
        assert word == ("stale" if is_stale else "ok"), (word, tag, known)
    if is_own and not is_stale:
        del world.hooks.hooks[record.path]


async def _looked_up(world: World, dice: Random) -> WebhookRecord | None:
    if world.hooks.seen and (dice.random() < 0.2 or not world.hooks.hooks):
        return dice.choice(world.hooks.seen)
    if not world.hooks.hooks:
        return None
    record = await world.store.webhooks.record("webhook", dice.choice(list(world.hooks.hooks)))
    world.hooks.see(record)
    return record


@dataclass(frozen=True, slots=True)
class Drawn:
    """One delivery as a sender makes it: without an id where that is empty."""

    path: str
    delivery_id: str
    order: int
    is_forged: bool
    incoming: Incoming


async def deliver(world: World, dice: Random) -> None:
    """Deliver to a path, by a process that may die on the way; the sender may send the same again."""
    if not world.hooks.hooks:
        await make_hook(world, dice)
        await world.look()
    drawn = _drawn(world, dice)
    for _ in range(dice.choice((1, 1, 2, 3))):
        if len(world.cases) >= MOST_STARTED:
            return
        await _receive(world, dice, drawn)
        await world.look()


def _drawn(world: World, dice: Random) -> Drawn:
    paths = list(world.hooks.hooks) if world.hooks.hooks and dice.random() < 0.9 else PATHS
    path, is_forged, order = dice.choice(paths), dice.random() < 0.15, next(world.numbers)
    hook = world.hooks.hooks.get(path)
    scheme = Scheme(hook.scheme if hook else "hub256")
    # Also what the webhook before it at this path was sent.
    known = [each for of, each in world.hooks.ledger if of == path]
    delivery_id = f"d{order}" if scheme is Scheme.STANDARD or dice.random() < 0.6 else ""
    if known and delivery_id and dice.random() < 0.5:
        delivery_id = dice.choice(known)
    good = hook.live_secrets(world.now_ms) if hook else []
    stale = [secret for secret in SECRETS if secret not in good]
    secret = dice.choice((FORGED, *stale)) if is_forged or not good else dice.choice(good)
    raw = orjson.dumps({"order": order})
    headers = signed_headers(scheme, secret, raw, delivery_id=delivery_id, now_s=world.now_ms / 1000)
    signed = {name: value for name, value in headers.items() if value}
    return Drawn(path, delivery_id, order, is_forged or not good, Incoming("webhook", path, signed, raw))


async def _receive(world: World, dice: Random, drawn: Drawn) -> None:
    """Have one request taken, and hold its answer and what it made against the model."""
    process, hook = drawn_process(world, dice), world.hooks.hooks.get(drawn.path)
    expected = _expected(world, drawn)
    answer = LOST
    with minting(world) as minted:
        try:
            answer = (await process.incoming.receive(drawn.incoming)).execution_id
        except SignatureInvalid:
            answer = REFUSED
        except WebhookNotFound:
            answer = UNKNOWN
        except StoreUnavailable:
            assert process.transitions.fate.startswith("dies"), "a process died that was to live"
    fresh = await came_to_be(world, minted)
    if answer == LOST:
        await _after_a_death(world, dice, drawn, expected, fresh)
        return
    if expected is None:
        assert fresh == [answer], (drawn, fresh, answer)
        await _take_in(world, dice, drawn, answer)
        return
    assert (answer, fresh) == (expected, []), (drawn, answer, expected, fresh)
    if hook is not None and expected != UNKNOWN:
        world.hooks.count(hook, "rejected" if expected == REFUSED else "duplicate")


def _expected(world: World, drawn: Drawn) -> str | None:
    """What a delivery must be answered; None for an execution that it makes."""
    hook = world.hooks.hooks.get(drawn.path)
    workflow = world.registry.workflows.get(hook.workflow_id) if hook else None
    if hook is None or workflow is None or not (hook.is_active and workflow.is_active):
        return UNKNOWN
    if drawn.is_forged or not _is_signed(world, hook, drawn):
        return REFUSED
    return hook.made.get(drawn.delivery_id) if drawn.delivery_id else None


def _is_signed(world: World, hook: Hook, drawn: Drawn) -> bool:
    """Say whether one of its secrets that are good now has made the signature."""
    sent = drawn.incoming
    now_s = int(sent.headers.get("webhook-timestamp", "0")) or world.now_ms / 1000
    for secret in hook.live_secrets(world.now_ms):
        headers = signed_headers(
            Scheme(hook.scheme), secret, sent.raw, delivery_id=drawn.delivery_id, now_s=now_s
        )
        if all(sent.headers.get(name) == value for name, value in headers.items() if value):
            return True
    return False


async def _after_a_death(
    world: World, dice: Random, drawn: Drawn, expected: str | None, fresh: list[str]
) -> None:
    """Find out what was carried out of a request that nobody has answered."""
    hook = world.hooks.hooks.get(drawn.path)
    if fresh:
        assert expected is None, (drawn, expected, fresh)
        await _take_in(world, dice, drawn, fresh[0])
    elif hook is not None and expected not in (None, UNKNOWN):
        result = "rejected" if expected == REFUSED else "duplicate"
        counted = await world.redis.hget(f"workflows:hook:webhook:{drawn.path}", result)
        if int(counted or 0) > hook.counts[result]:
            world.hooks.count(hook, result)


async def _take_in(world: World, dice: Random, drawn: Drawn, execution_id: str) -> None:
    """Get to know the execution that a delivery has made."""
    hook = world.hooks.hooks[drawn.path]
    world.hooks.count(hook, "accepted")
    world.hooks.orders[execution_id] = drawn.order
    if drawn.delivery_id:
        hook.made[drawn.delivery_id] = execution_id
        world.hooks.ledger[drawn.path, drawn.delivery_id] = f"{hook.hook_id} {execution_id}"
    await add_case(world, hook.workflow_id, hook.tenant, execution_id, starter_label("webhook", drawn.path))
    await world.drain_worklist(execution_id, True, dice)
    trigger = await world.redis.hget(f"workflow:{execution_id}:runtime", "trigger")
    found = orjson.loads(trigger or b"{}")
    assert (found["source"], found["payload"]) == ("webhook", {"order": drawn.order}), found


async def deliver_late(world: World, dice: Random) -> None:
    """A process that read webhook and workflow a while ago starts the execution now."""
    pairs = [
        (hook, each)
        for hook in world.hooks.seen
        for each in world.registry.seen
        if each.workflow_id == hook.workflow_id
    ]
    if not pairs or len(world.cases) >= MOST_STARTED:
        return
    seen, workflow = dice.choice(pairs)
    known = world.hooks.hooks.get(seen.path)
    is_hook = known is not None and f"{known.hook_id}.{known.revision}" == seen.tag
    made = dict(known.made) if known is not None and is_hook else {}
    delivery_id = dice.choice((*made, "", "late")) if seen.scheme is Scheme.HUB256 else "late"
    execution_id, order = world.next_id(), next(world.numbers)
    expected, answer = "ok", execution_id
    if not is_hook:
        expected = "moved"
    elif delivery_id in made:
        expected, answer = "replayed", made[delivery_id]
    elif not _is_current(world, workflow):
        expected = "moved"
    document = world.registry.documents[workflow.workflow_id, workflow.version]
    laid = layout.lay_out(compiled(document))
    for part in laid.staged:
        await world.transitions.stage_execution(execution_id, part, tenant=seen.tenant)
    trigger = {"source": "webhook", "path": seen.path, "payload": {"order": order}}
    origin = Origin(
        workflow_id=workflow.workflow_id, workflow_version=workflow.version, trigger=trigger,
        starter=starter_label("webhook", seen.path),
    )  # fmt: skip
    word, named, _ = await world.transitions.deliver_webhook(
        execution_id, orjson.dumps(document), laid.last,
        delivered=Delivered(seen, workflow, digest_of(delivery_id) if delivery_id else ""),
        extra=tuple(origin.fields()),
    )  # fmt: skip
    assert (word, named) == (expected, answer), (word, named, expected, answer, seen, workflow)
    if word == "ok":
        await _take_in(world, dice, Drawn(seen.path, delivery_id, order, False, _NOTHING), execution_id)
        return
    world.staged.append(execution_id)
    if word == "replayed" and known is not None:
        world.hooks.count(known, "duplicate")


_NOTHING = Incoming("webhook", "", {}, b"")


def _is_current(world: World, record: WorkflowRecord) -> bool:
    known = world.registry.workflows.get(record.workflow_id)
    return known is not None and known.revision == record.revision and known.is_active


#: How often each is drawn.
HOOKS: dict[Action, int] = {make_hook: 2, change_hook: 1, remove_hook: 1, deliver: 5, deliver_late: 1}
