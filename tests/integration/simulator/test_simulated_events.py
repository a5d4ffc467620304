"""What emits by itself does so in a simulation; what a stubbed handler would emit is not known."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import DefinitionInvalid
from tests.dags import node

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
INTERFACE = {"events": {"Step": {"schema": NUMBER}}, "stop": {"schema": NUMBER}}


def emit(value: Any, **more: Any) -> dict[str, Any]:
    return node("E", handler="emit", **more) | {"config": {"type": "Step", "value": value}}


async def test_an_emit_node_really_emits(play: Any) -> None:
    simulation = await play(emit({"n": 1}, map={"items": [1, 2]}), interface=INTERFACE, output={"n": 1})

    assert str(simulation.status) == "COMPLETED"
    events = [name for _, event, name in simulation.path if event == "node.event"]
    assert events == ["E[0]", "E[1]"]


async def test_what_does_not_fit_fails_there_as_well(play: Any) -> None:
    simulation = await play(emit({"n": "one"}), interface=INTERFACE)
    bad_output = await play(emit({"n": 1}), interface=INTERFACE, output={"n": "one"})

    assert simulation.nodes[0].state.error["type"] == "EventInvalid"
    assert bad_output.output_error["type"] == "OutputInvalid"


async def test_a_stub_takes_its_place(play: Any) -> None:
    simulation = await play(emit({"n": 1}), stubs={"nodes": {"E": {"output": {"done": True}}}})

    assert not [event for _, event, _ in simulation.path if event == "node.event"]


async def test_a_signal_of_a_stub_has_to_be_what_is_declared(play: Any) -> None:
    waits = node("W", handler="wait_for_signal") | {"config": {"name": "Step", "timeout": "1h"}}

    with pytest.raises(DefinitionInvalid, match=r"payload\.n"):
        await play(waits, interface=INTERFACE, stubs={"nodes": {"W": {"signal": {"payload": {"n": "one"}}}}})
