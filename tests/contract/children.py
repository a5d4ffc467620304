"""A child execution, started as the handler of its node does, for tests over HTTP."""

from __future__ import annotations

import orjson

from orchestrator.operations.children import child_id_of
from orchestrator.store.layout import lay_out
from orchestrator.store.requests import AttemptToken, Child
from tests.contract.samples import node, workflow
from tests.dags import compiled
from tests.makers import FakeWorker, error_of

KID = workflow(node("x"), name="kid")


async def start_child(worker: FakeWorker, held: AttemptToken) -> None:
    """Do what the handler of a node that has a child does."""
    child = Child(
        execution_id=child_id_of(held.execution_id, held.node_id, held.attempt),
        definition=orjson.dumps(KID),
        last=lay_out(compiled(KID)).last,
        extra=(),
        most_levels=3,
        too_deep=error_of("ConfigError"),
        output=b"{}",
    )
    assert (await worker.transitions.start_child(held, child)).word == "ok"
