"""`POST /workflow/run` and `GET /status/{job_id}` as they are documented."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2
import pytest

from tests.contract.jobs.running_jobs import CLEAN, DOCUMENTED, TEXT, Jobs, job, step, without_times
from tests.contract.samples import CAUGHT, node, start, submit, workflow
from tests.makers import Rig

NO_ORDER = "Cyclic or missing dependencies in steps."
SUMMARY = f"Summary({len(CLEAN)}): {CLEAN}"


async def test_the_documented_job_runs_to_its_documented_end(jobs: Jobs) -> None:
    job_id = await jobs.run(DOCUMENTED)

    found = await jobs.ended(job_id)

    assert str(uuid.UUID(job_id)) == job_id
    stored = {"stored_under": "demo", "items": 1}
    assert without_times(found.pop("progress")) == [
        {"msg": "enqueued"},
        {"msg": "started", "run": "demo"},
        {"msg": "step_start", "step": "pre", "op": "preprocess"},
        {"msg": "step_done", "step": "pre", "outputs": {"clean_text": CLEAN}},
        {"msg": "step_start", "step": "llm", "op": "llm_summarize"},
        {"msg": "step_done", "step": "llm", "outputs": {"summary": SUMMARY}},
        {"msg": "step_start", "step": "store", "op": "store_result"},
        {"msg": "step_done", "step": "store", "outputs": stored},
        {"msg": "finished"},
    ]
    assert found == {
        "status": "finished",
        "result": {
            "run_name": "demo",
            "inputs": {"text": TEXT},
            "outputs": {"pre": {"clean_text": CLEAN}, "llm": {"summary": SUMMARY}, "store": stored},
            "stores": {"demo": [SUMMARY]},
        },
    }


async def test_a_job_is_queued_until_a_worker_takes_it(client: httpx2.AsyncClient, rig: Rig) -> None:
    jobs = Jobs(client)
    job_id = await jobs.run(DOCUMENTED)
    before = await jobs.status(job_id)

    await rig.worker.start()

    assert (before["status"], before["result"]) == ("queued", None)
    assert without_times(before["progress"]) == [{"msg": "enqueued"}]
    during = await jobs.status(job_id)
    assert (during["status"], during["result"]) == ("started", None)
    assert without_times(during["progress"]) == [
        {"msg": "enqueued"},
        {"msg": "started", "run": "demo"},
        {"msg": "step_start", "step": "pre", "op": "preprocess"},
    ]


async def test_what_a_step_is_not_given_has_its_documented_default(jobs: Jobs) -> None:
    bare = {
        "run_name": "bare",
        "steps": [
            {"id": "pre", "op": "preprocess"},
            {"id": "llm", "op": "llm_summarize", "needs": ["pre"]},
            {"id": "store", "op": "store_result", "needs": ["llm"]},
        ],
    }

    empty = await jobs.result(bare)
    long = await jobs.result(bare | {"inputs": {"text": "x" * 200}})

    assert empty == {
        "run_name": "bare",
        "inputs": {},
        "outputs": {
            "pre": {"clean_text": ""},
            "llm": {"summary": "Summary(0): "},
            "store": {"stored_under": "default", "items": 1},
        },
        "stores": {"default": ["Summary(0): "]},
    }
    assert long["outputs"]["llm"] == {"summary": f"Summary(120): {'x' * 120}"}


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        (" a\u00a0 b\r\nc ", "a b c"),
        ("", ""),
        (None, ""),
        (7, "7"),
        ({"a": [1]}, '{"a":[1]}'),
        ("{{ x }}", "{{ x }}"),
    ],
)
async def test_an_input_of_any_kind_is_cleaned_as_text(jobs: Jobs, value: Any, clean: str) -> None:
    found = await jobs.result(job(step("pre", "preprocess", field="note"), note=value))

    assert found["outputs"] == {"pre": {"clean_text": clean}}
    assert found["inputs"] == {"note": value}


async def test_a_value_with_an_at_sign_is_what_a_step_before_it_gave(jobs: Jobs) -> None:
    found = await jobs.result(
        job(
            step("pre", "preprocess"),
            step("sum.1", "llm_summarize", "pre", source="@pre.clean_text", max_tokens=3),
            step("s1", "store_result", "sum.1", namespace="n", data="@sum.1.summary"),
            step("s2", "store_result", "s1", namespace="n", data="@pre"),
            step("s3", "store_result", "s2", namespace="n", data={"as": ["@pre", "it is"]}),
            step("s4", "store_result", "s3", namespace="{{ m }}", data="@s3.items"),
            text="abcdef",
        )
    )

    assert found["stores"] == {
        "n": ["Summary(3): abc", {"clean_text": "abcdef"}, {"as": ["@pre", "it is"]}],
        "{{ m }}": [3],
    }
    assert found["outputs"]["s3"] == {"stored_under": "n", "items": 3}
    assert found["outputs"]["s4"] == {"stored_under": "{{ m }}", "items": 1}


async def test_braces_in_what_is_sent_stay_as_they_are(jobs: Jobs) -> None:
    text = '{{ inputs }} {% for %} {# #} "}} \\'

    found = await jobs.result(
        job(
            step("a", "llm_summarize", source=text, max_tokens=1_000),
            step("b", "store_result", "a", data=text),
            run_name=text,
            text=text,
        )
    )

    assert found["run_name"] == text
    assert found["inputs"] == {"text": text}
    assert found["outputs"]["a"] == {"summary": f"Summary({len(text)}): {text}"}
    assert found["stores"] == {"default": [text]}


async def test_steps_run_in_an_order_that_respects_what_they_need(jobs: Jobs) -> None:
    names = ("d", "b", "a", "c")
    needs = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}

    found = await jobs.ended(
        await jobs.run(job(*(step(name, "preprocess", *needs[name]) for name in names), text="x"))
    )

    starts = [line["step"] for line in found["progress"] if line["msg"] == "step_start"]
    assert starts == ["a", "c", "b", "d"]


async def test_a_job_without_steps_finishes(jobs: Jobs) -> None:
    found = await jobs.ended(await jobs.run(job(text="x")))

    assert without_times(found["progress"]) == [
        {"msg": "enqueued"},
        {"msg": "started", "run": "demo"},
        {"msg": "finished"},
    ]
    assert found["result"] == {"run_name": "demo", "inputs": {"text": "x"}, "outputs": {}, "stores": {}}


@pytest.mark.parametrize(
    "steps",
    [
        [step("a", "preprocess", "b"), step("b", "preprocess", "a")],
        [step("a", "preprocess", "a")],
        [step("a", "preprocess"), step("b", "preprocess", "ghost")],
    ],
    ids=["cycle", "itself", "missing"],
)
async def test_steps_without_an_order_are_taken_and_fail(jobs: Jobs, steps: list[dict[str, Any]]) -> None:
    found = await jobs.ended(await jobs.run(job(*steps)))

    assert without_times(found.pop("progress")) == [
        {"msg": "enqueued"},
        {"msg": "started", "run": "demo"},
        {"msg": "failed", "error": NO_ORDER},
    ]
    assert found == {"status": "failed", "result": None, "error": NO_ORDER}


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        ("@ghost", "step 'b' refers to '@ghost', which is no step before it (before it: a)"),
        (
            "@later.summary",
            "step 'b' refers to '@later.summary', which is no step before it (before it: a)",
        ),
        ("@a.summary", "step 'b' refers to '@a.summary', which is not in the output of 'a' (clean_text)"),
        ("@", "step 'b' refers to '@', which is no step before it (before it: a)"),
        ("@{{ x }}", "step 'b' refers to '@{{ x }}', which is no step before it (before it: a)"),
    ],
)
async def test_a_reference_to_nothing_is_taken_and_fails_at_its_step(
    jobs: Jobs, data: str, detail: str
) -> None:
    steps = [
        step("a", "preprocess"),
        step("b", "store_result", "a", data=data),
        step("later", "llm_summarize", "b", source="x"),
    ]

    found = await jobs.ended(await jobs.run(job(*steps, text="x")))

    assert without_times(found.pop("progress")) == [
        {"msg": "enqueued"},
        {"msg": "started", "run": "demo"},
        {"msg": "step_start", "step": "a", "op": "preprocess"},
        {"msg": "step_done", "step": "a", "outputs": {"clean_text": "x"}},
        {"msg": "step_start", "step": "b", "op": "store_result"},
        {"msg": "failed", "error": NO_ORDER, "detail": detail},
    ]
    assert found == {"status": "failed", "result": None, "error": NO_ORDER, "detail": detail}


async def test_large_outputs_are_shown_whole(jobs: Jobs) -> None:
    text = "x" * 100_000

    found = await jobs.ended(
        await jobs.run(
            job(step("pre", "preprocess"), step("s", "store_result", "pre", data="@pre"), text=text)
        )
    )
    done = next(line for line in found["progress"] if line["msg"] == "step_done")
    assert done["outputs"] == {"clean_text": text}
    assert found["result"]["stores"] == {"default": [{"clean_text": text}]}


async def test_the_same_request_under_one_key_is_one_job(jobs: Jobs) -> None:
    key = {"Idempotency-Key": "k"}
    first = await jobs.run(DOCUMENTED, **key)

    again = await jobs.client.post("/workflow/run", json=DOCUMENTED, headers=key)
    other = await jobs.client.post("/workflow/run", json=job(), headers=key)

    assert again.json()["job_id"] == first
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.status_code == 422
    assert isinstance(other.json()["detail"], str)


async def test_any_execution_of_the_tenant_is_shown_as_a_job(jobs: Jobs) -> None:
    execution_id = await submit(jobs.client, workflow(node("A"), node("B", after=["A"])))
    pending = await jobs.status(execution_id)
    await jobs.client.post(f"/workflow/trigger/{execution_id}")

    found = await jobs.ended(execution_id)

    assert (pending["status"], without_times(pending["progress"])) == ("queued", [{"msg": "enqueued"}])
    ok = {"status": "ok"}
    assert without_times(found["progress"]) == [
        {"msg": "enqueued"},
        {"msg": "started", "run": "sample"},
        {"msg": "step_start", "step": "A", "op": "noop"},
        {"msg": "step_done", "step": "A", "outputs": ok},
        {"msg": "step_start", "step": "B", "op": "noop"},
        {"msg": "step_done", "step": "B", "outputs": ok},
        {"msg": "finished"},
    ]
    outputs = {"A": ok, "B": ok}
    assert found["result"] == {"run_name": "sample", "inputs": {}, "outputs": outputs, "stores": {}}


async def test_a_cancelled_execution_is_a_failed_job(jobs: Jobs) -> None:
    execution_id = await submit(jobs.client, workflow(node("A", handler="delay", config={"seconds": 60})))
    await jobs.client.post(f"/workflow/trigger/{execution_id}")
    await jobs.client.post(f"/v1/executions/{execution_id}/cancel", json={"reason": "no more", "grace": 0})

    found = await jobs.ended(execution_id)

    assert (found["status"], found["error"]) == ("failed", "no more")


async def test_a_job_is_an_execution_like_any_other(jobs: Jobs) -> None:
    job_id = await jobs.run(DOCUMENTED)
    await jobs.ended(job_id)

    native = (await jobs.client.get(f"/v1/executions/{job_id}")).json()

    assert (native["name"], native["labels"]) == ("demo", {"door": "jobs"})
    assert (await jobs.client.get(f"/workflows/{job_id}")).json()["status"] == "COMPLETED"
    listed = await jobs.client.get("/v1/executions", params={"label": "door:jobs"})
    assert [row["execution_id"] for row in listed.json()["items"]] == [job_id]


async def test_a_failure_that_was_caught_is_not_why_a_job_failed(jobs: Jobs) -> None:
    found = await jobs.ended(await start(jobs.client, CAUGHT))

    assert found["status"] == found["progress"][-1]["msg"] == "failed"
    assert found["error"] == found["progress"][-1]["error"]
    assert "decisive" in found["error"]
