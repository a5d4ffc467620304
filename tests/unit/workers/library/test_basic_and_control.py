"""noop, unreliable, transform, condition and delay."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headrace import Completed, Terminal, Waiting
from workers.context import HandlerContext
from workers.handlers import HANDLER_REGISTRY

NOW_MS = 1_800_000_000_000


async def run(name: str, config: dict[str, Any], *, try_number: int = 1) -> Any:
    context = HandlerContext(execution_id="e1", node_id="A", try_number=try_number, now_ms=NOW_MS)
    return await HANDLER_REGISTRY[name](config, context)


async def test_noop_takes_anything() -> None:
    assert await run("noop", {"payload": [1]}) == {"status": "ok"}


async def test_unreliable_fails_about_half_the_time() -> None:
    outcomes = await asyncio.gather(*(run("unreliable", {}) for _ in range(200)), return_exceptions=True)

    failures = [outcome for outcome in outcomes if isinstance(outcome, RuntimeError)]
    assert 50 < len(failures) < 150
    assert {str(failure) for failure in failures} == {"Simulated failure"}
    successes = [outcome for outcome in outcomes if not isinstance(outcome, RuntimeError)]
    assert all(each == {"status": "ok", "message": "Sometimes it works"} for each in successes)


async def test_unreliable_fails_as_often_as_it_is_told() -> None:
    config = {"fail_times": 2}

    for number in (1, 2):
        with pytest.raises(RuntimeError):
            await run("unreliable_handler", config, try_number=number)
    assert (await run("unreliable_handler", config, try_number=3))["status"] == "ok"


@pytest.mark.parametrize("config", [{"expression": [1, 2]}, {"output": {"a": None}}, {"expression": None}])
async def test_transform_gives_back_what_it_was_given(config: dict[str, Any]) -> None:
    assert await run("transform", config) == {"result": next(iter(config.values()))}


async def test_transform_gives_text_where_text_is_asked_for() -> None:
    assert await run("transform", {"expression": [1, "a"], "as": "text"}) == {"result": '[1,"a"]'}
    assert await run("transform", {"expression": "a", "as": "text"}) == {"result": "a"}
    assert await run("transform", {"output": 7, "as": "value"}) == {"result": 7}
    with pytest.raises(Terminal, match=r"'config\.as' must be 'text' or 'value', found 'json'"):
        await run("transform", {"output": 7, "as": "json"})


async def test_inputs_are_given_over_the_defaults_of_the_config() -> None:
    context = HandlerContext(execution_id="e1", node_id="A", inputs={"b": 3, "c": None})

    given = await HANDLER_REGISTRY["input"]({"a": 1, "b": 2}, context)

    assert given == {"a": 1, "b": 3, "c": None}


async def test_a_failure_to_order_has_the_type_and_message_of_its_config() -> None:
    with pytest.raises(Terminal, match="no stock for 7") as raised:
        await run("fail", {"message": "no stock for 7", "type": "Order.NoStock"})
    assert raised.value.error_type == "Order.NoStock"

    with pytest.raises(Terminal, match="404") as raised:
        await run("fail", {"message": 404})
    assert raised.value.error_type == "HandlerError"


async def test_a_condition_compares_two_values() -> None:
    config = {"left": "10", "operator": ">", "right": 9, "true_branch": "B", "false_branch": "C"}

    assert await run("condition", config) == Completed({"result": True, "branch": "true"}, not_taken=("C",))


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({}, "none of them"),
        ({"left": 1, "right": 1}, "'left', 'right'"),
        ({"left": 1, "operator": None, "right": 1}, "'left', 'operator', 'right'"),
        ({"expression": 1, "left": 1}, "'expression', 'left'"),
    ],
)
async def test_a_condition_asks_one_question(config: dict[str, Any], found: str) -> None:
    with pytest.raises(Terminal, match=f"takes 'expression', or .*; found {found}"):
        await run("condition", config)


async def test_an_operator_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(Terminal, match=r"'config\.operator' must be '==', '!=', .*, found '=~'"):
        await run("condition", {"left": 1, "operator": "=~", "right": 1})


async def test_a_condition_leaves_the_other_branch_aside() -> None:
    branches = {"true_branch": ["B", "C"], "false_branch": "D"}

    yes = await run("condition", {"expression": True, **branches})
    no = await run("condition", {"expression": 0, **branches})

    assert yes == Completed({"result": True, "branch": "true"}, not_taken=("D",))
    assert no == Completed({"result": False, "branch": "false"}, not_taken=("B", "C"))


@pytest.mark.parametrize(
    ("config", "outcome"),
    [
        ({"seconds": 2}, Waiting(delay_ms=2000, output={"status": "ok", "delayed_seconds": 2})),
        ({"seconds": "1.5"}, Waiting(delay_ms=1500, output={"status": "ok", "delayed_seconds": 1.5})),
        ({"seconds": "2m"}, Waiting(delay_ms=120_000, output={"status": "ok", "delayed_seconds": 120})),
        ({"seconds": 0}, Completed({"status": "ok", "delayed_seconds": 0})),
        (
            {"until": NOW_MS // 1000 + 5},
            Waiting(until_ms=NOW_MS + 5000, output={"status": "ok", "delayed_seconds": 5}),
        ),
        ({"until": "2020-01-01T00:00:00Z"}, Completed({"status": "ok", "delayed_seconds": 0})),
    ],
)
async def test_a_delay_waits_by_timer_and_only_for_the_future(config: dict[str, Any], outcome: Any) -> None:
    assert await run("delay", config) == outcome


async def test_a_delay_that_resolves_to_nonsense_is_a_config_error() -> None:
    with pytest.raises(Terminal, match=r"config\.seconds"):
        await run("delay", {"seconds": "later"})


CASES = {"cases": {"small": "B", "large": ["C", "D"], "3": ["B", "C"]}, "default": "E"}


@pytest.mark.parametrize(
    ("value", "case", "not_taken"),
    [
        ("small", "small", ("C", "D", "E")),
        ("large", "large", ("B", "E")),
        (3, "3", ("D", "E")),
        (None, "default", ("B", "C", "D")),
    ],
)
async def test_a_switch_takes_one_case_and_leaves_the_others_aside(
    value: Any, case: str, not_taken: tuple[str, ...]
) -> None:
    outcome = await run("switch", {"value": value, **CASES})

    assert outcome == Completed({"value": value, "case": case}, not_taken=not_taken)


async def test_a_switch_without_a_case_for_its_value_fails() -> None:
    with pytest.raises(Terminal, match=r"no case for 'huge' and no default \(cases: 'small', 'large', '3'\)"):
        await run("switch", {"value": "huge", "cases": CASES["cases"]})
