"""Jobs as a client runs them, and the one that the documentation sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2

from tests.makers import until

TEXT = "  Redis   streams\n\tcarry work  "
CLEAN = "Redis streams carry work"
DOCUMENTED: dict[str, Any] = {
    "run_name": "demo",
    "inputs": {"text": TEXT},
    "steps": [
        {"id": "pre", "op": "preprocess", "params": {"field": "text"}},
        {"id": "llm", "op": "llm_summarize", "needs": ["pre"], "params": {"max_tokens": 80}},
        {
            "id": "store",
            "op": "store_result",
            "needs": ["llm"],
            "params": {"namespace": "demo", "data": "@llm.summary"},
        },
    ],
}


def job(*steps: dict[str, Any], run_name: str = "demo", **inputs: Any) -> dict[str, Any]:
    return {"run_name": run_name, "inputs": inputs, "steps": list(steps)}


def step(step_id: str, op: str, *needs: str, **params: Any) -> dict[str, Any]:
    return {"id": step_id, "op": op, "needs": list(needs), "params": params}


@dataclass
class Jobs:
    """Runs jobs and waits for their ends."""

    client: httpx2.AsyncClient

    async def run(self, body: dict[str, Any], **headers: str) -> str:
        """Send a job; gives its id."""
        answer = await self.client.post("/workflow/run", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["job_id"]
        assert answer.json() == {"job_id": job_id, "status_url": f"/status/{job_id}"}
        return job_id

    async def status(self, job_id: str) -> dict[str, Any]:
        answer = await self.client.get(f"/status/{job_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def ended(self, job_id: str) -> dict[str, Any]:
        """Wait for the end of a job; gives its status."""
        found: dict[str, Any] = {}

        async def is_over() -> bool:
            found.update(await self.status(job_id))
            return found["status"] in ("finished", "failed")

        await until(is_over)
        return found

    async def result(self, body: dict[str, Any]) -> Any:
        """Run a job that finishes; gives its result."""
        found = await self.ended(await self.run(body))
        assert found["status"] == "finished", found
        return found["result"]


def without_times(progress: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the lines of a progress without their times, which must be in order."""
    times = [line["ts"] for line in progress]
    assert times == sorted(times)
    return [{name: value for name, value in line.items() if name != "ts"} for line in progress]
