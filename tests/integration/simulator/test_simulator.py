"""What a simulation shows: the real scripts, the real templates, nothing real called, no time waited."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis

from headrace import handler
from headrace.registration import HANDLER_REGISTRY
from orchestrator.errors import DefinitionInvalid, InputsInvalid
from orchestrator.redis_keys import Keys
from orchestrator.store.transitions import Transitions
from tests.dags import condition, node, workflow
from workers.simulator.report import Simulation
from workers.simulator.simulator import SimulationTooLong, Simulator
from workers.simulator.stubs import Stubs

HOUR_MS = 3_600_000


def ends(simulation: Simulation) -> dict[str, str]:
    return {each.node_id: str(each.state.status) for each in simulation.nodes}


async def test_days_of_waiting_and_retries_pass_in_no_time(play: Any) -> None:
    simulation = await play(
        node(
            "A",
            handler="http",
            config={"url": "https://nowhere.example/"},
            retry={"max_attempts": 5, "initial_interval": "1h", "maximum_interval": "10h", "jitter": "none"},
        ),
        node("W", after=["A"], handler="delay", config={"seconds": "72h"}),
        stubs={"nodes": {"A": {"fail": 2, "error": "Http.5xx", "duration": "30s"}}},
    )

    assert ends(simulation) == {"A": "COMPLETED", "W": "COMPLETED"}
    first, delay = simulation.nodes
    assert first.state.tries == 3
    assert (first.start_ms, first.end_ms) == (0, 3 * 30_000 + 3 * HOUR_MS)
    assert delay.end_ms == simulation.duration_ms == 3 * 30_000 + 75 * HOUR_MS


async def test_conditions_and_templates_are_evaluated_over_what_stubs_put_out(play: Any) -> None:
    simulation = await play(
        node("A", handler="http", config={"url": "https://nowhere.example/{{ inputs.id }}"}),
        condition("C", after=["A"], expression="A.total > inputs.most", true=["T"], false=["F"]),
        node("T", after=["C"], handler="transform", config={"output": {"sum": "{{ A.total + 1 }}"}}),
        node("F", after=["C"]),
        node("O", after=["T", "F"], handler="llm", config={"prompt": "{{ T.result.sum }}"}),
        stubs={"nodes": {"A": {"output": {"total": 10}}}},
        inputs={"id": 7, "most": 9},
    )

    assert ends(simulation) == {
        "A": "COMPLETED", "C": "COMPLETED", "T": "COMPLETED", "F": "SKIPPED", "O": "COMPLETED",
    }  # fmt: skip
    outputs = {each.node_id: orjson.loads(each.output) for each in simulation.nodes if each.output}
    assert outputs["T"] == {"result": {"sum": 11}}
    assert outputs["O"]["config"] == {"prompt": 11}
    assert [event for _, event, node_id in simulation.path if node_id == "F"] == ["node.skipped"]


async def test_no_handler_is_called(play: Any) -> None:
    calls: list[str] = []
    before = dict(HANDLER_REGISTRY)
    try:

        @handler("test_counted")
        async def count(config: Any, context: Any) -> None:
            calls.append(context.node_id)

        simulation = await play(node("A", handler="test_counted"), node("B", handler="unreliable_handler"))
    finally:
        HANDLER_REGISTRY.clear()
        HANDLER_REGISTRY.update(before)

    assert ends(simulation) == {"A": "COMPLETED", "B": "COMPLETED"}
    assert calls == []


async def test_a_handler_nobody_knows_can_be_stubbed_by_name(play: Any) -> None:
    simulation = await play(node("A", handler="ours"), stubs={"handlers": {"ours": {"output": [1]}}})

    assert simulation.nodes[0].output == b"[1]"
    with pytest.raises(DefinitionInvalid, match="unknown handler 'ours'"):
        await play(node("A", handler="ours"))


async def test_what_the_real_handler_would_refuse_is_refused(play: Any) -> None:
    simulation = await play(
        node("A", handler="http", config={"url": "https://x.example/", "method": "{{ inputs.m }}"}),
        inputs={"m": "NOT A METHOD"},
    )

    (played,) = simulation.nodes
    assert played.state.error is not None
    assert (str(played.state.status), played.state.error["type"]) == ("FAILED", "ConfigError")


async def test_a_time_out_ends_a_slow_stub_and_is_retried(play: Any) -> None:
    slow = node(
        "A",
        handler="http",
        config={"url": "https://x.example/"},
        start_to_close_timeout="10s",
        retry={"max_attempts": 2, "initial_interval": "1s", "jitter": "none"},
    )

    simulation = await play(slow, stubs={"nodes": {"A": {"duration": "11s"}}})

    (played,) = simulation.nodes
    assert played.state.error is not None
    assert played.state.error["type"] == "Timeout.StartToClose"
    assert (played.state.tries, played.end_ms) == (2, 21_000)


async def test_an_execution_past_its_deadline_fails(play: Any) -> None:
    simulation = await play(node("A", handler="delay", config={"seconds": "2h"}), execution_timeout="1h")

    assert (simulation.status, simulation.duration_ms) == ("FAILED", HOUR_MS)


async def test_a_skip_a_failure_and_other_queues_are_played(play: Any) -> None:
    simulation = await play(
        node("A", handler="http", config={"url": "https://x.example/"}, queue="gpu"),
        node("B", after=["A"], queue="slow"),
        node("C", after=["A"], trigger_rule="all_skipped"),
        node("D", handler="llm", config={"prompt": "x"}, critical=False),
        stubs={
            "nodes": {"A": {"skip": "not today"}},
            "handlers": {"llm": {"fail": "always", "error": "Llm.Refused", "retryable": False}},
        },
    )

    assert ends(simulation) == {"A": "SKIPPED", "B": "SKIPPED", "C": "COMPLETED", "D": "FAILED"}
    assert simulation.status == "COMPLETED"


async def test_now_is_virtual(play: Any) -> None:
    simulation = await play(
        node("A", handler="transform", config={"output": "{{ now() }}"}),
        node("W", after=["A"], handler="delay", config={"seconds": "24h"}),
        node("B", after=["W"], handler="transform", config={"output": "{{ now()[:10] == A.result[:10] }}"}),
    )

    assert simulation.nodes[2].output == b'{"result":false}'


async def test_secrets_are_placeholders(play: Any) -> None:
    config = {"url": "https://x.example/", "headers": {"a": "Bearer {{ secrets.KEY }}"}}

    simulation = await play(node("A", handler="http", config=config))

    assert orjson.loads(simulation.nodes[0].output or b"")["config"]["headers"] == {
        "a": "Bearer (secret KEY)"
    }


async def test_simulations_at_once_do_not_meet(redis: Redis) -> None:
    def one(number: int) -> Any:
        stubs = Stubs.from_dict({"nodes": {"A": {"output": number, "duration": number}}})
        return Simulator(redis, stubs=stubs).run(workflow(node("A"), node("B", after=["A"])))

    played = await asyncio.gather(*(one(number) for number in range(20)))

    assert [each.nodes[0].output for each in played] == [str(number).encode() for number in range(20)]
    assert await redis.keys() == []


async def test_only_a_namespace_of_its_own_can_be_deleted(redis: Redis) -> None:
    await redis.set("workflow:kept", "1")
    await redis.set("{sim-1}:gone", "1")

    with pytest.raises(ValueError, match="no prefix"):
        await Transitions(redis, Keys()).delete_namespace()
    await Transitions(redis, Keys(prefix="{sim-1}:")).delete_namespace()

    assert await redis.keys() == [b"workflow:kept"]
    await redis.delete("workflow:kept")


async def test_one_that_takes_too_long_or_is_refused_leaves_nothing(redis: Redis) -> None:
    simulator = Simulator(redis, stubs=Stubs())
    many = workflow(*(node(f"n{i}") for i in range(2_000)))
    with pytest.raises(SimulationTooLong):
        await simulator.run(many, patience_s=0.05)
    needs_x = workflow(node("A"), inputs={"type": "object", "required": ["x"]})
    with pytest.raises(InputsInvalid):
        await Simulator(redis, stubs=Stubs()).run(needs_x)

    assert await redis.keys() == []


@pytest.mark.parametrize(
    ("stubs", "path"),
    [
        ({"nodes": {"A": {"outptu": 1}}}, "stubs.nodes.A.outptu"),
        ({"node": {}}, "stubs.node"),
        ({"nodes": []}, "stubs.nodes"),
        ({"nodes": {"A": 1}}, "stubs.nodes.A"),
        ({"nodes": {"A": {"fail": -1}}}, "stubs.nodes.A.fail"),
        ({"nodes": {"A": {"fail": True}}}, "stubs.nodes.A.fail"),
        ({"handlers": {"http": {"duration": "soon"}}}, "stubs.handlers.http.duration"),
        ({"default": {"error": 5}}, "stubs.default.error"),
        ([], "stubs"),
    ],
)
def test_a_bad_stub_is_named(stubs: Any, path: str) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        Stubs.from_dict(stubs)

    assert [problem.path for problem in refused.value.problems] == [path]
