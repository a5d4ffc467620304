"""Random programs of nested jumps, run by the engine and by an interpreter that goes where it is sent."""

from __future__ import annotations

import random

import httpx2
import pytest

from tests.contract.yaml_runs.running_yaml import HEAD, Runs
from tests.integration.handler_steps import act
from tests.jump_programs import Program, drawn, gone_to
from tests.makers import Rig

#: Programs of one test.
PROGRAMS = 15


def written(program: Program) -> str:
    """Write a program as a workflow; its conditions ask what the run is given."""
    lines = []
    for place in range(program.length):
        if place in program.targets:
            jumps = zip(("on_true", "on_false"), program.targets[place], strict=True)
            targets = "".join(f", {name}: s{at}" for name, at in jumps if at < program.length)
            question = f"condition: '{{trigger.body.c{place}}} == 1'"
            lines.append(f"id: s{place}, type: condition, {question}{targets}")
        else:
            lines.append(f"id: s{place}, type: notify, channel: log, message: x")
    return HEAD + "".join(f"  - {{{line}}}\n" for line in lines)


def as_written(program: Program) -> Program:
    """Give what a program means once it is written: a target behind the end is none, and so the next step."""
    targets = {
        place: (
            if_true if if_true < program.length else place + 1,
            if_false if if_false < program.length else place + 1,
        )
        for place, (if_true, if_false) in program.targets.items()
    }
    return Program(program.length, targets, program.results)


@pytest.mark.parametrize("seed", range(4))
async def test_runs_go_where_their_conditions_send_them(
    client: httpx2.AsyncClient, rig: Rig, seed: int
) -> None:
    draw = random.Random(seed)
    runs = Runs(client)
    for number in range(PROGRAMS):
        program = as_written(drawn(draw))
        made = await runs.register(written(program).replace("sample", f"sample{number}"))
        data = {f"c{place}": int(result) for place, result in program.results.items()}
        started = await client.post(f"/api/v1/runs/{made['id']}/execute-async", json={"data": data})
        await act(rig)

        found = await runs.detail(started.json()["id"])

        completed = [place for place, step in enumerate(found["steps"]) if step["status"] == "completed"]
        assert found["status"] == "completed"
        assert completed == gone_to(program), program
        assert {step["status"] for step in found["steps"]} <= {"completed", "skipped"}
