"""A simulation gives back the connections it has used."""

from __future__ import annotations

from clients.redis_client import connect_commands
from orchestrator.states import ExecutionStatus
from tests.makers import node, workflow
from workers.simulator.simulator import Simulator
from workers.simulator.stubs import Stubs


async def test_any_number_of_simulations_share_a_few_connections(redis_url: str) -> None:
    client = connect_commands(redis_url, max_connections=4)
    # One that nobody gave back would be waited for, rather than refused.
    client.connection_pool.timeout = 1.0  # type: ignore[attr-defined]

    for _ in range(10):
        played = await Simulator(client, stubs=Stubs()).run(workflow(node("a")))
        assert played.status is ExecutionStatus.COMPLETED

    await client.aclose()
