"""Runs an execution as scripted, node by node, in random order."""

from __future__ import annotations

from random import Random

from redis.asyncio import Redis

from orchestrator.definitions.branches import taker_of
from orchestrator.engine import Engine
from orchestrator.states import Reason
from orchestrator.store.replies import Claim
from orchestrator.store.requests import AttemptToken
from tests.dags import HANDLERS, ScriptedDag, compiled
from tests.makers import FakeWorker, Rig, error_of


async def rig_on(redis: Redis) -> Rig:
    """Give an engine that knows the handlers of drawn graphs, with a clock that stands."""
    engine = Engine(redis, redis, catalogue=lambda _, cards: HANDLERS)
    engine.transitions.now_ms = await engine.store.now_ms()
    return Rig(redis, engine.transitions, engine.store, engine, FakeWorker(engine.transitions, redis))


async def play(
    rig: Rig, dag: ScriptedDag, execution_id: str, dice: Random, stop_after: int = 10_000
) -> list[str]:
    """Run an execution as scripted, in random order, up to so many ends; gives what ran."""
    ran: list[str] = []
    running: list[AttemptToken] = []
    while len(ran) < stop_after:
        for task in await rig.worker.read(1_000):
            claim = await rig.worker.claim(task)
            assert isinstance(claim, Claim)
            running.append(AttemptToken(claim.execution_id, claim.node_id, claim.attempt, claim.nonce))
        if not running:
            return ran
        token = running.pop(dice.randrange(len(running)))
        assert token.execution_id == execution_id
        await end(rig, dag, token)
        ran.append(token.node_id)
    return ran


async def end(rig: Rig, dag: ScriptedDag, token: AttemptToken) -> None:
    outcome, node = dag.outcomes[token.node_id], compiled(dag.document).node(token.node_id)
    if outcome == "fail":
        taker = taker_of(node.catch, "HandlerError")
        await rig.transitions.fail_node(token, error_of(), reason=Reason.ERROR, is_dead=False, taker=taker)
    elif outcome == "skip":
        is_unwanted = node.when is not None
        reason = Reason.CONDITION_FALSE if is_unwanted else Reason.HANDLER_SKIPPED
        await rig.transitions.skip_node(token, reason=reason, data=b"{}")
    else:
        not_taken = () if isinstance(outcome, str) else outcome[1]
        await rig.worker.complete(token, {"of": token.node_id}, not_taken=not_taken)
