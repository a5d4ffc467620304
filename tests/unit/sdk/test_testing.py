"""headrace.testing: one attempt of a handler, by the rules of a worker; and whole workflows, simulated."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel, ConfigDict

from headrace import (
    Client,
    Completed,
    Context,
    Parked,
    Retryable,
    Skip,
    Skipped,
    Terminal,
    Waiting,
    fake_context,
    handler,
)
from headrace.registration import HANDLER_REGISTRY
from headrace.testing import Error, Line, run, run_async, simulate


class Counting(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    at_least: int = 1


@dataclass
class Count:
    words: int


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = dict(HANDLER_REGISTRY)
    handler("count", "count_words", config=Counting)(count)
    yield
    HANDLER_REGISTRY.clear()
    HANDLER_REGISTRY.update(before)


def count(config: Counting, context: Context) -> Count:
    words = len(config.text.split())
    context.log("counted", words=words)
    context.heartbeat({"words": words})
    if words < config.at_least:
        raise Retryable(f"only {words} words", after_s=5, type="TooFew", details={"words": words})
    return Count(words)


async def stream(config: dict[str, Any], context: Context) -> Completed:
    context.token("wrong")
    context.reset_stream("again")
    context.token("He")
    context.token("llo")
    context.progress(0.5, "half")
    await context.emit("Greeted", {"name": config["name"]})
    return Completed({"text": "Hello"}, not_taken=("other",))


def test_an_attempt_gives_its_output_as_json_and_what_it_reported() -> None:
    ran = run(count, {"text": "a b c", "at_least": "2"})

    assert (ran.outcome, ran.output) == ("completed", {"words": 3})
    assert ran.lines == (Line("info", "counted", {"words": 3}),)
    assert ran.beats == ({"words": 3},)
    assert run("count_words", {"text": "a"}).output == {"words": 1}


def test_a_failure_is_a_value() -> None:
    ran = run(count, {"text": "a", "at_least": 2})

    assert ran.error == Error("TooFew", "only 1 words", retryable=True, after_s=5, details={"words": 1})
    assert isinstance(ran.raised, Retryable)
    assert ran.lines


def test_a_config_is_checked_as_a_worker_does() -> None:
    ran = run(count, {"txt": "a"})

    assert ran.error is not None
    assert (ran.error.type, ran.error.retryable) == ("ConfigError", False)
    assert "no config field 'txt'; allowed: text, at_least" in ran.error.message
    with pytest.raises(TypeError, match=r"config\.text is of the type set"):
        run(count, {"text": {1}})


async def test_an_async_handler_runs_in_the_loop_or_in_one_of_its_own() -> None:
    ran = await run_async(stream, {"name": "Ada"})

    assert ran.text == "Hello"
    assert ran.not_taken == ("other",)
    assert ran.progress == ((0.5, "half"),)
    assert ran.events == (("Greeted", {"name": "Ada"}),)


def test_events_that_belong_to_the_end_are_seen_behind_the_others() -> None:
    async def act(config: dict[str, Any], context: Context) -> Completed:
        await context.emit("Begun", 1)
        return Completed("all", events=(("Done", {"n": 2}),))

    assert run(act).events == (("Begun", 1), ("Done", {"n": 2}))
    refused = run(lambda config, context: Completed(1, events=("Done",)))  # type: ignore[arg-type]
    assert refused.error is not None
    assert refused.error.type == "EventInvalid"
    assert refused.error.message == (
        "events[0] of a Completed is a TypedEvent, or a tuple of its fields, got text"
    )


@pytest.mark.parametrize(
    ("event", "type", "message"),
    [
        (("bad name!", 1), "EventInvalid", "the type of an event must be made of letters"),
        ((7, 1), "EventInvalid", "the type of an event must be made of letters"),
        (("Made", 1, ("no parent",)), "EventInvalid", "a parent of event 'Made' must be made of letters"),
        (("Made", "x" * 300_000), "EventInvalid", "has 300,002 bytes as JSON; allowed are 262,144"),
        (("Made", {1}), "EventInvalid", "value is of the type set"),
    ],
)
def test_an_event_that_a_worker_refuses_is_refused_here(event: Any, type: str, message: str) -> None:
    def emit(config: dict[str, Any], context: Context) -> None:
        context.emit(*event)

    for ran in (run(emit), run(lambda config, context: Completed(1, events=[event]))):
        assert ran.error is not None
        assert ran.error.type == type
        assert message in ran.error.message


def test_none_of_the_events_of_an_end_is_seen_where_one_is_refused() -> None:
    ran = run(lambda config, context: Completed(1, events=[("Made", 1), ("no name!", 2)]))

    assert ran.error is not None
    assert ran.error.message.startswith("events[1]: the type of an event must be made of letters")
    assert ran.events == ()


def test_an_error_has_the_traceback_that_a_worker_gives_it_and_no_details_where_there_are_none() -> None:
    def fails(config: dict[str, Any], context: Context) -> None:
        raise ValueError("odd\n  value")

    error = run(fails).error
    assert error is not None and error.details is not None
    assert error.message == "ValueError: odd value"
    lines = error.details["traceback"].splitlines()
    assert lines[1].endswith(", in fails") and lines[-2:] == ["ValueError: odd", "  value"]
    assert run(lambda config, context: _raise(Terminal("no"))).error == Error("HandlerError", "no", False)


def test_an_output_that_a_worker_does_not_keep_is_refused() -> None:
    def long(config: dict[str, Any], context: Context) -> Any:
        text = "x" * config["chars"]
        return Waiting(delay_ms=1, output=text) if config.get("waits") else text

    assert run(long, {"chars": 1024 * 1024 - 2}).outcome == "completed"
    for config in ({"chars": 1024 * 1024 - 1}, {"chars": 1024 * 1024 - 1, "waits": True}):
        error = run(long, config).error
        assert error is not None
        assert (error.type, error.details) == ("OutputTooLarge", {"bytes": 1_048_577, "max_bytes": 1_048_576})
    assert run(long, {"chars": 9}, output_max_bytes=10).outcome == "failed"


def test_a_handler_that_is_not_declared_durable_may_not_park_or_write_down() -> None:
    @handler("forgetful")
    def forgetful(config: dict[str, Any], context: Context) -> Any:
        return context.journal.read() if config.get("reads") else Parked()

    parked, read = run(forgetful).error, run(forgetful, {"reads": True}).error

    assert parked is not None and read is not None
    assert parked.message == "handler 'forgetful' returned Parked, and is not declared with durable=True"
    assert read.message == "context.journal is for handlers that are declared with durable=True"


def test_a_mistyped_field_of_the_context_is_refused_with_the_nearest() -> None:
    with pytest.raises(TypeError, match="has no argument 'inptus'; did you mean 'inputs'"):
        run(stream, {}, inptus={})


def test_an_execution_keeps_so_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fake_context, "MAX_EVENTS", 2)
    ran = run(lambda config, context: Completed(1, events=[("Made", 1)] * 3))

    assert ran.error is not None
    assert ran.error.type == "EventsExceeded"


def test_an_async_handler_needs_no_test_that_is_a_coroutine() -> None:
    assert run(stream, {"name": "Ada"}).output == {"text": "Hello"}


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda c, x: Skipped("empty"), ("skipped", None, "empty")),
        (lambda c, x: _raise(Skip("empty")), ("skipped", None, "empty")),
        (lambda c, x: _raise(Terminal("no", type="No")), ("failed", "No", None)),
        (lambda c, x: _raise(ValueError("odd")), ("failed", "HandlerError", None)),
        (lambda c, x: x.raise_if_cancelled(), ("failed", "Cancelled", None)),
        (lambda c, x: {1}, ("failed", "HandlerError", None)),
        (lambda c, x: x.http, ("failed", "HandlerError", None)),
        (lambda c, x: Waiting(delay_ms=5, output=1), ("waiting", None, None)),
    ],
)
def test_every_end_of_an_attempt_can_be_told_apart(act: Any, expected: tuple[Any, ...]) -> None:
    ran = run(act, is_cancelled=True)

    assert (ran.outcome, ran.error and ran.error.type, ran.reason) == expected


async def test_a_cancelled_test_ends_a_handler_that_hangs() -> None:
    hangs = asyncio.Event()

    async def hang(config: dict[str, Any], context: Context) -> None:
        hangs.set()
        await asyncio.Event().wait()

    async def let_one_escape(config: dict[str, Any], context: Context) -> None:
        raise asyncio.CancelledError

    running = asyncio.create_task(run_async(hang))
    await hangs.wait()
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await run_async(let_one_escape)).outcome == "failed"


def test_the_context_is_as_the_test_wants_it() -> None:
    def look(config: dict[str, Any], context: Context) -> dict[str, Any]:
        return {"key": context.idempotency_key, "try": context.try_number, "last": context.last_heartbeat}

    ran = run(look, node_id="ask[3]", try_number=2, last_heartbeat={"at": 7})

    assert ran.output == {"key": "execution-1:ask[3]", "try": 2, "last": {"at": 7}}


def test_what_the_worker_refuses_of_reports_is_refused() -> None:
    def beat(config: dict[str, Any], context: Context) -> None:
        context.heartbeat({"x": "y" * 20_000})

    def emit(config: dict[str, Any], context: Context) -> None:
        context.emit("X", {1, 2})

    assert "bytes; allowed are 16,384" in str(run(beat).error)
    error = run(emit).error
    assert error is not None
    assert error.type == "EventInvalid"


def test_a_simulation_sends_outputs_as_stubs() -> None:
    seen: list[Any] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(json.loads(request.content))
        node = {"node_id": "a", "status": "COMPLETED"}
        return httpx2.Response(200, json={"status": "COMPLETED", "duration_ms": 7, "nodes": [node]})

    with Client("http://server", transport=httpx2.MockTransport(answer)) as client:
        found = simulate(
            client, "name: x\nnodes: []", outputs={"a": 1}, stubs={"nodes": {"a": {"duration": "7ms"}}}
        )

    assert (found.status, found.duration_ms, found.status_of("a")) == ("COMPLETED", 7, "COMPLETED")
    assert seen[0]["stubs"] == {"nodes": {"a": {"duration": "7ms", "output": 1}}}


def _raise(error: Exception) -> Any:
    raise error


def test_what_a_test_shows_of_an_attempt_has_no_room_taken_by_what_it_did_not_do() -> None:
    @handler("says_little")
    async def says_little(config: dict[str, Any], context: Context) -> Any:
        return {"a": [asyncio.sleep(0)]}

    shown = repr(run(says_little, {}))

    assert shown.startswith("Ran(outcome='failed', error=Error(type='HandlerError', message=")
    assert "`await` is probably missing" in shown
    assert len(shown) < 240
    assert "lines" not in shown
    assert "after_s" not in shown
