"""Whatever is asked of a route, the OpenAPI document names what it answers: status, type, headers, body.

A route is called as soon as it is documented. `./headrace test --long` makes thirty times as many calls.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.contract.openapi_calls import (
    DOCUMENT,
    ONCE,
    OPERATIONS,
    Call,
    Findings,
    Operation,
    aim,
    calls,
    is_plain,
    point,
)
from tests.contract.openapi_world import DEFINITIONS, World, started
from tests.redis_server import RedisServer

#: Calls of all operations together.
CALLS = 20_000 if os.environ.get("HEADRACE_LONG") else 700
#: Of an operation that can be called in one way only.
FEW = 5
VARIED = sum(not is_plain(operation) for operation in OPERATIONS)
EACH = math.ceil((CALLS - FEW * (len(OPERATIONS) - VARIED)) / VARIED)

#: Stories of one execution, in calls that follow each other, beside those.
STORIES = CALLS // 50
MOST_CALLS = 10
OF_ONE_EXECUTION = [each for each in OPERATIONS if "{execution_id}" in each.path]


@pytest.fixture(scope="module")
def served(redis_server: RedisServer) -> Iterator[World]:
    with started(redis_server.url) as world:
        yield world


@pytest.fixture
def world(served: World, redis_url: str) -> World:
    """The same app for every test, with all behind it made again."""
    assert served.redis_url == redis_url
    served.fill()
    return served


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_calls_are_answered_as_documented(operation: Operation, world: World) -> None:
    findings = Findings(world)

    @seed(operation.label)
    @settings(ONCE, max_examples=FEW if is_plain(operation) else EACH)
    @given(calls(operation, world))
    def call(case: Call) -> None:
        findings.send(case)

    call()

    assert not findings.wrong, str(findings)


def test_one_execution_is_answered_for_as_documented_whatever_happens_to_it(world: World) -> None:
    findings = Findings(world)
    (submission,) = [each for each in OPERATIONS if each.label == "POST /v1/executions"]

    @seed("one execution")
    @settings(ONCE, max_examples=STORIES)
    @given(st.data())
    def tell(data: st.DataObject) -> None:
        definition = data.draw(st.sampled_from(DEFINITIONS))
        body = {"definition": definition, "inputs": {"n": 1} if "inputs" in definition else None}
        made = findings.send(submission.Case(body=body, media_type="application/json"))
        assert made.status_code == 201
        place = {
            "execution_id": made.json()["execution_id"],
            "node_id": definition["dag"]["nodes"][0]["id"],
            "name": "go",
        }
        for _ in range(data.draw(st.integers(1, MOST_CALLS))):
            if data.draw(st.booleans()):
                world.work()
            operation = data.draw(st.sampled_from(OF_ONE_EXECUTION))
            case = data.draw(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
            point(case, place)
            aim(case, place)
            findings.send(case)

    tell()

    assert not findings.wrong, str(findings)


def test_every_operation_is_called() -> None:
    documented = {f"{method.upper()} {path}" for path, found in DOCUMENT["paths"].items() for method in found}

    assert {operation.label for operation in OPERATIONS} == documented
