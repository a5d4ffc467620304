"""Where templates are evaluated: on the spot, or in a thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

from orchestrator.errors import TemplateError
from orchestrator.templates.budget import Budget
from orchestrator.templates.resolver import Scope, resolve
from workers.runtime.evaluation import Evaluation

SCOPE = Scope(inputs={"a": "a" * 200_000, "b": "a" * 100 + "b", "rows": list(range(30_000))})


async def threads_of(template: str) -> list[bool]:
    """Say for each run of the work whether it was in the thread of the event loop."""
    ran: list[bool] = []

    def work(budget: Budget) -> object:
        ran.append(threading.current_thread() is threading.main_thread())
        return resolve({"x": template}, SCOPE, node_id="A", budget=budget)

    await Evaluation().run(work)
    return ran


async def test_what_is_quick_stays_in_the_event_loop() -> None:
    assert await threads_of("{{ inputs.rows }}") == [True]
    assert await threads_of("{{ inputs.rows | length + 1 }}") == [True]
    assert await threads_of("{% for i in range(20) %}{{ i }}{% endfor %}") == [True]


@pytest.mark.parametrize(
    "template",
    [
        "{{ inputs.b in inputs.a }}",
        "{{ inputs.rows | sort | first }}",
        "{{ inputs.rows == inputs.rows[:] }}",
        "{{ [inputs.rows] | tojson | length }}",
        "{{ inputs.a | upper | length }}",
        "{{ ','.join(inputs.rows[:9000]) | length }}",
        "{% for i in range(9000) %}{{ i * i // 3 }}{% endfor %}",
    ],
)
async def test_what_is_long_begins_again_in_a_thread(template: str) -> None:
    assert await threads_of(template) == [True, False]


async def test_errors_come_out_of_the_thread_as_they_are() -> None:
    with pytest.raises(TemplateError, match=r"node 'A', config\.x"):
        await threads_of("{{ inputs.rows | map('upper') | list }}")


async def test_the_event_loop_goes_on_while_a_node_uses_up_its_time() -> None:
    loop = "{% for i in range(1000) %}{{ '' if inputs.b in inputs.a else '' }}{% endfor %}"
    evaluation = Evaluation()
    rounds = 0

    async def count() -> None:
        nonlocal rounds
        while True:
            await asyncio.sleep(0)
            rounds += 1

    counting = asyncio.create_task(count())
    with pytest.raises(TemplateError, match="1 s allowed for all templates"):
        await evaluation.run(lambda budget: resolve([loop] * 60, SCOPE, node_id="A", budget=budget))
    counting.cancel()

    assert rounds > 20
