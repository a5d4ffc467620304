"""Workflows in YAML as a client registers and runs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from tests.makers import until

HEAD = """\
name: sample
description: A sample.
trigger:
  type: webhook
  path: /triggers/sample
steps:
"""
#: One line of YAML for each step.
TWO = (
    HEAD
    + "  - {id: first, type: trigger}\n"
    + "  - {id: last, type: notify, channel: log, message: 'x={first.body.x}'}\n"
)


def steps(*lines: str) -> str:
    """Write a workflow with these steps, each a flow mapping without its braces."""
    return HEAD + "".join(f"  - {{{line}}}\n" for line in lines)


@dataclass
class Runs:
    """Registers workflows, runs them, and reads what came of them."""

    client: httpx2.AsyncClient

    async def register(self, text: str, status: int = 201) -> dict[str, Any]:
        answer = await self.client.post("/api/v1/workflows", json={"yaml_content": text})
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def execute(self, workflow_id: str, **data: Any) -> dict[str, Any]:
        """Run a workflow and wait for its end; gives the run with its steps by id."""
        answer = await self.client.post(f"/api/v1/runs/{workflow_id}/execute", json={"data": data})
        assert answer.status_code == 201, answer.text
        return await self.detail(answer.json()["id"])

    async def detail(self, run_id: str) -> dict[str, Any]:
        answer = await self.client.get(f"/api/v1/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        found["by_id"] = {step["step_id"]: step for step in found["steps"]}
        return found

    async def run(self, text: str, **data: Any) -> dict[str, Any]:
        """Register a workflow and run it; gives the run."""
        return await self.execute((await self.register(text))["id"], **data)

    async def outputs(self, text: str, **data: Any) -> dict[str, Any]:
        """Register a workflow and run it; gives the outputs of its steps by id."""
        found = await self.run(text, **data)
        assert found["status"] == "completed", found
        return {step["step_id"]: step["output_data"] for step in found["steps"]}

    async def ended(self, run_id: str) -> dict[str, Any]:
        """Wait for the end of a run; gives it."""
        found: dict[str, Any] = {}

        async def is_over() -> bool:
            found.update(await self.detail(run_id))
            return found["status"] in ("completed", "failed")

        await until(is_over)
        return found

    async def events(self, run_id: str) -> list[dict[str, Any]]:
        """Read the events of a run up to its end."""
        answer = await self.client.get(f"/api/v1/runs/{run_id}/stream")
        assert answer.status_code == 200
        return events_in(answer.text)


def events_in(text: str) -> list[dict[str, Any]]:
    """Read events as an EventSource does: what stands behind `data: `, an event each."""
    head, *frames = text.removesuffix("\n\n").split("\n\n")
    assert head == "retry: 3000"
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in frames)
    return [orjson.loads(frame.removeprefix("data: ")) for frame in frames]


def without(names: set[str], fields: dict[str, Any]) -> dict[str, Any]:
    """Give fields but for those that differ from run to run, which must be there."""
    assert names <= fields.keys()
    return {name: value for name, value in fields.items() if name not in names}
