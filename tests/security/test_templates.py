"""Hostile templates through the front door and a real worker."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from headrace import handler
from orchestrator.engine import Engine
from orchestrator.errors import DefinitionInvalid
from orchestrator.states import NodeStatus
from tests.fake_handlers import Stage, ended, start
from tests.makers import WorkerFleet, node, until
from tests.security.templates import BOMBS, ESCAPES, FILTER_BOMBS, KEYS, OUTPUT
from workers.context import HandlerContext


@pytest.fixture
def source(stage: Stage) -> None:
    @handler("test_source")
    async def give(config: Mapping[str, Any], context: HandlerContext) -> Any:
        """Put out what the corpus refers to."""
        return OUTPUT


async def refusals(engine: Engine, template: Any) -> set[str]:
    """What a submission finds wrong with a template; nothing, when it is taken in."""
    try:
        await engine.executions.submit({"name": "probe", "nodes": nodes_for([template])})
    except DefinitionInvalid as error:
        return {problem.code for problem in error.problems}
    return set()


def nodes_for(templates: Sequence[Any]) -> list[dict[str, Any]]:
    hostile = [node(f"n{i}", after=["A"], config={"x": text}) for i, text in enumerate(templates)]
    return [node("A", handler="test_source"), *hostile]


@pytest.mark.usefixtures("source")
@pytest.mark.parametrize(
    "corpus",
    [ESCAPES, BOMBS, FILTER_BOMBS, [{key: 1, "same": 2} for key in KEYS]],
    ids=["escapes", "bombs", "filters", "keys"],
)
async def test_a_worker_refuses_the_whole_corpus_and_goes_on(
    engine: Engine, fleet: WorkerFleet, corpus: Sequence[Any]
) -> None:
    await fleet.start(output_max_bytes=4 * 1024 * 1024)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = [await refusals(engine, text) for text in corpus]
    let_through = [text for text, codes in zip(corpus, found, strict=True) if not codes]

    execution_id = await start(engine, *nodes_for(let_through))

    async def has_ended() -> bool:
        return (await engine.executions.status(execution_id)).is_terminal

    await until(has_ended)
    states = {state.node_id: state for state in (await engine.executions.get(execution_id)).nodes}
    assert states.pop("A").status is NodeStatus.COMPLETED
    assert let_through
    assert set().union(*found) <= {"bad_template", "unknown_reference", "not_json"}
    for state, template in zip(states.values(), let_through, strict=True):
        assert state.status is NodeStatus.FAILED, template
        assert state.error is not None
        assert state.error["type"] == "TemplateError", (template, state.error)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 200_000
    assert await ended(engine, await start(engine, node("after"))) == "COMPLETED"


def test_the_corpora_are_as_large_as_promised() -> None:
    assert len(set(ESCAPES)) >= 100
    assert len(set(BOMBS)) >= 70
    assert len(set(FILTER_BOMBS)) >= 45
    assert len(set(KEYS)) >= 10
