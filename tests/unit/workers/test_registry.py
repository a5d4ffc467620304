"""Registering handlers, and checking configs before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from headrace import Terminal, handler
from headrace.registration import HANDLER_REGISTRY, HandlerSpec
from orchestrator.definitions.retry import RetryPolicy
from workers import handlers, registry
from workers.context import HandlerContext
from workers.registry import Catalogue, check_config, get_handler


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    before = dict(HANDLER_REGISTRY)
    yield
    HANDLER_REGISTRY.clear()
    HANDLER_REGISTRY.update(before)


class Posting(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    count: int = 1
    tags: list[int] = []


def make_context() -> HandlerContext:
    return HandlerContext(execution_id="e1", node_id="A")


def messages(name: str, config: dict[str, Any]) -> dict[str, str]:
    return {problem.path: problem.message for problem in check_config(name, config)}


def test_the_documented_names_are_registered() -> None:
    documented = {
        "noop",
        "call_external_service",
        "llm",
        "unreliable_handler",
        "unreliable",
        "http",
        "transform",
    }

    assert documented | {"condition", "delay"} <= handlers.HANDLER_REGISTRY.keys()
    assert handlers.HANDLER_REGISTRY["unreliable"] is handlers.HANDLER_REGISTRY["unreliable_handler"]


def engines() -> list[HandlerSpec]:
    """The handlers of the engine: other tests of this process may have loaded more."""
    return [spec for spec in registry.specs() if spec.function.__module__.startswith("workers.")]


def test_every_handler_of_the_engine_runs_in_the_event_loop() -> None:
    # A worker has no threads for plain functions; those of an installation run in hosts.
    assert [spec.name for spec in engines() if not spec.is_async] == []


def test_an_unknown_name_gives_noop() -> None:
    assert get_handler("never heard of").name == "noop"
    assert registry.find_handler("never heard of") is None


def test_only_what_calls_others_retries_without_being_asked() -> None:
    retrying = {spec.name for spec in engines() if registry.default_retry(spec.name)}

    assert retrying == {"http", "llm", "notify", "container"}
    assert registry.default_retry("http") == RetryPolicy(max_attempts=3)


async def test_a_registered_function_is_called_with_its_typed_config() -> None:
    @handler("post", "post_text", config=Posting)
    async def post(config: Posting, context: HandlerContext) -> str:
        return config.text * config.count

    spec = HANDLER_REGISTRY["post_text"]

    assert spec.is_async and spec.aliases == ("post_text",)
    assert await spec({"text": "ab", "count": "2"}, make_context()) == "abab"


def test_a_sync_function_without_a_model_gets_the_dict() -> None:
    @handler("plain")
    def plain(config: dict[str, Any], context: HandlerContext) -> dict[str, Any]:
        return config

    assert not HANDLER_REGISTRY["plain"].is_async
    assert HANDLER_REGISTRY["plain"]({"any": 1}, make_context()) == {"any": 1}


def test_a_config_that_turns_out_wrong_is_a_config_error() -> None:
    @handler("post", config=Posting)
    def post(config: Posting, context: HandlerContext) -> None: ...

    with pytest.raises(Terminal, match=r"config\.count") as refused:
        HANDLER_REGISTRY["post"]({"text": "a", "count": "{{ looks like a template }}"}, make_context())

    assert refused.value.error_type == "ConfigError"


def test_a_name_has_one_owner() -> None:
    @handler("mine")
    def first(config: dict[str, Any], context: HandlerContext) -> None: ...

    with pytest.raises(ValueError, match=r"'mine' of .*second is already registered by .*first"):

        @handler("mine")
        def second(config: dict[str, Any], context: HandlerContext) -> None: ...


@pytest.mark.parametrize("name", ["", "with space", "a/b", "x" * 129])
def test_a_name_that_a_node_could_not_use_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not allowed"):
        handler(name)(lambda config, context: None)


def test_a_function_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must take \(config, context\)"):
        handler("lonely")(lambda config: None)


def test_a_policy_may_be_written_as_in_a_definition() -> None:
    @handler("patient", retry={"max_attempts": 4})
    def patient(config: dict[str, Any], context: HandlerContext) -> None: ...

    assert registry.default_retry("patient") == RetryPolicy(max_attempts=4)


def test_all_problems_of_a_config_are_told_at_once() -> None:
    @handler("post", config=Posting)
    def post(config: Posting, context: HandlerContext) -> None: ...

    problems = check_config("post", {"txt": "a", "count": "many", "tags": [1, "x"]})

    assert [problem.path for problem in problems] == [
        "config.text", "config.count", "config.tags[1]", "config.txt",
    ]  # fmt: skip
    assert problems[0].message == "handler 'post' needs the config field 'text'"
    assert problems[3].message == "handler 'post' has no config field 'txt'; allowed: text, count, tags"
    assert problems[3].hint == "did you mean 'text'?"
    assert {problem.kind for problem in problems} == {"shape"}


def test_a_template_stands_for_any_type_but_not_for_any_field() -> None:
    @handler("post", config=Posting)
    def post(config: Posting, context: HandlerContext) -> None: ...

    found = messages(
        "post", {"count": "{{ A.n }}", "tags": ["{% if x %}1{% endif %}", "y"], "extra": "{{ A.n }}"}
    )

    assert found.keys() == {"config.text", "config.tags[1]", "config.extra"}


def test_a_handler_nobody_here_knows_has_no_say_about_its_config() -> None:
    catalogue = Catalogue(extra=frozenset({"elsewhere"}))

    assert "elsewhere" in catalogue.names
    assert catalogue.check_config("elsewhere", {"x": 1}) == []
    assert catalogue.default_retry("elsewhere") is None


GOOD: list[tuple[str, dict[str, Any]]] = [
    ("noop", {"anything": [1, {"a": "{{ A.x }}"}]}),
    ("call_external_service", {"url": "http://service-a"}),
    ("llm", {"prompt": "Summarize {{ A.data }}"}),
    (
        "llm",
        {"messages": "{{ inputs.messages }}", "max_tokens": "{{ inputs.n }}", "schema": {"type": "object"}},
    ),
    ("llm", {"messages": [{"role": "user", "content": "{{ A.x }}"}], "cache": "1h", "effort": "low"}),
    ("unreliable", {}),
    ("unreliable_handler", {"fail_times": 2}),
    ("http", {"url": "{{ inputs.url }}", "method": "POST", "body": {"a": 1}, "timeout": "30s"}),
    ("http", {"url": "http://a", "headers": {"X": 1}, "query": {"a": [1, 2]}, "expect_status": [404, "5xx"]}),
    ("http", {"url": "http://a", "expect_status": "{{ inputs.s }}", "timeout": "{{ inputs.t }}"}),
    ("http", {"url": "http://a", "expect_status": ["{{ inputs.s }}"]}),
    ("transform", {"expression": "{{ A.x }}"}),
    ("transform", {"output": {"sum": "{{ A.x }}"}}),
    ("condition", {"expression": "A.x > 1", "true_branch": ["B"], "false_branch": "C"}),
    ("delay", {"seconds": 1.5}),
    ("delay", {"seconds": "1h30m"}),
    ("delay", {"until": "2027-01-01T00:00:00Z"}),
    ("delay", {"until": "{{ inputs.at }}"}),
]
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("call_external_service", {}, "config.url"),
    ("call_external_service", {"url": "http://a", "max_bytes": 5}, "config.max_bytes"),
    ("llm", {}, "config"),
    ("llm", {"prompt": "a", "messages": [{"role": "user", "content": "b"}]}, "config"),
    ("llm", {"prompt": "a", "temperature": 1}, "config.temperature"),
    ("llm", {"prompt": "a", "max_tokens": 0}, "config.max_tokens"),
    ("llm", {"prompt": "a", "schema": {"type": "objekt"}}, "config.schema.type"),
    ("llm", {"prompt": "a", "extra_body": {"stream": True}}, "config.extra_body"),
    ("llm", {"messages": [{"role": "system", "content": "a"}]}, "config.messages[0].role"),
    ("llm", {"messages": [{"role": "user"}]}, "config.messages[0].content"),
    ("unreliable", {"failure_rate": 2}, "config.failure_rate"),
    ("http", {"url": "http://a", "timeout": "soon"}, "config.timeout"),
    ("http", {"url": "http://a", "timeout": 0}, "config.timeout"),
    ("http", {"url": "http://a", "expect_status": [999]}, "config.expect_status"),
    ("http", {"url": "http://a", "method": "GET IT"}, "config.method"),
    ("transform", {}, "config"),
    ("transform", {"expression": 1, "output": 2}, "config"),
    ("condition", {"true_branch": ["B"]}, "config"),
    ("condition", {"expression": "1", "true_branch": [1]}, "config.true_branch[0]"),
    ("delay", {}, "config"),
    ("delay", {"seconds": -1}, "config.seconds"),
    ("delay", {"seconds": 1, "until": 2}, "config"),
    ("delay", {"until": "tomorrow"}, "config.until"),
]


@pytest.mark.parametrize(("name", "config"), GOOD)
def test_documented_configs_are_accepted(name: str, config: dict[str, Any]) -> None:
    assert check_config(name, config) == []


@pytest.mark.parametrize(("name", "config", "path"), BAD)
def test_wrong_configs_are_refused_where_they_are_wrong(name: str, config: dict[str, Any], path: str) -> None:
    assert path in messages(name, config)
