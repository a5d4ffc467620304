"""The types of steps, run by real handlers."""

from __future__ import annotations

from typing import Any

import pytest

from clients.llm.provider import LlmSettings
from tests.contract.yaml_runs.running_yaml import Runs, steps
from workers.context import Toolbox


async def test_http_answers_with_status_body_and_headers(runs: Runs, service: str) -> None:
    text = steps(
        f"id: get, type: http, url: '{service}/200/{{trigger.body.path}}'",
        f"id: post, type: http, method: POST, url: '{service}/201/x', timeout: 5s, "
        "headers: {X-Of-Mine: '{get.status_code}'}, body: {said: '{get.body}', n: 1}",
    )

    found = await runs.outputs(text, path="a b")

    assert found["get"]["status_code"] == 200
    assert found["get"]["body"] == {"method": "GET", "path": "/200/a%20b", "sent": "", "x": None}
    assert found["get"]["headers"]["content-type"] == "application/json"
    assert found["post"]["status_code"] == 201
    assert found["post"]["body"]["method"] == "POST"
    assert found["post"]["body"]["x"] == "200"
    assert '"said":{"method":"GET"' in found["post"]["body"]["sent"]


@pytest.mark.parametrize("status", [404, 500, 503])
async def test_an_error_status_is_an_answer(runs: Runs, service: str, status: int) -> None:
    found = await runs.outputs(steps(f"id: get, type: http, url: '{service}/{status}/x'"))

    assert (found["get"]["status_code"], found["get"]["body"]["path"]) == (status, f"/{status}/x")


async def test_a_call_that_gets_no_answer_completes_with_the_code_0(runs: Runs) -> None:
    found = await runs.outputs(steps("id: get, type: http, url: 'http://127.0.0.1:9/'"))

    assert found["get"]["status_code"] == 0
    assert found["get"]["error"]


async def test_a_model_answers_with_content_usage_and_model(runs: Runs) -> None:
    found = await runs.outputs(
        steps(
            "id: ask, type: llm, prompt: 'Say {trigger.body.what}'",
            "id: tell, type: notify, channel: email, message: '{ask.content}'",
        ),
        what="{{ hello }}",
    )

    assert found["ask"]["content"] == "Simulated response for: Say {{ hello }}"
    assert {"content", "usage", "model", "parsed"} <= found["ask"].keys()
    assert found["ask"]["parsed"] is None
    assert found["tell"]["message"] == "Simulated response for: Say {{ hello }}"


async def test_a_model_that_cannot_be_asked_ends_the_run(runs: Runs, tools: Toolbox) -> None:
    tools.llm_settings = LlmSettings(environment="production")

    found = await runs.run(
        steps(
            "id: start, type: trigger",
            "id: ask, type: llm, prompt: Hello",
            "id: tell, type: notify, channel: log, message: x",
            "id: end, type: notify, channel: log, message: x",
        )
    )

    assert (found["status"], found["steps_completed"], found["total_steps"]) == ("failed", 1, 4)
    assert [step["status"] for step in found["steps"]] == ["completed", "failed", "pending", "pending"]
    assert found["error_message"].startswith("no language model is configured: set ANTHROPIC_API_KEY")
    assert found["by_id"]["ask"]["error_message"] == found["error_message"]
    assert found["by_id"]["tell"]["error_message"] is None
    failed = (await runs.events(found["id"]))[-1]
    assert (failed["type"], failed["status"], failed["steps_completed"]) == ("run_failed", "failed", 1)
    assert failed["error_message"] == found["error_message"]


@pytest.mark.parametrize("channel", ["email", "Slack", "webhook", "ghl", "log"])
async def test_a_notice_is_written_to_the_log_and_says_so(runs: Runs, channel: str) -> None:
    line = (
        f"id: a, type: notify, channel: {channel}, recipient: '{{trigger.body.to}}', subject: S, message: M"
    )

    found = await runs.run(steps(line), to="jane")

    assert found["by_id"]["a"]["output_data"] == {
        "channel": channel,
        "recipient": "jane",
        "subject": "S",
        "message": "M",
        "sent": True,
        "note": "written to the log; nothing leaves from here",
    }
    events = await runs.client.get(f"/v1/executions/{found['id']}/events")
    assert '"message":"M"' in events.text


async def test_a_channel_that_there_is_not_sends_nothing(runs: Runs) -> None:
    text = steps(
        "id: a, type: notify, channel: pigeon, message: M",
        "id: b, type: notify, channel: '{trigger.body.by}', message: M",
        "id: c, type: notify, channel: '{trigger.body.also}', message: '{b.sent} {b.note}'",
    )

    found = await runs.outputs(text, by="fax", also="SLACK")

    note = "no such channel; there are email, slack, webhook, ghl, log"
    assert [(found[each]["sent"], found[each]["channel"]) for each in "abc"] == [
        (False, "pigeon"),
        (False, "fax"),
        (True, "SLACK"),
    ]
    assert found["a"]["note"] == found["b"]["note"] == note
    assert found["c"]["message"] == f"false {note}"


@pytest.mark.parametrize(
    ("amount", "ran", "words"),
    [
        (250, ["start", "is_big", "big", "last"], "250 > 100"),
        ("99.5", ["start", "is_big", "small", "middle", "last"], "99.5 > 100"),
        ("many", ["start", "is_big", "small", "middle", "last"], "many > 100"),
    ],
)
async def test_a_condition_jumps(runs: Runs, amount: Any, ran: list[str], words: str) -> None:
    text = steps(
        "id: start, type: trigger",
        "id: is_big, type: condition, condition: '{start.body.amount} > 100', on_true: big, on_false: small",
        "id: small, type: notify, channel: log, message: small",
        "id: middle, type: notify, channel: log, message: between",
        "id: big, type: notify, channel: log, message: big",
        "id: last, type: notify, channel: log, message: '{is_big.result} {is_big.next_step} {small.sent}'",
    )

    found = await runs.run(text, amount=amount)

    statuses = {step["step_id"]: step["status"] for step in found["steps"]}
    assert [step_id for step_id, status in statuses.items() if status == "completed"] == ran
    assert set(statuses.values()) == {"completed", "skipped"}
    assert (found["steps_completed"], found["total_steps"]) == (6, 6)
    is_big = "big" in ran
    assert found["by_id"]["is_big"]["output_data"] == {
        "result": is_big,
        "next_step": "big" if is_big else "small",
        "condition": words,
    }
    said = "true big {small.sent}" if is_big else "false small true"
    assert found["by_id"]["last"]["output_data"]["message"] == said


async def test_a_target_that_is_not_written_is_the_next_step(runs: Runs) -> None:
    found = await runs.run(
        steps(
            "id: ask, type: condition, condition: '{trigger.body.x} == 1', on_true: other",
            "id: next, type: notify, channel: log, message: x",
            "id: other, type: notify, channel: log, message: x",
            "id: last, type: condition, condition: 'true'",
        ),
        x=2,
    )

    assert [step["status"] for step in found["steps"]] == ["completed", "completed", "skipped", "completed"]
    assert found["by_id"]["ask"]["output_data"]["next_step"] == "next"
    assert found["by_id"]["last"]["output_data"] == {"result": True, "next_step": None, "condition": "true"}


async def test_large_outputs_are_shown_whole(runs: Runs) -> None:
    found = await runs.outputs(steps("id: got, type: trigger"), x="y" * 100_000)

    assert found["got"]["body"] == {"x": "y" * 100_000}
