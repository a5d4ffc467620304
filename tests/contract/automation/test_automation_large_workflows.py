"""Large workflows hold nobody else up, and what is wrong with them fits into an answer."""

from __future__ import annotations

from typing import Any, cast
from unittest.mock import patch

from tests.contract.automation.automation_over_http import register, serving, step


async def test_large_workflows_are_checked_in_their_turn_and_beyond_the_limit_not_at_all(
    redis_url: str,
) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        many = "{{ " + "trigger " * 4_000 + "triggered_by }}"
        large = step("a", expression="{{ trigger.triggered_by }}" + "x" * 65_536)
        made = await tenant.create(step("a"))
        path, turns = f"/workflows/{made['id']}", cast(Any, client)._transport.app.state.reach.turns

        with patch.object(turns, "take", wraps=turns.take) as taken:
            odd = await tenant.call("PUT", path, 400, json={"steps": [step("a", expression=many)]})
            answers = [
                await tenant.call("POST", "/workflows", 413, json={"name": "f", "steps": [large]}),
                await tenant.call("PUT", path, 413, json={"steps": [large]}),
            ]

        assert odd["error"]["code"] == "EXPRESSION_ERROR"
        for answer in answers:
            (problem,) = answer["error"]["details"]
            assert (problem["code"], problem["path"]) == ("STEP_CONFIG_ERROR", "steps[0].config")
            assert problem["message"] == (
                "'steps[0].config' has 65,579 bytes; allowed are 65,536 (max_config_bytes)"
            )
        # Each body is read in a turn, and each workflow made to a definition in another.
        assert taken.await_count >= 6
        assert await tenant.call("GET", path, 200) == made


async def test_an_answer_names_a_hundred_problems_and_counts_the_others(redis_url: str) -> None:
    async with serving(redis_url) as client:
        tenant = await register(client)
        steps = [step("a", after=tuple(f"b{place}" for place in range(20_000)))]

        answer = await tenant.call("POST", "/workflows", 400, json={"name": "f", "steps": steps})

        *named, last = answer["error"]["details"]
        assert len(named) == 100
        assert {problem["code"] for problem in named} == {"INVALID_DEPENDENCY"}
        assert last == {"code": "VALIDATION_ERROR", "path": "", "message": "and 19,900 more problems"}
