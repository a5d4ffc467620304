"""What the job calls refuse, and in which form."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.contract.jobs.running_jobs import Jobs, job, step
from tests.contract.samples import UNKNOWN


async def test_what_is_no_job_is_422_with_the_place_of_each_mistake(jobs: Jobs) -> None:
    bad = job(step("a", "translate"), step("b c", "preprocess"), step("d", "preprocess", source="x"))
    del bad["run_name"]

    answer = await jobs.client.post("/workflow/run", json=bad)

    assert answer.status_code == 422
    assert {tuple(each["loc"]): each["msg"] for each in answer.json()["detail"]} == {
        ("body", "run_name"): "'run_name' is required",
        ("body", "steps", 0, "op"): "'steps.0.op' must be 'preprocess', 'llm_summarize' or 'store_result'; "
        "found 'translate'",
        ("body", "steps", 1, "id"): "'steps.1.id' must be text that matches ^[A-Za-z0-9_.-]{1,128}$; "
        "found 'b c'",
        ("body", "steps", 2): "'steps.2' is not right: op 'preprocess' takes no 'source'; it takes field; "
        "found an object",
    }


async def test_a_step_with_the_id_of_another_is_named(jobs: Jobs) -> None:
    steps = [step("a", "preprocess"), step("b", "preprocess"), step("a", "store_result")]

    answer = await jobs.client.post("/workflow/run", json=job(*steps))

    message = "step 'a' has the id of step 1; each needs one of its own"
    assert answer.status_code == 422
    assert answer.json() == {
        "detail": [{"loc": ["body", "steps", 2, "id"], "msg": message, "type": "duplicate_id"}]
    }


async def test_a_job_whose_result_would_be_too_large_is_refused_before_it_is_compiled(jobs: Jobs) -> None:
    steps = [step(f"step-{number}", "preprocess") for number in range(3_000)]

    answer = await jobs.client.post("/workflow/run", json=job(*steps))

    (problem,) = answer.json()["detail"]
    assert answer.status_code == 422
    assert (problem["loc"], problem["type"]) == (["body", "steps"], "too_many")
    assert problem["msg"].startswith("the result of 3,000 steps takes ")


@pytest.mark.parametrize(
    "body",
    [
        {"run_name": "x"},
        {"steps": []},
        {"run_name": 1, "steps": []},
        {"run_name": "x", "steps": {}},
        {"run_name": "x", "steps": [], "more": 1},
        {"run_name": "x", "steps": [{"id": "a", "op": "preprocess"}, {"id": "a", "op": "preprocess"}]},
        {"run_name": "x", "steps": [{"id": "a", "op": "llm_summarize", "params": {"max_tokens": -1}}]},
        {"run_name": "x", "steps": [{"id": "a", "op": "preprocess", "needs": "b"}]},
        {"run_name": "x", "inputs": [], "steps": []},
        [],
    ],
)
async def test_a_request_of_another_shape_is_422(jobs: Jobs, body: Any) -> None:
    answer = await jobs.client.post("/workflow/run", json=body)

    assert answer.status_code == 422
    assert all(each.keys() == {"loc", "msg", "type"} for each in answer.json()["detail"])


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", f"/status/{UNKNOWN}", 404, "Job not found"),
        ("GET", "/status/nonsense", 404, "Job not found"),
        ("GET", "/status/a/b", 404, "no route for /status/a/b"),
        ("GET", "/workflow/run", 405, "GET is not possible on /workflow/run; allowed: POST"),
        ("POST", f"/status/{UNKNOWN}", 405, f"POST is not possible on /status/{UNKNOWN}; allowed: GET, HEAD"),
    ],
)
async def test_failures_are_a_detail(
    client: httpx2.AsyncClient, method: str, path: str, status: int, detail: str
) -> None:
    answer = await client.request(method, path)

    assert (answer.status_code, answer.json()) == (status, {"detail": detail})
    assert answer.headers["content-type"] == "application/json"


async def test_a_body_that_is_no_json_or_too_large_is_refused_in_the_same_form(
    client: httpx2.AsyncClient,
) -> None:
    no_json = await client.post("/workflow/run", content=b"{")
    too_large = await client.post("/workflow/run", content=b" " * (9 * 1024 * 1024))

    assert no_json.status_code == 422
    assert no_json.json()["detail"][0]["loc"] == ["body"]
    assert too_large.status_code == 413
    assert isinstance(too_large.json()["detail"], str)
