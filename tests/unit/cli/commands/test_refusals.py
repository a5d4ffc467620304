"""Messages about files that a user gave: the file that is at fault, and what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.__main__ import app

WORKFLOW = """\
name: order
inputs: {type: object, properties: {amount: {type: number}}}
nodes:
  - {id: A, handler: http, config: {url: "https://nowhere.example/"}}
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    file = tmp_path / "order.yaml"
    file.write_text(WORKFLOW)
    return file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nodes: {A: {output: 1\n", "s.yaml:"),
        ("nodes:\n  zz: {output: 1}\n", "s.yaml:2:3: 'stubs.nodes.zz': no node is called 'zz' (nodes: A)"),
    ],
)
def test_the_stubs_are_blamed_for_what_is_wrong_in_them(flow: Path, text: str, said: str) -> None:
    stubs = flow.with_name("s.yaml")
    stubs.write_text(text)

    done = CliRunner().invoke(app, ["simulate", str(flow), "--stubs", str(stubs)])

    assert done.exit_code == 2
    assert said in done.stderr
    assert "order.yaml" not in done.stderr


def test_an_input_is_named(flow: Path) -> None:
    done = CliRunner().invoke(app, ["simulate", str(flow), "-i", "amount=x"])

    assert done.exit_code == 2
    assert done.stderr == "inputs: 'inputs.amount' must be a number, found 'x'\n"


@pytest.mark.parametrize("command", [["run", "-f"], ["simulate", "--inputs"]])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("amount: 5", "inputs.json:1:1: not valid JSON: Expecting value"),
        ("[1]", "inputs.json: inputs are a JSON object, this is a list"),
    ],
)
def test_inputs_that_are_no_json_object_are_told_so(
    flow: Path, command: list[str], text: str, said: str
) -> None:
    inputs = flow.with_name("inputs.json")
    inputs.write_text(text)

    done = CliRunner().invoke(app, [command[0], str(flow), command[1], str(inputs)])

    assert done.exit_code == 2
    assert said in done.stderr
