"""One question at a time, of a process that can be ended."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.line_process import LineProcess, ProcessBusy, ProcessFailed
from api.problems import SimulationFailed, SimulatorBusy
from api.schema_process import SchemaProcess
from api.simulator_process import MOST_WAITING, SimulatorProcess
from orchestrator.errors import TooBusy

ECHO = "import sys\nfor line in sys.stdin:\n    print(line, end='', flush=True)"
#: Answers nothing, and does not end when it is asked to.
STUCK = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)"
ENDS = "pass"


def process(code: str, **limits: Any) -> LineProcess:
    given = {"patience_s": 30.0, "turn_s": 30.0, "most_waiting": 2, **limits}
    return LineProcess([sys.executable, "-c", code], {}, **given)


async def test_questions_are_answered_in_turn() -> None:
    echo = process(ECHO, most_waiting=10)

    answers = await asyncio.gather(*(echo.ask(str(number).encode()) for number in range(5)))
    await echo.aclose()

    assert answers == [b"0\n", b"1\n", b"2\n", b"3\n", b"4\n"]


async def test_a_process_that_ends_is_told_and_started_again() -> None:
    ending = process(ENDS)

    for _ in range(2):
        with pytest.raises(ProcessFailed):
            await ending.ask(b"1")


async def test_only_a_few_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.line_process.STOPPING_S", 0.01)
    stuck = process(STUCK, patience_s=0.5)

    outcomes = await asyncio.gather(*(stuck.ask(b"1") for _ in range(4)), return_exceptions=True)

    assert [type(each) for each in outcomes] == [ProcessFailed, ProcessFailed, ProcessFailed, ProcessBusy]


async def test_a_turn_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.line_process.STOPPING_S", 0.01)
    stuck = process(STUCK, patience_s=1.0, turn_s=0.01)

    outcomes = await asyncio.gather(stuck.ask(b"1"), stuck.ask(b"2"), return_exceptions=True)

    assert [type(each) for each in outcomes] == [ProcessFailed, ProcessBusy]


async def test_too_many_simulations_are_refused_with_a_word_when_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.line_process.STOPPING_S", 0.01)
    simulator = SimulatorProcess([sys.executable, "-c", STUCK], {}, patience_s=0.2)

    asked = [simulator.play({}) for _ in range(MOST_WAITING + 2)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(each) for each in outcomes] == [SimulationFailed] * (MOST_WAITING + 1) + [SimulatorBusy]


async def test_what_a_killed_simulation_leaves_behind_is_named_to_the_next_process(tmp_path: Path) -> None:
    code = (
        "import json, os, signal, sys\n"
        "asked = json.loads(sys.stdin.readline())\n"
        "if 'forget' in asked:\n"
        "    open(sys.argv[1], 'w').write(json.dumps(asked))\n"
        "    print('{}', flush=True)\n"
        "    sys.stdin.read()\n"
        "else:\n"
        "    open(sys.argv[2], 'w').write(asked['namespace'])\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    forgotten, named = tmp_path / "forgotten", tmp_path / "named"
    simulator = SimulatorProcess([sys.executable, "-c", code, str(forgotten), str(named)], {})

    with pytest.raises(SimulationFailed):
        await simulator.play({})
    await simulator.aclose()

    assert orjson.loads(forgotten.read_bytes()) == {"forget": [named.read_text()]}


async def test_a_check_is_answered_by_the_process_that_checks() -> None:
    checks = SchemaProcess([sys.executable, "-m", "workers.simulator.schema_process"], {"PYTHONPATH": "."})
    schema, values = {"items": {"enum": [[number] for number in range(300)]}}, [[299]] * 300

    assert await checks.problems(schema, values, "inputs") == []
    (found,) = await checks.problems({"items": {"type": "string"}}, ["a", 1], "inputs")
    await checks.aclose()

    assert (found.path, found.code) == ("inputs[1]", "bad_input")


async def test_a_check_without_an_answer_is_a_problem_of_the_schema() -> None:
    (found,) = await SchemaProcess([sys.executable, "-c", ENDS], {}).problems({}, 1, "inputs")

    assert found.code == "too_complex"


async def test_too_many_checks_at_once_are_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.line_process.STOPPING_S", 0.01)
    monkeypatch.setattr("api.schema_process.MOST_WAITING", 0)
    checks = SchemaProcess([sys.executable, "-c", STUCK], {}, patience_s=0.2)

    outcomes = await asyncio.gather(*(checks.problems({}, 1, "x") for _ in range(2)), return_exceptions=True)

    assert [type(each) for each in outcomes] == [list, TooBusy]
