"""What an attempt asks of its worker: sent once, waited for or awaited, given up when nobody waits."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from clients.http.client import GuardedHttpClient
from headrace import Cancelled, HttpResult, Retryable, Terminal
from headrace._asks import Asks
from headrace._frames import frame
from headrace._host_durable import HostJournal
from headrace._host_tools import HostContainers, HostHttp, HostLlm
from headrace.fake_tools import FakeHttp, FakeLlm
from headrace.tools import Containers, Http, Llm


class FakeWire:
    """Keeps what is sent, and answers each question from a thread, as a worker would."""

    def __init__(self, *answers: tuple[dict[str, Any], bytes]) -> None:
        self.sent: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.expected: list[str] = []
        self.asks: Asks | None = None
        self._answers = list(answers)

    def expect(self, what: str) -> None:
        self.expected.append(what)

    def send(self, header: Mapping[str, Any], body: bytes = b"") -> None:
        frame(header, body)
        self.sent.append(dict(header))
        self.bodies.append(body)
        if header["type"] == "ask":
            answers = [{**fields, "n": header["n"]} for fields, _ in self._answers]
            threading.Thread(target=self._answer, args=(answers,)).start()

    def _answer(self, answers: list[dict[str, Any]]) -> None:
        assert self.asks is not None
        for fields, (_, body) in zip(answers, self._answers, strict=True):
            self.asks.take(fields, body)


def asks_on(wire: FakeWire, loop: asyncio.AbstractEventLoop | None = None) -> Asks:
    asks = wire.asks = Asks(wire, 7, loop)  # type: ignore[arg-type]
    return asks


ANSWER = {"type": "answer", "status": 201, "headers": {"a": "b"}, "url": "http://x/", "duration_ms": 5}
RESULT = HttpResult(201, {"a": "b"}, b"\x00body", "http://x/", 5)
FAULT = {"type": "Http.Transport", "message": "no", "retryable": True, "after_s": 3.5, "details": {"k": 1}}


def test_in_a_plain_function_the_call_waits_and_its_answer_may_be_awaited_too() -> None:
    wire = FakeWire((ANSWER, b"\x00body"))
    http = HostHttp(asks_on(wire))

    async def main() -> list[Any]:
        task = asyncio.create_task(http.request("GET", "http://x/"))
        gathered = await asyncio.gather(http.request("GET", "http://x/"))
        return [await http.request("GET", "http://x/"), await task, *gathered]

    assert http.request("POST", "http://x/", content=b"sent", timeout_s=2) == RESULT
    assert asyncio.run(main()) == [RESULT] * 3
    asked = wire.sent[0]
    assert (asked["id"], asked["what"], asked["method"], asked["has_content"]) == (7, "http", "POST", True)
    assert (asked["options"]["timeout_s"], wire.bodies[0]) == (2, b"sent")


async def test_in_the_loop_of_the_host_a_call_is_a_coroutine_that_asks_once_it_runs() -> None:
    wire = FakeWire((ANSWER, b"\x00body"))
    http = HostHttp(asks_on(wire, asyncio.get_running_loop()))

    call: Any = http.request("GET", "http://x/")
    assert inspect.iscoroutine(call) and not wire.sent

    assert await call == RESULT
    assert await asyncio.to_thread(http.request, "GET", "http://x/") == RESULT


@pytest.mark.parametrize(("retryable", "kind"), [(True, Retryable), (False, Terminal)])
def test_an_error_is_raised_with_all_it_says(retryable: bool, kind: type[Exception]) -> None:
    wire = FakeWire(({"type": "answer", "error": {**FAULT, "retryable": retryable}}, b""))

    with pytest.raises(kind, match="no") as raised:
        HostHttp(asks_on(wire)).request("GET", "http://x/")

    error: Any = raised.value
    assert (error.error_type, error.retry_after_s, error.details) == ("Http.Transport", 3.5, {"k": 1})


def test_what_the_worker_ended_is_no_longer_wanted() -> None:
    wire = FakeWire(({"type": "answer", "is_stopped": True}, b""))

    with pytest.raises(Cancelled):
        HostHttp(asks_on(wire)).request("GET", "http://x/")
    assert [each["type"] for each in wire.sent] == ["ask"]


async def test_a_call_that_is_not_awaited_to_its_end_is_withdrawn() -> None:
    wire = FakeWire()
    http = HostHttp(asks_on(wire, asyncio.get_running_loop()))

    async def call() -> HttpResult:
        return await http.request("GET", "http://x/")

    task = asyncio.create_task(call())
    while not wire.sent:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [(each["type"], each["n"]) for each in wire.sent] == [("ask", 1), ("withdraw", 1)]


def test_pieces_come_in_order_before_the_answer() -> None:
    usage = b'{"input": 1, "output": 2, "cache_read": 0, "cache_write": 0}'
    body = b'{"text": "ab", "model": "m", "stop_reason": "end_turn", "usage": ' + usage + b"}"
    pieces = ({"type": "piece", "piece": "a"}, b""), ({"type": "piece", "piece": "b"}, b"")
    wire = FakeWire(*pieces, ({"type": "answer"}, body))
    llm = HostLlm(asks_on(wire), lambda on_text: False)
    taken: list[str] = []

    reply = llm.complete("Why?", on_text=taken.append)

    assert (taken, reply.text, reply.usage.output) == (["a", "b"], "ab", 2)


def test_what_takes_the_pieces_may_end_the_call() -> None:
    wire = FakeWire(({"type": "piece", "piece": "a"}, b""))
    taken: dict[str, None] = {}

    with pytest.raises(KeyError):
        HostLlm(asks_on(wire), lambda on_text: False).complete("Why?", on_text=taken.__getitem__)
    assert wire.sent[-1]["type"] == "withdraw"


def test_what_a_handler_left_behind_waits_no_longer_than_its_attempt() -> None:
    asks = asks_on(FakeWire())
    ended: list[BaseException] = []

    def left_behind() -> None:
        try:
            HostHttp(asks).request("GET", "http://x/")
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=left_behind)
    thread.start()
    while not asks._open:
        thread.join(0.001)
    asks.close()
    thread.join()

    assert isinstance(ended[0], Cancelled)
    with pytest.raises(Terminal, match="has ended"):
        HostHttp(asks).request("GET", "http://x/")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda asks: HostHttp(asks).request("GET", "http://x/", headers={"a": b"b"}),  # type: ignore[dict-item]
            "request.options.headers.a",
        ),
        (lambda asks: HostLlm(asks, bool).complete(messages=[{"role": {1}}]), "config.messages"),
        (lambda asks: HostContainers(asks).run("a:1", args="ls -l"), "'args' is a list"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name_and_not_sent(call: Any, said: str) -> None:
    wire = FakeWire()

    with pytest.raises(Terminal, match=said) as raised:
        call(asks_on(wire))

    assert raised.value.error_type == "ConfigError" and not wire.sent


@pytest.mark.parametrize(
    ("promised", "made"),
    [
        (Http.request, (HostHttp.request, FakeHttp.request, GuardedHttpClient.request)),
        (Llm.complete, (HostLlm.complete, FakeLlm.complete)),
        (Containers.run, (HostContainers.run,)),
    ],
)
def test_all_who_stand_for_a_client_take_the_same(promised: Any, made: tuple[Any, ...]) -> None:
    wanted = inspect.signature(promised).parameters

    assert [inspect.signature(each).parameters for each in made] == [wanted] * len(made)


async def test_an_entry_is_on_its_way_once_it_is_appended_and_its_answer_is_looked_for() -> None:
    wire = FakeWire(({"type": "answer", "number": 1}, b""))
    journal: Any = HostJournal(asks_on(wire, asyncio.get_running_loop()), is_empty=True)

    written = journal.append({"a": 1})

    assert ([each["what"] for each in wire.sent], wire.expected) == (["journal.append"], ["entry"])
    assert (await written).number == 1
