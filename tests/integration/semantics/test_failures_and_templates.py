"""What counts as a failure of a node, what its templates see, and what its time limits count."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.dags import node

URL = {"url": "https://nowhere.example/"}


def by_id(simulation: Any) -> dict[str, Any]:
    return {each.node_id: each for each in simulation.nodes}


async def test_the_output_of_what_has_not_finished_is_an_error_unless_a_default_is_given(play: Any) -> None:
    simulation = await play(
        node("quick"),
        node("slow", handler="http", config=URL),
        node(
            "careless",
            after=["quick", "slow"],
            trigger_rule="one_success",
            handler="transform",
            config={"output": "{{ slow.n }}"},
        ),
        node(
            "careful",
            after=["quick", "slow"],
            trigger_rule="one_success",
            handler="transform",
            config={"output": "{{ slow.n | default(0) }}"},
        ),
        stubs={"nodes": {"slow": {"duration": "1m", "output": {"n": 1}}}},
    )

    found = by_id(simulation)
    assert found["careless"].state.error["type"] == "TemplateError"
    assert found["careful"].output == b'{"result":0}'


async def test_now_is_one_moment_per_attempt(play: Any) -> None:
    config = {**URL, "headers": {"a": "{{ now() }}", "b": "{{ now() }}"}}
    simulation = await play(
        node("A", handler="http", config=config),
        node("W", after=["A"], handler="delay", config={"seconds": 60}),
        node("B", after=["W"], handler="http", config=config),
    )

    found = by_id(simulation)
    first = orjson.loads(found["A"].output)["config"]["headers"]
    second = orjson.loads(found["B"].output)["config"]["headers"]
    assert first["a"] == first["b"]
    assert second["a"] == second["b"] != first["a"]


@pytest.mark.parametrize(
    ("fields", "stub", "error"),
    [
        ({"config": URL}, {"fail": "always"}, "HandlerError"),
        ({"config": URL, "start_to_close_timeout": "1s"}, {"duration": "2s"}, "Timeout.StartToClose"),
        ({"config": {"url": "{{ inputs.nothing }}"}}, {}, "TemplateError"),
        ({"config": {"url": "{{ [] }}"}}, {}, "ConfigError"),
    ],
)
async def test_a_node_failed_by_any_cause_counts_the_same(
    play: Any, fields: dict[str, Any], stub: dict[str, Any], error: str
) -> None:
    simulation = await play(
        node("A", handler="http", retry={"max_attempts": 1}, **fields),
        node("B", after=["A"]),
        node("C", after=["A"], trigger_rule="all_failed"),
        stubs={"nodes": {"A": stub}},
    )

    found = by_id(simulation)
    assert found["A"].state.error["type"] == error
    assert (found["B"].state.reason, found["C"].state.status) == ("upstream_failed", "COMPLETED")
    assert simulation.status == "FAILED"


async def test_an_error_in_when_fails_the_node(play: Any) -> None:
    simulation = await play(node("A", when="{{ inputs.nothing > 1 }}"), node("B", after=["A"]))

    found = by_id(simulation)
    assert (found["A"].state.status, found["A"].state.error["type"]) == ("FAILED", "TemplateError")
    assert found["B"].state.reason == "upstream_failed"


async def test_waiting_does_not_count_against_the_time_of_an_attempt(play: Any) -> None:
    simulation = await play(
        node(
            "A",
            handler="http",
            config=URL,
            start_to_close_timeout="10s",
            retry={"max_attempts": 3, "initial_interval": "1h", "maximum_interval": "2h"},
        ),
        node("W", after=["A"], handler="delay", config={"seconds": "1h"}, start_to_close_timeout="10s"),
        stubs={"nodes": {"A": {"fail": 2, "duration": "9s"}}},
    )

    assert simulation.status == "COMPLETED"
