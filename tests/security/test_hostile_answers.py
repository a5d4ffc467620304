"""Whatever a server answers, its node ends, what is kept is JSON, and the worker goes on."""

from __future__ import annotations

import json

from orchestrator.engine import Engine
from orchestrator.states import NodeStatus
from tests.fake_handlers import ended, start
from tests.makers import WorkerFleet, node
from tests.security.answers import READ, REFUSED
from tests.unit.clients.http.target_server import running_target


async def test_a_worker_reads_or_refuses_the_whole_corpus_and_goes_on(
    engine: Engine, fleet: WorkerFleet
) -> None:
    answers = READ | {name: answer for name, (answer, _) in REFUSED.items()}
    await fleet.start()
    async with running_target() as target:
        target.answers.update({f"/{index}": answer for index, answer in enumerate(answers.values())})
        nodes = [
            node(f"n{i}", handler="http", retry={"max_attempts": 1}, config={"url": f"{target.url}/{i}"})
            for i in range(len(answers))
        ]
        execution_id = (
            await engine.executions.submit({"name": "odd", "nodes": nodes}, trigger=True)
        ).execution_id
        await ended(engine, execution_id)

    outputs = await engine.executions.results(execution_id)
    for index, (name, state) in enumerate(
        zip(answers, (await engine.executions.get(execution_id)).nodes, strict=True)
    ):
        if name in REFUSED:
            assert state.error is not None and state.error["type"] == REFUSED[name][1], (name, state.error)
        else:
            assert state.status is NodeStatus.COMPLETED, (name, state.error)
            assert json.loads(outputs[f"n{index}"] or b"")["status"] == "ok"
    assert await ended(engine, await start(engine, node("after"))) == "COMPLETED"
