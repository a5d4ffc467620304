"""Purges, at once or half-way: what is hidden is found and changed by nobody, and goes to the last key."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from orchestrator.loops import retention
from orchestrator.store import layout
from orchestrator.store.requests import AttemptToken
from tests.property.model.tenancy import TENANTS

if TYPE_CHECKING:
    from tests.property.model.actions import Action
    from tests.property.model.world import Case, World

ERROR = b'{"type":"HandlerError","message":"late","retryable":false}'
#: What a late call may be answered.
LATE_WORDS = {"gone", "lost", "stale", "idle", "unknown", "moved", "fenced", ""}
#: Purges that a caller left half-way may be finished a minute later.
CALLERS_MS = 60_000


@dataclass(slots=True)
class Remains:
    """Executions that were purged, and the keys that each had left when they were looked at last."""

    cases: dict[str, Case] = field(default_factory=dict)
    keys: dict[str, set[str]] = field(default_factory=dict)
    #: Those whose last key was once seen gone.
    removed: set[str] = field(default_factory=set)

    def broken(self, world: World, keys: set[str], purging: set[str]) -> list[str]:
        """Hold all keys there are against what was purged; [] when every promise is kept."""
        known = {case.execution_id for case in world.cases}
        owned: dict[str, set[str]] = {}
        for key in keys:
            parts = key.split(":")
            if parts[0] == "workflow" and parts[1] != "tasks":
                owned.setdefault(parts[1], set()).add(key)
        broken = [f"{each} is being purged, and nobody purged it" for each in purging - set(self.cases)]
        nobodys = set(owned) - known - set(self.cases) - set(world.staged)
        broken += [f"{each} has keys and is nobody's" for each in sorted(nobodys)]
        for execution_id, case in self.cases.items():
            left = owned.get(execution_id, set())
            base = f"workflow:{execution_id}"
            hidden = {key for key in left if key.startswith(f"{base}:node:")}
            hidden |= left & {f"{base}:remains", f"{base}:children", f"{base}:deliveries"}
            if left != hidden:
                broken.append(f"{execution_id} was purged and is found by {sorted(left - hidden)}")
            if left - self.keys.get(execution_id, left):
                broken.append(f"{execution_id} was purged and has grown: {sorted(left)}")
            if (execution_id in purging) != bool(left):
                broken.append(f"{execution_id} has {sorted(left)} left, being purged are {sorted(purging)}")
            if not left:
                self.removed.add(execution_id)
            elif execution_id in self.removed:
                broken.append(f"{execution_id} was removed and is back: {sorted(left)}")
            self.keys[execution_id] = left
            broken += [
                f"{child.execution_id} still names {execution_id} as its parent"
                for child in world.cases
                if child.parent == execution_id and not left
            ]
            assert case.execution_id == execution_id
        return broken


def expected_word(world: World, case: Case) -> tuple[str, str]:
    """What a purge must be answered, by the last look."""
    root, above = case, parent_of(world, case)
    while above is not None:
        root, above = above, parent_of(world, above)
    if root is not case:
        return "child", root.execution_id
    if not case.now.has_ended and case.now.status != "PENDING":
        return "refused", case.now.status
    if case.now.status == "PENDING" and case.now.runtime.get("cancelling"):
        return "cancelling", "PENDING"
    return "ok", ""


def parent_of(world: World, case: Case) -> Case | None:
    """The parent, while it is there and the child knows it."""
    named = case.now.runtime.get("parent", "").partition(" ")[0]
    return next((each for each in world.cases if each.execution_id == named), None)


async def purge_one(world: World, dice: Random) -> None:
    """Hide an execution, perhaps with the reply lost once, and perhaps remove some of what is left."""
    # A child whose parent was lost from it is purged with that all the same.
    known = [case for case in world.cases if not case.parent or "parent" in case.now.runtime]
    # Started again, it would be back: nobody has noted yet that it was started.
    known = [case for case in known if case.execution_id not in world.mails.about_to_start()]
    ready = [case for case in known if expected_word(world, case)[0] == "ok"]
    if not known:
        return
    case = dice.choice(ready if ready and dice.random() < 0.8 else known)
    if await hide(world, dice, case):
        for _ in range(dice.choice((0, 0, 1, 3))):
            await remove_slice(world, dice)
            await world.look()


async def hide(world: World, dice: Random, case: Case) -> bool:
    expected = expected_word(world, case)
    call = world.transitions.purge_execution(case.execution_id, call_id=f"p{next(world.numbers)}")
    answer = await call
    while answer[0] == "counting":
        await world.look()
        answer = await call
    assert tuple(answer) == expected, (case.execution_id, expected)
    if expected[0] != "ok":
        return False
    world.forget(case)
    if dice.random() < 0.3:
        assert (await call)[0] == "ok"
        other = await world.transitions.purge_execution(case.execution_id, call_id="another")
        assert other[0] == "unknown", other
    return True


async def remove_slice(world: World, dice: Random) -> None:
    """Remove a part of what any of the purged ones has left, a child of another one's among them."""
    redis: Any = world.redis
    if members := await redis.zrange("workflows:purging", 0, -1):
        await world.transitions.purge_keys(dice.choice(members).decode())


async def finish_purges(world: World, dice: Random) -> None:
    """The loop that finishes what callers have left half-way, by a clock that may be a minute fast."""
    now_ms = world.now_ms + dice.choice((0, CALLERS_MS))
    await retention.run_once(world.store, world.transitions, now_ms, limit=dice.choice((1, 20)))


async def call_late(world: World, dice: Random) -> None:
    """Every verb for something that was purged: of workers, of loops, of the API. Nothing changes."""
    if not world.remains.cases:
        return
    case = dice.choice(list(world.remains.cases.values()))
    before = await everything(world)
    execution_id, unit = case.execution_id, dice.choice(list(case.now.units))
    attempt = int(case.now.of("attempt", unit) or 1)
    token = AttemptToken(execution_id, unit, attempt, case.now.of("nonce", unit).lstrip("!") or "n:1")
    words = [*await _late_worker(world, token), *await _late_loops(world, case, token)]
    words += await _late_requests(world, case)
    assert set(words) <= LATE_WORDS, words
    if execution_id not in world.remains.removed:
        for part in layout.lay_out(case.definition).staged:
            await world.transitions.stage_execution(execution_id, part, tenant=case.tenant)
    after = await everything(world)
    changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    assert not changed, f"late calls for {execution_id} changed {changed}"


async def _late_worker(world: World, token: AttemptToken) -> list[str]:
    does = world.transitions
    claim = await does.claim_node(
        token, message_id="1-1", queue="default", worker_id="w0", lease_ms=2_000
    )  # fmt: skip
    ends = [
        await does.complete_node(token, b"{}"),
        await does.retry_node(token, ERROR, delay_ms=0),
        await does.release_node(token, None),
        await does.cancel_node(token, None),
    ]
    handed = await does.hand_back_node(
        token.execution_id, token.node_id, token.attempt,
        message_id="1-1", queue="default", is_offered=False, error=ERROR,
    )  # fmt: skip
    (renewed,) = await does.renew_leases([token], lease_ms=2_000, beats=[b""])
    told = await does.report_events(token, [(1, "node.log", b"{}")])
    return [str(claim), handed, renewed, told, *(end.word for end in ends)]


async def _late_loops(world: World, case: Case, token: AttemptToken) -> list[str]:
    does, generation = world.transitions, case.now.generation
    unit = (token.execution_id, token.node_id, token.attempt)
    answers = [
        await does.reap_node(*unit, lost=ERROR, poison=ERROR),
        await does.wake_node(*unit, "back_off"),
        await does.time_out_node(*unit, "start_to_close", error=ERROR, delay_ms=None),
        await does.expire_node(*unit[:2], generation),
        await does.enforce_cancel(case.execution_id, generation),
        await does.time_out_execution(case.execution_id, generation, ERROR),
        await does.continue_execution(case.execution_id),
        await does.repair_execution(
            case.execution_id, seq=int(case.now.runtime.get("seq", 0)), repairs=["finish"]
        ),
    ]
    return [word for word, _ in answers]


async def _late_requests(world: World, case: Case) -> list[str]:
    does, execution_id = world.transitions, case.execution_id
    answers = [
        await does.start_execution(execution_id),
        await does.cancel_execution(execution_id, reason='"late"', grace_ms=0, request_id="late"),
        await does.pause_execution(execution_id, by=b"null", reason=b"null", request="late"),
        await does.retry_execution(
            execution_id, generation=int(case.now.generation), position=0, nodes=[], items=[]
        ),
    ]
    return [answer[0] for answer in answers]


async def everything(world: World) -> dict[bytes, Any]:
    """Every key there is, with all it holds; of task streams nothing, which a claim marks as read."""
    (keys,) = await world.wire.send([("KEYS", "*")])
    told = [key for key in keys if not key.startswith(b"workflow:tasks")]
    return dict(zip(told, await world.wire.send([("DUMP", key) for key in told]), strict=True))


async def purge_all(world: World, dice: Random) -> None:
    """Purge all there is, slice by slice: of executions not one key is left, not one row in a list."""
    for case in [case for case in world.cases if not case.parent]:
        assert await hide(world, dice, case), case.execution_id
        await world.look()
    while await world.redis.zcard("workflows:purging"):
        await remove_slice(world, dice)
        await world.look()
    assert not world.cases, [case.execution_id for case in world.cases]
    # An hour later they go: nothing points to any of them any more.
    for tenant, digest in await world.store.unused_layouts(2**52, 10_000):
        assert await world.transitions.drop_layout(tenant, digest, age_ms=0) == "ok"
    kept = {"workflow:tasks", "workflow:tasks:side", "workflows:queues", "workflows:repairs"}
    for key in ("workflows:dead", "workflows:dead:other"):
        # A retry may have taken the last entry off: the stream itself stays.
        assert await world.redis.xlen(key) == 0, key
        kept.add(key)
    kept |= {"workflows:tenants", *(f"workflows:tenants:{tenant}" for tenant in TENANTS)}
    kept |= world.registry.expected_keys() | world.clocks.expected_keys() | world.hooks.expected_keys()
    keys = {key.decode() for key in await everything(world)} - kept
    left = [key for key in keys if not key.startswith(("idem:", "workflows:statistics:"))]
    assert left == [], f"after everything was purged there is {left}"


#: How often each is drawn.
PURGES: dict[Action, int] = {purge_one: 3, remove_slice: 3, finish_purges: 1, call_late: 1}
