"""The `llm` handler: outputs, schemas and repairs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clients.llm.echo import EchoProvider
from clients.llm.openai import OpenAiProvider
from clients.llm.provider import LlmError, LlmProvider, LlmSettings
from headrace import Terminal
from orchestrator.errors import NodeError
from tests.llm_server import llm_server, sends
from tests.unit.clients.llm.fake_messages_api import FakeMessagesApi, message
from workers.context import HandlerContext, Toolbox
from workers.handlers import HANDLER_REGISTRY
from workers.library.llm import read_structured
from workers.outcome import Failed, from_exception

SCORE = {"type": "object", "properties": {"score": {"type": "integer", "maximum": 10}}, "required": ["score"]}


async def run(config: dict[str, Any], provider: LlmProvider | None = None) -> Any:
    tools = Toolbox(_llm=provider or EchoProvider())
    context = HandlerContext(execution_id="e1", node_id="B", tools=tools)
    try:
        return await HANDLER_REGISTRY["llm"](config, context)
    finally:
        await tools.aclose()


async def test_echo_answers_in_development_and_says_so() -> None:
    output = await run({"prompt": "Summarize this"})

    assert output["answer"] == output["content"] == "Simulated response for: Summarize this"
    assert (output["status"], output["simulated"], output["cost_usd"]) == ("ok", True, 0.0)
    assert output["usage"].keys() == {"input", "output", "cache_read", "cache_write"}
    assert "parsed" not in output


async def test_a_real_answer_is_not_marked() -> None:
    output = await run(
        {"prompt": "Hi", "system": {"tone": "dry"}}, FakeMessagesApi(message("Hello")).provider()
    )

    assert (output["answer"], output["model"], output["stop_reason"]) == (
        "Hello",
        "claude-sonnet-5-5",
        "end_turn",
    )
    assert output["cost_usd"] == pytest.approx((10 * 2 + 5 * 10) / 1e6)
    assert "simulated" not in output


async def test_a_prompt_that_is_data_is_shown_as_json() -> None:
    assert (await run({"prompt": {"a": [1]}}))["answer"] == 'Simulated response for: {"a":[1]}'


async def test_a_conversation_is_sent_as_it_is() -> None:
    api = FakeMessagesApi(message("ok"))
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]

    await run({"messages": turns}, api.provider())

    assert api.requests[0]["messages"] == turns


async def test_an_answer_is_parsed_by_its_schema() -> None:
    output = await run(
        {"prompt": "Rate", "schema": SCORE}, FakeMessagesApi(message('{"score": 7}')).provider()
    )

    assert output["parsed"] == {"score": 7}
    assert (await run({"prompt": "Rate", "schema": SCORE}))["parsed"] == {"score": 0}


@pytest.mark.parametrize(
    ("answer", "parsed"),
    [('{"score": 7}', {"score": 7}), ("```json\n[1]\n```", [1]), ("I think 7", None), ("", None)],
)
async def test_an_answer_that_is_json_is_parsed_on_request(answer: str, parsed: Any) -> None:
    api = FakeMessagesApi(message(answer))

    output = await run({"prompt": "Rate", "parse": True}, api.provider())

    assert (output["parsed"], output["content"]) == (parsed, answer)
    assert len(api.requests) == 1


async def test_an_answer_that_does_not_match_is_asked_for_again() -> None:
    api = FakeMessagesApi(
        message("I think 7"), message('{"score": 70}'), message('```json\n{"score": 7}\n```')
    )

    output = await run({"prompt": "Rate", "schema": SCORE}, api.provider())

    assert output["parsed"] == {"score": 7}
    assert output["usage"]["input"] == 30
    last = api.requests[2]["messages"]
    assert [turn["role"] for turn in last] == ["user", "assistant", "user", "assistant", "user"]
    assert "'answer.score': 70 is greater than the maximum of 10" in last[-1]["content"]


async def test_repairs_end() -> None:
    api = FakeMessagesApi(message("never"))

    with pytest.raises(Terminal) as failed:
        await run({"prompt": "Rate", "schema": SCORE}, api.provider())

    assert (failed.value.error_type, len(api.requests)) == ("Llm.SchemaMismatch", 3)
    assert failed.value.details["answer"] == "never"


async def test_a_refusal_is_not_argued_with() -> None:
    api = FakeMessagesApi(message("", stop_reason="refusal"))

    with pytest.raises(Terminal, match="refusal") as failed:
        await run({"prompt": "Rate", "schema": SCORE}, api.provider())

    assert len(api.requests) == 1
    assert failed.value.error_type == "Llm.Refused"
    assert failed.value.details["stop_reason"] == "refusal"


async def test_a_refusal_in_a_field_of_its_own_is_one_call_and_its_words_are_kept() -> None:
    refusal = {"choices": [{"message": {"content": None, "refusal": "I cannot rate people."}}]}
    async with llm_server() as server:
        server.acts.append(sends(json.dumps(refusal).encode()))
        provider = OpenAiProvider(LlmSettings(openai_base_url=server.url, model="tiny"))
        with pytest.raises(Terminal, match="I cannot rate people") as failed:
            await run({"prompt": "Rate", "schema": SCORE}, provider)
        await provider.aclose()

    assert len(server.questions) == 1
    assert failed.value.error_type == "Llm.Refused"
    assert failed.value.details["answer"] == "I cannot rate people."


async def test_an_empty_answer_is_not_sent_back() -> None:
    api = FakeMessagesApi(message(""), message('{"score": 1}'))

    await run({"prompt": "Rate", "schema": SCORE}, api.provider())

    assert [turn["role"] for turn in api.requests[1]["messages"]] == ["user", "user"]


async def test_production_without_a_key_fails_the_node_clearly() -> None:
    context = HandlerContext(execution_id="e1", node_id="B", tools=Toolbox(environment="production"))

    with pytest.raises(LlmError) as failed:
        await HANDLER_REGISTRY["llm"]({"prompt": "Hi"}, context)

    outcome = from_exception(failed.value)
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, NodeError)
    assert (outcome.error.type, outcome.error.retryable) == ("Llm.NotConfigured", False)
    assert "ANTHROPIC_API_KEY" in outcome.error.message


def test_a_schema_never_fetches_anything() -> None:
    _, complaint = read_structured("{}", {"$ref": "http://127.0.0.1:9/schema.json"})

    assert complaint.startswith("the answer cannot be checked: ")


async def test_a_schema_that_asks_for_endless_checks_is_refused_before_the_model_is_asked() -> None:
    levels = {f"l{n}": {"allOf": [{"$ref": f"#/$defs/l{n + 1}"}] * 8} for n in range(8)}
    schema = {"$defs": {**levels, "l8": {}}, "$ref": "#/$defs/l0"}

    api = FakeMessagesApi(message("1"))

    with pytest.raises(Terminal, match="too many checks") as refused:
        await run({"prompt": "Rate", "schema": schema}, api.provider())

    assert refused.value.error_type == "ConfigError"
    assert api.requests == []


def test_an_answer_that_asks_for_too_many_checks_is_complained_about() -> None:
    schema = {"anyOf": [{"items": {"enum": [[number] for number in range(1_000)]}}]}

    _, complaint = read_structured(str([[999]] * 1_000), schema)

    assert complaint == "the schema asks for too many checks of this answer"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"n": 123456789012345678901234567890}', {"n": 123456789012345678901234567890}),
        ('\ufeff{"n": 1}', {"n": 1}),
        ('\ufeff```json\n{"n": 1}\n```', {"n": 1}),
        ('{"n": 1, "s": "\\ud83d"}', {"n": 1, "s": "\ufffd"}),
    ],
)
def test_an_answer_is_read_exactly(text: str, value: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}

    assert read_structured(text, schema) == (value, "")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("{oops", "not JSON"), ("NaN", "not JSON"), ("[" * 300 + "]" * 300, "253"), ("1e400", "1e400")],
)
def test_an_answer_that_cannot_be_kept_is_complained_of(text: str, complaint: str) -> None:
    assert complaint in read_structured(text, {})[1]


def test_a_complaint_names_every_field_that_is_wrong() -> None:
    schema = {**SCORE, "properties": {**SCORE["properties"], "why": {"type": "string"}}}  # type: ignore[dict-item]

    _, complaint = read_structured('{"score": "7", "why": 3}', schema)

    assert complaint == "'answer.score' must be a whole number, found '7'; 'answer.why' must be text, found 3"
