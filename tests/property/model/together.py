"""How the end of an attempt is sent: alone, or together with a call that is sent again."""

from __future__ import annotations

from random import Random
from typing import Any

from orchestrator.store.replies import EndReply, read_end_reply
from orchestrator.store.script_client import Call
from tests.property.model.world import World


async def send_end(world: World, dice: Random, call: Call[EndReply]) -> EndReply:
    """Send it; what goes with it has had its answer before, and changes nothing."""
    if dice.random() < 0.6:
        return await call
    # A cancel that had nothing to follow may have something by now.
    known: list[Call[Any]] = [
        each for each, _ in world.sent if each.read is read_end_reply and each.name != "cancel_node"
    ]
    again = [dice.choice(known)] if known and dice.random() < 0.5 else []
    *others, reply = await world.transitions.end_nodes([*again, call])
    assert all(other.word in ("dup", "fenced", "gone") for other in others), (others, again)
    assert isinstance(reply, EndReply), reply
    return reply
